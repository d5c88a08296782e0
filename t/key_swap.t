#!/usr/bin/perl

# A key file that changes under a running nginx: seen by every worker without
# a reload, while clients go on calling; what is broken changes nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Gate;
use Site;
use Token;
use Watch qw(within workers);

use constant { CLIENTS => 16, WORKERS => 2 };

my $site = Site->new('slow', 'eager', 'mount');
my $file = $site->path('run/swap.json');
my @key = map { Token::key('ES256') } 0 .. 5;
my @token = map { Token::mint('ES256', $key[$_], "k$_") } 0 .. 5;

write_set($file, 0);
mount('a', 0);
symlink 'a', $site->path('run/mount');

my $conf = $site->conf(keys => 0, server => <<"CONF");
        auth_jwt portero;
        auth_jwt_key_file $file;
        auth_jwt_key_cache 1s;
        add_header X-Status \$jwt_status always;
        add_header X-Worker \$pid always;
        location / { }
        location /slow/ { auth_jwt_key_cache 1h min_refresh=1h; }
        location /eager/ { auth_jwt_key_cache 0; }
        location /mount/ {
            auth_jwt_key_file @{[ $site->path('run/mount') ]}/keys.json;
        }
CONF
$conf =~ s/worker_processes auto/worker_processes @{[ WORKERS ]}/;
$site->start_nginx($conf);


# --- replaced, while clients call -------------------------------------------

is(ask(0), '200 ok', 'a key');
is(ask(1), '401 key', 'another one is not known');

my $workers = workers($site->pid('nginx'));
my $clients = callers(sub { $_[0] eq '200 ok' }, sub {
    return $token[0];
});
my %way = (
    'a new file, renamed' => sub { write_set($file, @_) },
    'written in place'    => sub { overwrite($file, set(@_)) },
    'written in place, with the same length and time' => sub {
        my @time = (stat $file)[8, 9];
        overwrite($file, set(@_));
        utime @time, $file;
    },
    'moved away, and back' => sub {
        rename $file, "$file.old";
        overwrite("$file.new", set(@_));
        sleep 0.2;
        rename "$file.new", $file;
    },
);

my $n = 1;
for my $way (sort keys %way) {
    my $before = $n == 1 ? undef : $n - 1;
    $way{$way}->(0, $n);
    is(within(sub { everywhere($n, '200 ok') }), 1,
        "$way: the new key works in every worker");
    is(within(sub { everywhere($before, '401 key') }), 1,
        'the one that is gone no longer does') if $before;
    $n++;
}
is($clients->(), '', CLIENTS . ' clients with a key that stayed saw nothing');
is(workers($site->pid('nginx')), $workers,
    'by the workers of the beginning');


# --- in no hurry ------------------------------------------------------------

is(ask(5, '/slow/file.html'), '401 key', 'where the time is long');
write_set($file, 0, 5);
is(within(sub { everywhere(5, '200 ok') }), 1, 'a key is new');
is(ask(5, '/eager/file.html'), '200 ok', 'it is known at once where it is 0');


# --- broken -----------------------------------------------------------------

for my $broken (
    ['not JSON'                  => sub { overwrite($file, '{"keys":[') }],
    ['empty'                     => sub { overwrite($file, '') }],
    ['without a key of any use'  => sub { overwrite($file, '{"keys":[]}') }],
    ['too large'                 => sub { overwrite($file, ' ' x 300_000) }],
    ['gone'                      => sub { unlink $file }],
    ['a folder'                  => sub { unlink $file; mkdir $file }],
    ['not to be read'            => sub { chmod 0000, $file }],
) {
    my ($name, $do) = @$broken;
    my $mark = -s $site->nginx_log;

    $do->();
    next if $name =~ /read/ && $> == 0 && !$site->{www_user};
    is(within(sub {
        ask(0);
        return grep { /\[error\].*swap\.json/ } lines($mark);
    }), 1,
        "$name: the log says so");
    my $until = time + 1.5;
    my %seen;
    while (time < $until) {
        $seen{ask(0)}++;
        sleep 0.05;
    }
    is(join(' ', sort keys %seen), '200 ok', 'the keys of before serve');
    my @said = grep { /\[error\].*swap\.json.*what it held before is kept/ }
        lines($mark);
    cmp_ok(scalar @said, '<=', WORKERS, 'each worker says so once');
    unlike(join('', @said), qr/"kty"/, 'and nothing of what is in it');
    chmod 0644, $file;
    rmdir $file;
    write_set($file, 0, 1);
    is(within(sub { everywhere(1, '200 ok') }), 1, 'mended: the new key works');
    write_set($file, 0, 5);
    is(within(sub { everywhere(1, '401 key') }), 1, 'and can be taken back');
}


# --- a folder that is swapped, as Kubernetes does ---------------------------

is(ask(0, '/mount/file.html'), '200 ok', 'a mounted folder');
mount('b', 2);
symlink 'b', $site->path('run/mount.new');
rename $site->path('run/mount.new'), $site->path('run/mount');
is(within(sub { everywhere(2, '200 ok', '/mount/file.html') }), 1,
    'another one in its place: its key works');
is(within(sub { everywhere(0, '401 key', '/mount/file.html') }), 1,
    'the old one does not');

$site->finish;
done_testing();


sub set { return Token::jwks(map { Token::jwk($key[$_], kid => "k$_") } @_) }


sub write_set {
    my ($path, @keys) = @_;
    Stack::replace($path, set(@keys));
    chmod 0644, $path;
}


sub overwrite {
    my ($path, $text) = @_;
    open my $out, '>', $path or die "$path: $!\n";
    syswrite $out, $text;
    close $out;
}


sub mount {
    my ($name, @keys) = @_;
    mkdir $site->path("run/$name");
    write_set($site->path("run/$name/keys.json"), @keys);
}


sub ask {
    my ($k, $path) = @_;
    my $answer = $site->ask($path // '/file.html', $token[$k]);
    return "$answer->{status} " . Gate::header($answer, 'X-Status');
}


# What all workers say of it, on connections until each has been asked.

sub everywhere {
    my ($k, $expected, $path) = @_;

    my %said;
    for (1 .. 200) {
        my $answer = $site->ask($path // '/file.html', $token[$k]);
        return 0 if "$answer->{status} " . Gate::header($answer, 'X-Status')
            ne $expected;
        $said{Gate::header($answer, 'X-Worker')} = 1;
        return 1 if keys %said == WORKERS;
    }
    return 1;
}



# Clients that call on and on; the function stops them and tells what was
# wrong.

sub callers {
    my ($right, $token) = @_;

    pipe my $out, my $in or die "pipe: $!\n";
    my @pid;
    for (1 .. CLIENTS) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            local $SIG{TERM} = 'DEFAULT';
            while (1) {
                my $answer = $site->ask('/file.html', $token->());
                my $said = "$answer->{status} "
                    . Gate::header($answer, 'X-Status');
                syswrite $in, "$said\n" unless $right->($said);
                sleep 0.02;
            }
        }
        push @pid, $pid;
    }
    close $in;

    return sub {
        kill TERM => @pid;
        waitpid $_, 0 for @pid;
        local $/;
        return <$out> // '';
    };
}


sub lines {
    my ($from) = @_;
    open my $log, '<', $site->nginx_log or die $!;
    seek $log, $from, 0;
    return <$log>;
}
