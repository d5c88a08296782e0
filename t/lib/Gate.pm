package Gate;

# What a test of the whole stands on: PostgreSQL, the login service and nginx
# with nginx-conf/, on a folder of their own that is gone afterwards.
#
#     my $gate = Gate->new(settings => { REFRESH_GRACE_SECONDS => 2 });
#     $gate->start_all;
#     my $answer = $gate->post('/auth/login', { username => ..., ... });
#
# An answer is { status, headers => { name => [values] }, body, json }.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../demo/lib";
use parent -norequire, 'Stack';

use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

use Events qw(faults);
use Secrets qw(leaks note note_value);
use Stack;


sub new {
    my ($class, %args) = @_;

    # Short: a socket's path ends at 107 bytes.
    my $data = tempdir('portero-t-XXXXXX', DIR => '/var/tmp');

    return Stack::new($class,
        data     => $data,
        build    => $ENV{PORTERO_BUILD},
        port     => free_port(),
        no_sync  => 1,
        settings => {
            KEY_PUBLISH_MINUTES => 0,
            REGISTRATION        => 'open',
            INSECURE_COOKIES    => 'localhost-only',
            PASSWORD_WORKERS    => 1,
            TOKEN_WORKERS       => 4,
            THROTTLE_NETWORK    => 1000,        # t/throttle.t asks for less
            THROTTLE_ACCOUNT_NETWORK => 1000,
            %{ delete $args{settings} || {} },
        },
        %args);
}


sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "no free port: $!\n";
    return $socket->sockport;
}


# Everything up to the parts named; all of them by default.

sub start_all {
    my ($self) = @_;

    $self->start_database;
    $self->start_login;
    $self->start_backend;
    $self->start_nginx($self->demo_conf);
    $self->wait_until_ready;
}


sub start_database {
    my ($self) = @_;

    $self->create_folders;
    $self->create_cluster;
    $self->start_postgres;
    $self->create_database;
    $self->write_config;
    $self->portero('migrate');
    $self->portero('key', 'generate');
}


sub add_user {
    my ($self, $name, $password, @roles) = @_;

    note_value($password);
    $self->portero_with_input("$password\n", 'user', 'add', $name);
    $self->portero('user', 'role', $name, 'add', $_) for @roles;
}


# --- requests ---------------------------------------------------------------

sub get  { my ($self, $path, %h) = @_; $self->request('GET', $path, undef, %h) }
sub post { my ($self, $path, $body, %h) = @_;
           $self->request('POST', $path, $body, %h) }


# The same, asked for again while nginx says that there were too many.

sub login    { my $self = shift; $self->post_patiently('/auth/login', @_) }
sub register { my $self = shift; $self->post_patiently('/auth/register', @_) }


sub post_patiently {
    my ($self, $path, $body, %header) = @_;

    my $end = time + 30;
    while (1) {
        my $answer = $self->post($path, $body, %header);
        return $answer if $answer->{status} != 429 || time > $end;
        sleep 0.1;
    }
}


# One value out of the database, asked for as the owner of the schema.

sub value {
    my ($self, $sql) = @_;

    my $value = $self->sql($sql);
    chomp $value;
    return $value;
}


# A reference is sent as JSON, a text as it is.

sub request {
    my ($self, $method, $path, $body, %header) = @_;

    if (ref $body) {
        $body = JSON::PP->new->utf8->encode($body);
        $header{'Content-Type'} //= 'application/json';
    }

    $header{Host} //= "127.0.0.1:$self->{port}";
    $header{Connection} //= 'close';
    $header{'Content-Length'} //= length $body if defined $body;

    my $text = "$method $path HTTP/1.1\r\n" .
        join('', map { my $name = $_;
                       map { "$name: $_\r\n" }
                       ref $header{$name} ? @{ $header{$name} }
                                          : $header{$name} }
                 sort keys %header) . "\r\n" . ($body // '');

    return parse($self->raw($text));
}


sub raw {
    my ($self, $text) = @_;

    note($text);
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{port}) or die "connect: $!\n";
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "no answer within 30 seconds\n" };
    alarm 30;
    print {$socket} $text;
    my $answer = do { local $/; <$socket> };
    alarm 0;
    return $answer // '';
}


sub parse {
    my ($text) = @_;

    note($text);
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($line, @lines) = split /\r\n/, $head // '';
    my %answer = (raw => $text, body => $body // '', headers => {});

    ($answer{status}) = ($line // '') =~ m{^HTTP/1.1 (\d+)};
    for (@lines) {
        my ($name, $value) = split /:\s*/, $_, 2;
        push @{ $answer{headers}{lc $name} }, $value;
    }
    if (($answer{headers}{'transfer-encoding'}[0] // '') eq 'chunked') {
        my $whole = '';
        while ($answer{body} =~ s/^([0-9a-f]+)\r\n//) {
            my $n = hex $1 or last;
            $whole .= substr $answer{body}, 0, $n, '';
            $answer{body} =~ s/^\r\n//;
        }
        $answer{body} = $whole;
    }
    $answer{json} = eval { JSON::PP->new->utf8->decode($answer{body}) };

    return \%answer;
}


sub header {
    my ($answer, $name) = @_;
    return join ', ', @{ $answer->{headers}{lc $name} || [] };
}


# { name => { value, attributes } } of the answer's Set-Cookie lines.

sub cookies {
    my ($answer) = @_;

    my %cookie;
    for (@{ $answer->{headers}{'set-cookie'} || [] }) {
        my ($pair, @attributes) = split /;\s*/;
        my ($name, $value) = split /=/, $pair, 2;
        $cookie{$name} = { value => $value, attributes => "@attributes" };
    }
    return \%cookie;
}


# Whether it makes a browser forget both.

sub clears_cookies {
    my ($self, $answer) = @_;

    return join('|', sort @{ $answer->{headers}{'set-cookie'} || [] }) eq
        "access-$self->{port}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax|" .
        "refresh-$self->{port}=; Path=/auth; Max-Age=0; HttpOnly; " .
        'SameSite=Strict';
}


# --- logs -------------------------------------------------------------------

# Lines of a log since the last call that match; waits until there is one.

sub log_line {
    my ($self, $log, $pattern) = @_;

    my $from = $self->{read}{$log} // 0;
    my $end = time + 10;
    while (time < $end) {
        open my $file, '<', $log or die "$log: $!\n";
        seek $file, $from, 0;
        my $text = do { local $/; <$file> } // '';
        if (my ($line) = $text =~ /^([^\n]*$pattern[^\n]*)\n/m) {
            $self->{read}{$log} = $from + length $text;
            return $line;
        }
        sleep 0.02;
    }
    return '';
}


sub nginx_says { my ($self, $pattern) = @_;
                 return $self->log_line($self->nginx_log, $pattern) }
sub login_says { my ($self, $pattern) = @_;
                 return $self->log_line($self->login_log, $pattern) }


# The last check of every test file: nothing broke that no answer showed, no
# log has a secret of the test in it, and each line of the service's own is an
# event of its table.

sub finish {
    my ($self) = @_;

    $self->stop;
    for my $log ($self->nginx_log, $self->login_log, $self->backend_log) {
        next unless -e $log;
        open my $file, '<', $log or die "$log: $!\n";
        my @bad = grep { /\[(?:alert|emerg|crit)\]|Sanitizer|runtime error/
                         || /exited on signal/ } <$file>;
        (my $name = $log) =~ s{.*/}{};
        is("@bad", '', "no alert in $name");
    }
    is(join("\n", map { leaks($_) } glob $self->path('log/*')), '',
        'no secret in any log');
    is(join('', map { faults($_) } grep { -e } $self->login_log), '',
        'each line of the service is an event in JSON');
    remove_tree($self->{data});
    delete $self->{data};
}


sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $@, $!);
    $self->stop;
    remove_tree($self->{data}) if $self->{data} && !$ENV{GATE_KEEP};
}


1;
