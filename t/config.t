# What stops the start of the login service: one line that says where and what
# would be right, an exit status of 1, and nothing left behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(sleep time);

use Gate;


my $gate = Gate->new;
my $login = "$gate->{build}/portero-login";
my $run = $gate->path('run');

$gate->create_folders;
$gate->write_config;
$gate->portero('key', 'generate');


# Starts the service and waits for its end: exit status and what it said, of an
# event that tells of a refused start the reason.  One that does start is ended
# after a while, and fails the test by its status.
sub start {
    my ($environment, @options) = @_;

    pipe my $out, my $in or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        close $out;
        delete @ENV{grep { /^PORTERO_/ } keys %ENV};
        %ENV = (%ENV, %$environment);
        open STDERR, '>&', $in;
        open STDOUT, '>&', $in;
        exec 'timeout', '20',
            Stack::setpriv($gate->{www_user}, 'TERM'), $login, @options
            or POSIX::_exit(127);
    }

    close $in;
    my $said = do { local $/; <$out> } // '';
    waitpid $pid, 0;
    my $status = $? >> 8;

    $said =~ s{^(\{.*"event":"start_refused".*\})$}
              {'portero-login: ' . JSON::PP->new->utf8->decode($1)->{reason}}me;
    return ($status, $said);
}


sub config_with {
    my ($file, %settings) = @_;

    my $path = $gate->path($file);
    open my $good, '<', $gate->config or die "$gate->{config}: $!\n";
    my @lines = grep { !exists $settings{(split /=/)[0]} } <$good>;
    push @lines, map { "$_=$settings{$_}\n" }
                 grep { defined $settings{$_} } sort keys %settings;

    open my $out, '>', $path or die "$path: $!\n";
    print {$out} @lines;
    close $out;
    chmod 0644, $path;

    return $path;
}


sub refused {
    my ($name, $pattern, $environment, @options) = @_;

    my ($status, $said) = start($environment, @options);

    is($status, 1, "$name: exit status 1");
    like($said, qr/\Aportero-login: [^\n]*$pattern[^\n]*\n\z/,
        "$name: one line with the reason");
    is(join(' ', glob "$run/*.sock"), '', "$name: no socket is left");
}


sub refused_with {
    my ($name, $pattern, %settings) = @_;
    refused($name, $pattern, {}, '--config', config_with('bad.conf', %settings));
}


# --- options ----------------------------------------------------------------

my ($status, $said) = start({}, '--version');
is($status, 0, '--version succeeds');
like($said, qr/\Aportero-login \d+\.\d+\.\d+\n\z/, '--version says it');

refused('an unknown option', qr/--verbose: unknown.*usage:/, {}, '--verbose');
refused('--config without a file', qr/--config: .*usage:/, {}, '--config');
refused('a file that is not there', qr{/nowhere/conf: No such file}, {},
    '--config', '/nowhere/conf');
refused('PORTERO_CONFIG names the file', qr{/nowhere/env: No such file},
    { PORTERO_CONFIG => '/nowhere/env' });
refused('--config goes before it', qr{/nowhere/conf: No such file},
    { PORTERO_CONFIG => '/nowhere/env' }, '--config=/nowhere/conf');


# --- settings ---------------------------------------------------------------

open my $good, '<', $gate->config or die $!;
my $last = 1 + (my @lines = <$good>);

refused_with('an unknown name',
    qr{bad\.conf:$last: there is no setting SESION_IDLE_MINUTES},
    SESION_IDLE_MINUTES => 5);
refused_with('a value out of bounds',
    qr{bad\.conf:\d+: PASSWORD_MIN: "4" .* 8 to 64 characters},
    PASSWORD_MIN => 4);
refused_with('durations at odds',
    qr{SESSION_IDLE .* is longer than SESSION_ABSOLUTE},
    SESSION_IDLE_HOURS => 100);
refused_with('an issuer on plain http',
    qr{ISSUER: not an https URL}, ISSUER => 'http://login.example');
refused_with('insecure cookies for the world',
    qr{INSECURE_COOKIES: localhost-only needs an ISSUER},
    ISSUER => 'https://login.example');
refused_with('no database', qr{DATABASE_URL is not set; it has to be},
    DATABASE_URL => undef);
refused_with('no issuer', qr{ISSUER is not set},
    ISSUER => undef, INSECURE_COOKIES => undef);
refused_with('HS256 without its key', qr{SECRET_KEY is not set},
    ALGORITHM => 'HS256');

refused('an unknown name in the environment',
    qr{environment: there is no setting PASSWORD_WROKERS},
    { PORTERO_PASSWORD_WROKERS => 1 }, '--config', $gate->config);
refused('the environment is checked like the file',
    qr{environment: PORTERO_TOKEN_WORKERS: "0" will not do},
    { PORTERO_TOKEN_WORKERS => 0 }, '--config', $gate->config);

for my $secret ('Zq8Zq8Zq8Zq8Zq8Zq8Zq8Zq8Zq8Zq8Zq8Zq8', 'Zq8tooshort') {
    ($status, $said) = start({ PORTERO_SECRET_KEY => $secret,
            PORTERO_ALGORITHM => 'HS256' }, '--config', $gate->config);
    is($status, 1, 'a bad secret stops the start');
    like($said, qr/environment: PORTERO_SECRET_KEY: /, 'by its name');
    unlike($said, qr/Zq8/, 'and is not shown');
}

($status, $said) = start({ PORTERO_DATABASE_URL =>
        'postgresql://u:Zq8@[broken/d' }, '--config', $gate->config);
is($status, 1, 'a database URL that cannot be read stops the start');
like($said, qr/^portero-login: DATABASE_URL: libpq cannot read it/m, 'so');
unlike($said, qr/Zq8/, 'and its password is not shown');


# --- keys and sockets -------------------------------------------------------

refused_with('no key directory', qr{/nowhere/keys}, KEY_DIR => '/nowhere/keys');
refused_with('no socket directory', qr{SOCKET_DIR: /nowhere/run: No such file},
    SOCKET_DIR => '/nowhere/run');
refused_with('a socket path that is too long', qr{ends at 107 bytes},
    SOCKET_DIR => long_folder());
refused_with('a group that is not there',
    qr{SOCKET_GROUP: there is no group nobody-has-this},
    SOCKET_GROUP => 'nobody-has-this');

SKIP: {
    skip 'root may give files to any group', 3 if $> == 0 && !$gate->{www_user};
    refused_with('a group that the user is not in',
        qr{SOCKET_GROUP: .* the user of portero-login has to be in it},
        SOCKET_GROUP => 'shadow');
}

chmod 0777, $run;
refused('a socket directory that anybody may write to',
    qr{SOCKET_DIR: .* take the write permission}, {}, '--config', $gate->config);
chmod 0750, $run;

mkdir "$run/token.sock";
refused_once('what is no socket stays', qr{token\.sock is in the way});
ok(-d "$run/token.sock", 'and is still there');
rmdir "$run/token.sock";


sub long_folder {
    my $path = $gate->path('x' x 90);
    mkdir $path;
    chmod 0777 & ~0022, $path;
    chown((Stack::uid_gid($gate->{www_user})), $path) if $gate->{www_user};
    return $path;
}


sub refused_once {
    my ($name, $pattern) = @_;

    my ($status, $said) = start({}, '--config', $gate->config);
    is($status, 1, "$name: exit status 1");
    like($said, qr/\Aportero-login: [^\n]*$pattern[^\n]*\n\z/, "$name: reason");
    is(join(' ', grep { -S } glob "$run/*.sock"), '', 'no socket is left');
}


# --- dead and live instances ------------------------------------------------

for my $lane (qw(password token internal)) {
    my $dead = IO::Socket::UNIX->new(Type => SOCK_STREAM, Listen => 1,
        Local => "$run/$lane.sock") or die "$run/$lane.sock: $!\n";
    chown((Stack::uid_gid($gate->{www_user})), "$run/$lane.sock")
        if $gate->{www_user};
}

ok(!Stack::listening("$run/token.sock"), 'sockets of a dead instance');
$gate->start_login;
ok(Stack::listening("$run/token.sock"), 'are replaced');
is(join(' ', map { sprintf '%o', (stat)[2] & 07777 } glob "$run/*.sock"),
    '660 660 660', 'mode 0660');

($status, $said) = start({}, '--config', $gate->config);
is($status, 1, 'a second instance does not start');
like($said, qr{\Aportero-login: SOCKET_DIR: .* in use by another.*\n\z},
    'and says why');
ok(Stack::listening("$run/token.sock"), 'the first one goes on');

ok(-s $gate->path('run/gateway-keys.json'), 'the set for gateways is written');

is($gate->stop_part('login'), 0, 'it ends with status 0');
is(join(' ', glob "$run/*.sock"), '', 'and takes its sockets along');

$gate->finish;
done_testing();
