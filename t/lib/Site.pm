package Site;

# A Gate of nginx alone, with one key and a folder of protected files; what a
# test adds is its own part of nginx.conf.
#
#     my $site = Site->new;
#     $site->run(http => '...', server => 'location /a/ { auth_jwt a; }');
#     my $answer = $site->ask('/a/file.html', $site->token(sub => 'ana'));
#     my ($status, $said) = $site->check(http => '...');      # nginx -t
#
# Each folder of web/ that the paths of a test name has its file.html.

use strict;
use warnings;

use parent -norequire, 'Gate';

use File::Path qw(make_path);
use IPC::Open3;
use JSON::PP;

use Gate;
use Token;


sub new {
    my ($class, @folders) = @_;

    my $self = Gate::new($class);

    $self->{key} = Token::key('ES256');
    $self->create_folders;
    Stack::replace($self->path('run/keys.json'),
        Token::jwks(Token::jwk($self->{key}, kid => 'k')));

    for my $folder ('', @folders) {
        make_path($self->path("web/$folder"));
        Stack::replace($self->path("web/$folder/file.html"), "inside\n");
    }
    return $self;
}


sub keys { return $_[0]->path('run/keys.json') }


sub token {
    my ($self, %claims) = @_;
    return Token::mint('ES256', $self->{key}, 'k', %claims);
}


# The key file is in force in all of it, unless keys => 0.

sub conf {
    my ($self, %part) = @_;

    my %with = (main => '', http => '', server => '', keys => 1, %part);
    my $keys = $with{keys} ? 'auth_jwt_key_file ' . $self->keys . ';' : '';

    return <<"CONF";
@{[ $self->nginx_preamble ]}$with{main}
events {}
http {
    access_log off;
@{[ $self->nginx_http_preamble ]}    $keys
    upstream backend { server unix:$self->{data}/run/backend.sock; }
$with{http}
    server {
        listen 127.0.0.1:$self->{port};
        root $self->{data}/web;
$with{server}
    }
}
CONF
}


sub run {
    my ($self, %part) = @_;
    $self->start_nginx($self->conf(%part));
}


# What nginx -t says of it: its exit status, and its lines, without the time
# and the like, and with the configuration's path shortened to "conf".

sub check {
    my ($self, %part) = @_;

    my $path = $self->path('nginx/check.conf');
    Stack::replace($path, $self->conf(%part));

    local %ENV = (%ENV, $self->sanitizer_environment);
    open my $out, '-|', '/usr/sbin/nginx -t -q -p ' . $self->path('nginx')
        . " -c $path 2>&1" or die "nginx: $!\n";
    my $said = do { local $/; <$out> } // '';
    close $out;
    my $status = $? >> 8;

    $said =~ s/\Q$path\E/conf/g;
    $said =~ s/^(?:nginx:|\S+ \S+) (\[\w+\]) (?:\d+#\d+: )?/$1 /mg;
    $said =~ s/^nginx: .* test failed\n//m;
    return ($status, $said);
}


# The line of the configuration that holds a text, for "conf:LINE".

sub line_of {
    my ($self, $text, %part) = @_;

    my $n = 0;
    for (split /\n/, $self->conf(%part)) {
        $n++;
        return $n if index($_, $text) >= 0;
    }
    die "no such line: $text\n";
}


# Over HTTP/2 by curl, on "listen unix:$self->{data}/run/h2.sock http2": without
# TLS a client has to know.  Headers are lines, and may be there twice.

sub http2 {
    my ($self, $path, @lines) = @_;

    my $pid = open3(my $in, my $out, undef, 'curl', '-sS', '--max-time', 20,
        '--http2-prior-knowledge', '--unix-socket',
        $self->path('run/h2.sock'), '-w', '%{http_code}',
        (map { ('-H', $_) } @lines), "http://site.test$path");
    my $text = do { local $/; <$out> };
    waitpid $pid, 0;
    my ($body, $status) = $text =~ /\A(.*)(\d\d\d)\z/s;
    my $json = eval { JSON::PP->new->decode($body) };
    return { raw => $text, status => $status, json => $json };
}


sub ask {
    my ($self, $path, $token, @more) = @_;

    unshift @more, Authorization => "Bearer $token" if defined $token;
    return $self->get($path, @more);
}


1;
