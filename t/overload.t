# More logins than there are hands: those beyond the queue are told to come
# again, who is signed in goes on, and a full queue of one instance does not take
# it out of service.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../bench/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use FastCGI qw(fcgi);
use Gate;
use Overload qw(flood refreshes);
use Watch qw(within workers);

my $gate = Gate->new(settings => { PASSWORD_WORKERS => 1, PASSWORD_QUEUE => 1,
    REFRESH_GRACE_SECONDS => 0 });
my %who = (username => 'ana', password => 'correct horse battery');

$gate->start_all;
$gate->add_user(@who{'username', 'password'});
$gate->add_user('calm', $who{password});
my $token = $gate->login({ %who, username => 'calm' })->{json}{refresh_token};
my $before = workers($gate->pid('login'));


# --- one instance -----------------------------------------------------------

my ($busy, $logins) = flood($gate, $token, 3, %who);
is(join(' ', sort keys %{ $busy->{status} }), '200',
    'all refreshes of who is signed in are answered');
cmp_ok($busy->{status}{200}, '>', 20, 'many of them');
cmp_ok($logins->{200}, '>', 0, 'some logins too');
cmp_ok($logins->{'503 complete'}, '>', 0, 'others are told to come again');
is(join(' ', grep { !/^(?:200|503 complete|429 complete)$/ }
    sort keys %$logins), '', 'with Retry-After, as JSON');
is($gate->login({ %who })->{status}, 200, 'afterwards everybody gets in');
is(workers($gate->pid('login')), $before, 'no worker died');

# Who left is not hashed for: with one worker, a hundred of them would take
# seconds.

my $hashes = hashes();
for (1 .. 100) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $gate->{port}, LocalAddr => '127.0.2.' . (1 + $_ % 50));
    print {$socket} "POST /auth/login HTTP/1.1\r\nHost: x\r\n"
        . "Content-Type: application/json\r\nContent-Length: 48\r\n\r\n"
        . '{"username":"ana","password":"some long phrase"}';
    close $socket;
}
is(patient_login()->{status}, 200, 'after a hundred who left at once');
cmp_ok(hashes() - $hashes, '<', 50, 'most of them were not hashed for');


# --- two instances behind one upstream --------------------------------------

$gate->folder('run2', 'www_user', 0750);
{
    local $ENV{PORTERO_SOCKET_DIR} = $gate->path('run2');
    $gate->start('login2', $gate->path('log/login2.log'), 'www_user',
        $gate->path('bin/portero-login'), '--config', $gate->config);
}
$gate->wait_for('login2',
    sub { Stack::listening($gate->path('run2/password.sock')) });
$gate->stop_part('nginx');
my $conf = $gate->demo_conf;
my $site = $gate->path('nginx/portero-site.conf');
open my $in, '<', $site or die $!;
my $text = do { local $/; <$in> };
$text =~ s{(    server unix:)(\S+)/run/(\w+)\.sock max_fails=0;\n}
          {$1$2/run/$3.sock max_fails=0;\n$1$2/run2/$3.sock max_fails=0;\n}g;
Stack::replace($site, $text);
$gate->start_nginx($conf);

($busy, $logins) = flood($gate, $busy->{token}, 3, %who);
is(join(' ', sort keys %{ $busy->{status} }), '200',
    'two instances: all refreshes are answered');
is(join(' ', grep { !/^(?:200|503 complete|429 complete)$/ }
    sort keys %$logins), '', 'logins get in, or are told to come again');

# Each has served, before and after its queue was full.

my $log = $gate->path('log/login2.log');
for my $part ('login', 'login2') {
    my $file = $part eq 'login' ? $gate->login_log : $log;
    my $served = served($file);
    ok(within(sub { patient_login(); served($file) > $served }),
        "$part is in service afterwards");
}

# One of them is gone: the other one has all of it, at once.

$gate->stop_part('login2', 'KILL');
my %status;
$status{ patient_login()->{status} }++ for 1 .. 4;
is(join(' ', keys %status), '200', 'one is dead: logins go to the other');
is(refreshes($gate, $busy->{token}, 1)->{status}{503}, undef,
    'and so do refreshes');

$gate->finish;
done_testing();


# As a program does that was told to come again.

sub patient_login {
    my $end = time + 20;
    while (1) {
        my $answer = $gate->login({ %who });
        return $answer if $answer->{status} != 503 || time > $end;
        sleep 0.2;
    }
}


sub hashes {
    my ($n) = fcgi($gate->path('run/internal.sock'), GET => '/metrics')
        =~ /^portero_password_hash_seconds_count(?:\{[^}]*\})? (\d+)/m;
    return $n // 0;
}


sub served {
    my ($path) = @_;
    open my $file, '<', $path or return 0;
    return scalar grep { /"event":"login"/ } <$file>;
}
