# The processes of the login service: who runs, who replaces whom, what a
# signal does, and that no client can hold what others need.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EAGAIN);
use Socket qw(PF_UNIX SOCK_NONBLOCK SOCK_STREAM pack_sockaddr_un);
use Test::More;
use Time::HiRes qw(sleep time);

use FastCGI qw(begin fcgi fcgi_connect fcgi_read params stdin);
use Gate;


my $gate = Gate->new(settings => { PASSWORD_WORKERS => 2, PASSWORD_QUEUE => 2,
                                   TOKEN_WORKERS => 3 });
my $run = $gate->path('run');
$SIG{PIPE} = 'IGNORE';

my ($password, $token, $internal) =
    map { "$run/$_.sock" } qw(password token internal);

$gate->create_folders;
$gate->write_config;
$gate->portero('key', 'generate');

{
    local $ENV{PORTERO_CLIENT_ID} = 'not-for-everybody';
    $gate->start_login;
}


# --- helpers ----------------------------------------------------------------

# { title => [pids] } of the children of a process.
sub workers {
    my ($master) = @_;

    my %found;
    for my $dir (glob '/proc/[0-9]*') {
        open my $stat, '<', "$dir/stat" or next;
        my ($parent) = (<$stat> // '') =~ /\) \S (\d+)/ or next;
        next if $parent != $master;
        push @{ $found{title($dir)} }, $dir =~ m{(\d+)$};
    }
    return \%found;
}


sub title {
    my ($dir) = @_;
    open my $file, '<', "$dir/cmdline" or return '';
    my ($title) = (<$file> // '') =~ /\A([^\0]*)/;
    return $title;
}


sub counts {
    my $workers = workers($gate->pid('login'));
    return join ', ', map { "$_: " . @{ $workers->{$_} } } sort keys %$workers;
}


sub all_pids {
    my $workers = workers($gate->pid('login'));
    return join ' ', sort { $a <=> $b } map { @$_ } values %$workers;
}


sub becomes {
    my ($expected, $name, $what) = @_;

    my $end = time + 15;
    my $got = $what->();
    while ($got ne $expected && time < $end) {
        sleep 0.02;
        $got = $what->();
    }
    is($got, $expected, $name);
}


# A request whose body is still to come; a worker waits for it.
sub half_request {
    my ($socket, $path, $body) = @_;

    my $connection = fcgi_connect($socket) or die "$socket: $!\n";
    syswrite $connection, begin() . params(REQUEST_METHOD => 'POST',
        DOCUMENT_URI => $path, REMOTE_ADDR => '192.0.2.7',
        CONTENT_TYPE => 'application/json', CONTENT_LENGTH => length $body);
    return $connection;
}


# How many connections wait on a socket to be accepted.
sub waiting {
    my ($socket) = @_;
    my @row = grep { /\Q$socket\E / } `ss -lxH`;
    return (split ' ', $row[0] // '')[2] // 'nobody listens';
}


my $FULL = 'portero-login: internal worker: 1, '
    . 'portero-login: password worker: 2, portero-login: token worker: 3';


# --- who runs ---------------------------------------------------------------

like($gate->login_says(qr/"event":"started"/),
    qr/"role":"master".*"workers":"password 2, token 3, internal 1"/,
    'the start is told');
is(title('/proc/' . $gate->pid('login')), 'portero-login: master',
    'the master has its title');
becomes($FULL, 'and so do its workers', \&counts);

my $workers = workers($gate->pid('login'));
for my $title (sort keys %$workers) {
    my $nice = (split ' ', `cat /proc/$workers->{$title}[0]/stat`)[18];
    is($nice, $title =~ /password/ ? 5 : 0, "niceness: $title");
}

for my $pid ($gate->pid('login'), split ' ', all_pids()) {
    open my $file, '<', "/proc/$pid/environ" or die "$pid: $!\n";
    unlike(do { local $/; <$file> } // '', qr/not-for-everybody/,
        'what the environment said is not shown to others');
}

like(fcgi($internal, GET => '/healthz'), qr/\AStatus: 200 OK\r\n/,
    'the internal lane answers');
like(fcgi($token, GET => '/.well-known/jwks.json'),
    qr/\AStatus: 200 OK\r\n.*"keys"/s, 'the token lane answers');
like(fcgi($password, GET => '/auth/login'), qr/\AStatus: 405 /,
    'the password lane answers');
like(fcgi($internal, GET => '/readyz'),
    qr/\AStatus: 503 .*Retry-After: \d+.*"reason":"database"/s,
    'not ready without a database');


# --- a worker dies ----------------------------------------------------------

my ($victim) = @{ workers($gate->pid('login'))->{
    'portero-login: internal worker'} };
kill KILL => $victim;

like($gate->login_says(qr/"event":"worker_died"/),
    qr/"lane":"internal","worker":"$victim","reason":"signal 9/,
    'a death is told, with its signal');
becomes($FULL, 'and the worker is replaced', \&counts);
like(fcgi($internal, GET => '/healthz'), qr/\AStatus: 200 /,
    'its lane answers again');


# --- clients that send nothing, or rubbish ----------------------------------

my $before = all_pids();
my @silent = map { fcgi_connect($token) } 1 .. 2;
my $beginner = fcgi_connect($token);
syswrite $beginner, begin();

is(fcgi_read($_), '', 'a silent client is sent away') for @silent;
is(fcgi_read($beginner), '', 'so is one that only begins');

like($gate->login_says(qr/no complete FastCGI request came/),
    qr/"role":"token"/, 'this is told');

for my $rubbish ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\0" x 4096,
        "\xff" x 70000, begin() . "\1\4\0\1\xff\xff\0\0" . "\x7f" x 65535,
        begin() . params(A => 'b') . "\2" x 16) {
    my $connection = fcgi_connect($internal);
    syswrite $connection, $rubbish;
    shutdown $connection, 1;
    is(fcgi_read($connection), '', 'rubbish is answered by nothing');
}

like(fcgi($internal, GET => '/healthz', keep => 1), qr/\AStatus: 200 /,
    'a client that asks to keep its connection is answered');
like(fcgi($internal, GET => '/healthz'), qr/\AStatus: 200 /,
    'and does not keep the worker');
is(all_pids(), $before, 'no worker died of any of it');


# --- lanes do not wait for each other ---------------------------------------

my $body = '{"username":"a"}';
my @busy = map { half_request($password, '/auth/login', $body) } 1 .. 2;
becomes(0, 'all password workers are busy', sub { waiting($password) });

my @queue = map { half_request($password, '/auth/login', $body) } 1 .. 4;
is(waiting($password), 4, 'their queue is full');

# As nginx does it, which does not wait.
socket my $refused, PF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0;
ok(!connect($refused, pack_sockaddr_un($password)) && $!{EAGAIN},
    'the next client is refused at once');

like(fcgi($internal, GET => '/healthz'), qr/\AStatus: 200 /,
    'meanwhile the internal lane answers');
like(fcgi($token, GET => '/.well-known/jwks.json'), qr/\AStatus: 200 /,
    'and the token lane');

syswrite $_, stdin($body) for @busy, @queue;
like(fcgi_read($_), qr/\AStatus: \d+ /, 'who waited is answered')
    for @busy, @queue;


# --- SIGHUP -----------------------------------------------------------------

$before = all_pids();
$gate->write_config(PASSWORD_MIN => 4);
kill HUP => $gate->pid('login');

like($gate->login_says(qr/"event":"reload_refused"/),
    qr/"level":"error".*portero\.conf:\d+: PASSWORD_MIN: .*8 to 64/,
    'a broken configuration is refused, with its line');
is(all_pids(), $before, 'and all goes on as before');

$gate->write_config(SOCKET_DIR => $gate->path('nginx'));
kill HUP => $gate->pid('login');
like($gate->login_says(qr/"event":"reload_refused"/), qr/restart portero-login/,
    'sockets do not move');
is(all_pids(), $before, 'nor does anything change');

my $running = half_request($token, '/auth/refresh', '{"refresh_token":1}');
becomes(0, 'a request runs', sub { waiting($token) });

$gate->write_config(TOKEN_WORKERS => 1);
kill HUP => $gate->pid('login');
like($gate->login_says(qr/"event":"reloaded"/), qr/"role":"master"/,
    'a good one is taken');
like(fcgi($token, GET => '/.well-known/jwks.json'), qr/\AStatus: 200 /,
    'the new workers answer while the old request runs');

syswrite $running, stdin('{"refresh_token":1}');
like(fcgi_read($running), qr/\AStatus: 4\d\d /, 'which ends with its answer');

becomes('portero-login: internal worker: 1, '
    . 'portero-login: password worker: 2, portero-login: token worker: 1',
    'then the old ones have left', \&counts);
is((grep { my $pid = $_; grep { $_ == $pid } split ' ', $before }
    split ' ', all_pids()), 0, 'all of them');


# --- the key directory changes ----------------------------------------------

sub served { return fcgi($token, GET => '/.well-known/jwks.json') }

$before = all_pids();
my $served = served();
my $keys = $gate->path('keys');

my @files = glob "$keys/*";
cmp_ok(scalar @files, '>', 0, 'there are keys');
rename $keys, "$keys.away" or die "$keys: $!\n";

like($gate->login_says(qr/"event":"keys_refused"/),
    qr/"level":"error".*"reason":"[^"]*\Q$keys\E/,
    'keys that are gone are told of');
is(served(), $served, 'the old ones stay in force');
is(all_pids(), $before, 'with the same workers');

$gate->folder('keys', 'www_user', 0700);
$gate->portero('key', 'generate');
like($gate->login_says(qr/"event":"keys_loaded"/), qr/"kid":"[\w-]{43}"/,
    'new ones are taken without being asked to');
becomes('others', 'and served, when the old workers have left',
    sub { served() eq $served ? 'the old ones' : 'others' });
becomes('0', 'by new workers', sub {
    my %old = map { $_ => 1 } split ' ', $before;
    return scalar grep { $old{$_} } split ' ', all_pids();
});

open my $written, '<', $gate->path('run/gateway-keys.json') or die "$!\n";
my ($kid) = (do { local $/; <$written> } // '') =~ /"kid":\s*"([^"]+)"/;
like(served(), qr/\Q$kid\E/, 'gateways have got them too');


# --- SIGTERM ----------------------------------------------------------------

$running = half_request($token, '/auth/refresh', '{"refresh_token":1}');
becomes(0, 'a request runs', sub { waiting($token) });
my $late = half_request($token, '/auth/refresh', '{"refresh_token":1}');
is(waiting($token), 1, 'another waits');

kill TERM => $gate->pid('login');
like($gate->login_says(qr/"event":"stopping"/), qr/"role":"master"/,
    'the end begins');
ok(!fcgi_connect($token), 'nobody can connect any more');

syswrite $running, stdin('{"refresh_token":1}');
like(fcgi_read($running), qr/\AStatus: 4\d\d /, 'the running request ends');
is(fcgi_read($late) // 'open', '', 'the waiting one is closed');

like($gate->login_says(qr/"event":"stopped"/), qr/"role":"master"/,
    'the end is told');
is($gate->stop_part('login'), 0, 'status 0');
is(join(' ', glob "$run/*.sock"), '', 'no socket is left');


# --- the master is killed ---------------------------------------------------

$gate->start_login;
$gate->login_says(qr/"event":"started"/);

my @orphans = split ' ', all_pids();
cmp_ok(scalar @orphans, '>', 3, 'workers run');
kill KILL => $gate->pid('login');
becomes('', 'they do not outlive their master',
    sub { join ' ', grep { kill 0, $_ } @orphans });
$gate->stop_part('login');

$gate->start_login;
like(fcgi($internal, GET => '/healthz'), qr/\AStatus: 200 /,
    'the next start needs no cleaning up');

for my $signal (qw(INT QUIT)) {
    is($gate->stop_part('login', $signal), 0, "SIG$signal ends it as well");
    $gate->start_login;
}

$gate->finish;
done_testing();
