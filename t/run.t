#!/usr/bin/perl

# "make run": what it prints works when pasted, a second one on the same STATE
# is refused, a restart keeps its state, and nothing is left when it ends.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Cwd qw(abs_path);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gate;

my $root = abs_path("$FindBin::Bin/..");
my $state = tempdir('portero-run-XXXXXX', DIR => '/var/tmp');
my $port = Gate::free_port();

my $build = $ENV{BUILD} = $ENV{PORTERO_BUILD} // "$root/build";

# The variables of the runner are not those of the demo.
delete @ENV{grep { /^PORTERO_/ || /^MAKE/ || $_ eq 'MFLAGS' } keys %ENV};

my $run = start();
my $ready = wait_ready($run);
ok($ready, 'it gets ready') or diag(slurp("$state/out"));

my $out = slurp("$state/out");
like($out, qr/^Portero is ready$/m, 'and says so');
like($out, qr/INSECURE|without Secure/, 'and that cookies are not Secure');

my ($lines) = $out =~ /^  try      (.*?)\n(?=\S)/ms;
$lines =~ s/^\s+//mg;
my $answer = shell($lines);
like($answer, qr/"user":"[0-9a-f-]{36}"/, 'the printed lines log in and call');
like($answer, qr/"roles":"user"/, 'with a role');
like($answer, qr{HTTP/1.1 401 }, 'and are refused without a token');
like($answer, qr/WWW-Authenticate: Bearer realm="Portero"/, 'with a challenge');

is((stat $state)[2] & 07777, 0700, 'STATE is closed to others');
is((stat "$state/ready.json")[2] & 07777, 0600, 'ready.json too');
is($ready->{url}, "http://127.0.0.1:$port", 'ready.json: url');
like(shell("psql -XAt -c 'SELECT current_user' '$ready->{database_url}'"),
    qr/^portero_owner$/, 'ready.json: database_url is the owner');
like(shell("$build/portero --config $ready->{config} user list"),
    qr/^demo\t/, 'ready.json: config');
ok(kill(0 => $_), 'ready.json: pids') for values %{ $ready->{pids} };

my $second = shell("cd $root && STATE=$state PORT=" . Gate::free_port() .
    ' demo/run 2>&1; echo status $?');
like($second, qr/already runs on .*\nstatus 1$/, 'a second start is refused');
$second = shell("cd $root && STATE=$state.2 PORT=$port demo/run 2>&1; " .
    'echo status $?');
like($second, qr/port $port: .*make run PORT=.*\nstatus 1$/,
    'a port in use is named');
$second = shell("cd $root && STATE=$state.2 PORT=" . Gate::free_port() .
    ' PORTERO_NONSENSE=1 demo/run 2>&1; echo status $?');
like($second, qr/no setting NONSENSE.*\nstatus 1$/, 'a wrong setting is named');
is(left($_), '', 'nothing is left of it')
    for readlink("$state.2/data") // 'no data';

# A part that dies is named; the others go on.

kill KILL => $ready->{pids}{login};
ok(wait_for(sub { slurp("$state/err") =~ /login has ended/ }),
    'a part that dies is named');
like(shell("curl -s -o /dev/null -w '%{http_code}' $ready->{url}/open/whoami"),
    qr/^200$/, 'the others go on');
like(shell("curl -s -o /dev/null -w '%{http_code}' $ready->{url}/readyz"),
    qr/^503$/, 'and what needs it says so');

stop($run, 'INT');
ok(!-e "$state/ready.json", 'ready.json is gone');
my $data = readlink "$state/data";
is(left($data), '', 'Ctrl-C leaves nothing running');

# Again.

$run = start();
my $again = wait_ready($run);
is($again->{password}, $ready->{password}, 'a restart keeps the password');
$answer = shell("curl -s $again->{url}/auth/login -H 'Content-Type: " .
    "application/json' -d '" . JSON::PP->new->encode({ username => 'demo',
    password => $again->{password}, delivery => 'token' }) . "'");
like($answer, qr/access_token/, 'and the user');

stop($run, 'TERM');
is(left($data), '', 'SIGTERM leaves nothing running');

remove_tree($data, readlink("$state.2/data") // (), $state, "$state.2");
done_testing();


sub start {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    POSIX::setpgid(0, 0);
    chdir $root;
    $ENV{STATE} = $state;
    $ENV{PORT} = $port;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$state/out" or die "$state/out: $!\n";
    open STDERR, '>', "$state/err" or die "$state/err: $!\n";
    exec 'demo/run' or POSIX::_exit(127);
}


sub wait_ready {
    my ($pid) = @_;

    wait_for(sub { -e "$state/ready.json" ||
                   waitpid($pid, POSIX::WNOHANG()) == $pid });
    return unless -e "$state/ready.json";
    wait_for(sub { slurp("$state/out") =~ /Ctrl-C/ });
    return JSON::PP->new->decode(slurp("$state/ready.json"));
}


sub wait_for {
    my ($condition) = @_;

    my $end = time + 60;
    while (time < $end) {
        return 1 if $condition->();
        sleep 0.05;
    }
    return 0;
}


# As a terminal sends it: to the process group.

sub stop {
    my ($pid, $signal) = @_;

    kill $signal => -$pid;
    ok(wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }),
        "SIG$signal ends it");
    is($?, 0, 'with status 0');
}


sub shell {
    my ($command) = @_;

    open my $sh, '-|', 'timeout', '60', 'sh', '-c', $command
        or die "sh: $!\n";
    local $/;
    my $text = <$sh> // '';
    close $sh;
    return $text;
}


# Processes that have the folder's name in their command line.

sub left {
    my ($folder) = @_;

    return join ' ', grep { slurp($_) =~ /\Q$folder/ }
                     glob '/proc/[0-9]*/cmdline';
}


sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return <$file> // '';
}
