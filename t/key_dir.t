# One database, one KEY_DIR: an instance with other keys would refuse the
# refresh tokens of the others, so it is not taken into service.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Command qw(portero);
use FastCGI qw(fcgi);
use Gate;


my $gate = Gate->new(settings => { KEY_PUBLISH_MINUTES => 0 });
my $PASSWORD = 'correct horse battery';

$gate->start_database;
$gate->add_user('ana', $PASSWORD);
$gate->start_login;


# --- helpers ----------------------------------------------------------------

# Another KEY_DIR, as the service wants it: a copy, or one of its own.
sub key_dir {
    my ($name, $copy) = @_;
    my $path = $gate->path($name);

    if ($copy) {
        system('cp', '-a', $gate->path('keys'), $path) == 0 or die;
    } else {
        my $run = portero($gate, [qw(key generate)],
            env => { PORTERO_KEY_DIR => $path,
                     PORTERO_GATEWAY_KEYS_FILE => $gate->path('g.json') });
        die $run->{err} if $run->{status};
        chown((Stack::uid_gid('www-data')), $path, glob "$path/*") unless $>;
    }
    return $path;
}

# A second instance: runs, or the line in which it says why not.
sub second {
    my ($path) = @_;

    mkdir $gate->path('run2');
    chmod 0750, $gate->path('run2');
    chown((Stack::uid_gid('www-data')), $gate->path('run2')) unless $>;

    local $ENV{PORTERO_KEY_DIR} = $path;
    local $ENV{PORTERO_SOCKET_DIR} = $gate->path('run2');
    local $ENV{PORTERO_GATEWAY_KEYS_FILE} = $gate->path('run2/keys.json');
    my $log = $gate->path('log/second.log');
    unlink $log;
    $gate->start('second', $log, 'www_user',
        $gate->path('bin/portero-login'), '--config', $gate->config);
    my $up = eval { $gate->wait_for('second', sub { -e $log && slurp($log)
        =~ /"event":"started"/ }); 1 };
    return $up ? 'runs' : slurp($log);
}

sub slurp { open my $file, '<', $_[0] or return ''; local $/; return <$file> }

sub end_second { $gate->stop_part('second') }

sub ask {
    my ($run, $path, %body) = @_;
    my ($status, $body) = fcgi($gate->path("$run/token.sock"), POST => $path,
        body => JSON::PP->new->encode(\%body))
        =~ /\AStatus: (\d+).*\r\n\r\n(.*)\z/s;
    return ($status, eval { JSON::PP->new->decode($body) });
}

sub sign_in {
    my ($body) = fcgi($gate->path('run/password.sock'), POST => '/auth/login',
        body => JSON::PP->new->encode({ username => 'ana',
            password => $PASSWORD, delivery => 'token' }))
        =~ /\r\n\r\n(.*)\z/s;
    return JSON::PP->new->decode($body)->{refresh_token};
}


# --- the same, and another --------------------------------------------------

my $token = sign_in();

is(second(key_dir('same', 1)), 'runs', 'a second host with the same keys');
is((ask('run2', '/auth/refresh', refresh_token => $token))[0], 200,
    'goes on with the sessions of the first');
end_second();

my $other = key_dir('other');
my $said = second($other);
like($said, qr/\Q$other\E: KEY_DIR holds another refresh key/,
    'one with other keys does not start');
like($said, qr/portero key adopt/, 'and says what would be right');
end_second();


# --- older, and newer -------------------------------------------------------

my $old = key_dir('old', 1);
$gate->portero(qw(key rotate --refresh --now));
ok($gate->login_says(qr/"event":"keys_loaded"/), 'a rotation');
is((ask('run', '/auth/refresh', refresh_token => $token))[0], 200,
    'goes on with the sessions');
is($gate->value('SELECT count(*) FROM portero.key_ring'), 2,
    'the database knows the new key');
like(second($old), qr/lacks the newest refresh key/,
    'a directory that has not got it does not start');
end_second();
is(second(key_dir('new', 1)), 'runs', 'one that has it does');
end_second();


# --- the database is away at the start --------------------------------------

$gate->stop_part('postgres');
is(second($other), 'runs', 'without a database it starts');
is((ask('run2', '/auth/refresh', refresh_token => $token))[0], 503,
    'but refuses no session');
like(fcgi($gate->path('run2/token.sock'), GET => '/.well-known/jwks.json'),
    qr/\AStatus: 200 /, 'public keys are served');
$gate->start_postgres;
my $end = time + 10;
my $status;
do { ($status) = ask('run', '/auth/refresh', refresh_token => $token) }
    while $status != 200 && time < $end;
is($status, 200, 'the first goes on when it is back');
is((ask('run2', '/auth/refresh', refresh_token => $token))[0], 503,
    'the second with other keys does not');
$gate->wait_for('second', sub {
    slurp($gate->path('log/second.log')) =~ /"event":"keys_refused"/ });
like(slurp($gate->path('log/second.log')),
    qr/"event":"keys_refused".*another refresh key/, 'and tells why');
is((ask('run', '/auth/refresh', refresh_token => $token))[0], 200,
    'no session was lost by it');
end_second();


# --- a directory that is exchanged while it runs ----------------------------

rename $gate->path('keys'), $gate->path('keys.good') or die $!;
rename $other, $gate->path('keys') or die $!;
ok($gate->login_says(qr/"event":"keys_refused".*another refresh key/),
    'other keys are not taken over');
is((ask('run', '/auth/refresh', refresh_token => $token))[0], 200,
    'the old ones stay in force');


# --- when the keys are lost -------------------------------------------------

my $run = portero($gate, [qw(key adopt)]);
is("$run->{status}$run->{err}", '0', 'portero key adopt');
kill 'HUP', $gate->pid('login');
ok($gate->login_says(qr/"event":"(?:reloaded|keys_loaded)"/),
    'then they are taken over');
$end = time + 10;
do { ($status) = ask('run', '/auth/refresh', refresh_token => $token) }
    while $status == 200 && time < $end;
is($status, 401, 'whoever was signed in logs in again');
# A worker of before may have signed in whom one of after does not know.
$end = time + 10;
do { ($status) = ask('run', '/auth/refresh', refresh_token => sign_in()) }
    while $status != 200 && time < $end;
is($status, 200, 'and goes on from there');
like(second($gate->path('keys.good')), qr/another refresh key/,
    'the lost ones are the wrong ones now');
end_second();

$gate->finish;
done_testing();
