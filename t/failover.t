# The database fails over to a replica that lacks the last commits: nobody is
# logged out, nothing that was ended comes back unseen, and all goes on by
# itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use FastCGI qw(fcgi);
use Gate;
use Watch qw(within workers);


my $gate = Gate->new(settings => { TOKEN_WORKERS => 2,
                                   REFRESH_GRACE_SECONDS => 0 });
my %WHO = (username => 'ana', password => 'correct horse battery');
my $replica = $gate->path('replica');
my $socket = $gate->path('replica-run');

$gate->start_all;
$gate->add_user('ana', $WHO{password});

# Both hosts, and whichever of them may be written to.

$gate->stop_part('login');
$gate->write_config(DATABASE_URL => 'postgresql:///portero?host=' .
    $gate->pgsocket . ",$socket&user=portero_service"
    . '&target_session_attrs=read-write');
$gate->start_login;

my %session = map { $_ => sign_in() } qw(idle busy out new);
my $epoch = epoch();
start_replica();
is(renew('busy'), 200, 'a session, as the replica knows it');
ok(within(sub { lag() == 0 }), 'the replica has all of it');

# From here on the replica is cut off; what follows, it will not have.

$gate->stop_part('replica', 'INT');
my $known = $session{busy}{refresh_token};
is(renew('busy'), 200, "a refresh that the replica lacks, time $_") for 1 .. 3;
is(logout('out'), 204, 'a logout that the replica lacks');
$session{late} = sign_in();

# The primary dies, the replica takes its place.

my $workers = workers($gate->pid('login'));
$gate->stop_part('postgres', 'KILL');
is(renew('busy'), 503, 'no database: 503, nobody loses anything');
start_postgres_at($replica);
unlike(renew('busy'), qr/^4/, 'a replica that cannot be written to');
$gate->run_as('postgres_user', Stack::pg('pg_ctl'), 'promote', '-D', $replica,
    '-s', '-w');

my $begin = time;
ok(within(sub { renew('idle') == 200 }), 'promoted: sessions go on');
cmp_ok(time - $begin, '<', 15, 'within seconds');
is(renew('busy'), 200, 'also one whose last refreshes are lost');
like($gate->login_says(qr/"event":"refresh_ahead"/),
    qr/"session":"$session{busy}{session}{id}"/, 'which the log knows');
is(count("portero.audit WHERE event = 'refresh_ahead'"), 1, 'and the audit');
is(renew('busy'), 200, 'and it counts on from there');
is(answer($known)->{json}{reason}, 'reuse',
    'what was superseded before is still reuse');

isnt(epoch(), $epoch, 'gateways are told that numbers of the feed may repeat');
is(answer($session{late}{refresh_token})->{status}, 401,
    'a session that only the dead primary knew is gone');
is($gate->login({ %WHO })->{status}, 200, 'its user signs in again');
is(workers($gate->pid('login')), $workers, 'no worker died');

$gate->finish;
done_testing();


sub sign_in { return $gate->login({ %WHO })->{json} }


sub answer {
    my ($token) = @_;
    return $gate->post('/auth/refresh', { refresh_token => $token });
}


sub renew {
    my ($name) = @_;
    my $answer = answer($session{$name}{refresh_token});
    $session{$name} = $answer->{json} if $answer->{status} == 200;
    return $answer->{status};
}


sub logout {
    my ($name) = @_;
    return $gate->post('/auth/logout',
        { refresh_token => $session{$name}{refresh_token} })->{status};
}


sub epoch {
    my ($epoch) = fcgi($gate->path('run/internal.sock'), GET =>
        '/internal/revocations', query => '') =~ /"epoch"\s*:\s*"(\w+)"/;
    return $epoch // 'none';
}


sub start_replica {
    $gate->folder('replica', 'postgres_user', 0700);
    $gate->folder('replica-run', 'postgres_user', 0755);
    open my $hba, '>>', $gate->pgdata . '/pg_hba.conf' or die $!;
    print {$hba} "local replication all peer map=portero\n";
    close $hba;
    $gate->psql('postgres', 'postgres', 'SELECT pg_reload_conf()');

    $gate->run_as('postgres_user', Stack::pg('pg_basebackup'), '-h',
        $gate->pgsocket, '-U', 'postgres', '-D', $replica, '-R', '-c', 'fast');
    start_postgres_at($replica, 'replica');
}


sub start_postgres_at {
    my ($data, $name) = @_;

    $name //= 'replica';
    $gate->start($name, $gate->pg_log, 'postgres_user', Stack::pg('postgres'),
        '-D', $data, '-k', $socket);
    $gate->wait_for($name, sub { eval { at_replica('SELECT 1'); 1 } });
}


sub at_replica {
    my ($sql) = @_;
    return $gate->run_as(undef, Stack::pg('psql'), '-XAtq', '-v',
        'ON_ERROR_STOP=1', '-h', $socket, '-U', 'portero_owner', '-d',
        'portero', '-c', $sql);
}


sub count { return 0 + at_replica("SELECT count(*) FROM $_[0]") }


# Bytes that the replica has not replayed; 1 if it is not there.

sub lag {
    my $lag = $gate->psql('postgres', 'postgres', q{
        SELECT coalesce(max(pg_current_wal_lsn() - replay_lsn), 1)
        FROM pg_stat_replication WHERE state = 'streaming'});
    return 0 + $lag;
}
