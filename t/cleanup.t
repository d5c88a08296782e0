# What is old leaves the database by itself, in small batches that wait for
# nobody and that nobody waits for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Gate;
use Held;
use Watch qw(within);


my $gate = Gate->new(settings => { AUDIT_RETENTION_DAYS => 30 });
my %WHO = (username => 'ana', password => 'correct horse battery');

$gate->start_all;
$gate->add_user('ana', $WHO{password});

my $login = $gate->login({ %WHO })->{json};


# --- by itself --------------------------------------------------------------

old_sessions(700);
old_sessions(5, "interval '23 hours'");
$gate->sql(q{UPDATE portero.audit SET at = now() - interval '31 days'});
audit(2, '31 days');
audit(3, '29 days');
$gate->sql(q{INSERT INTO portero.links (digest, kind, expires_at)
    VALUES (sha256('old'), 'invite', now() - interval '25 hours'),
           (sha256('new'), 'invite', now() - interval '23 hours')});

ok(within(sub { count('sessions') == 6 }),
    'sessions leave a day after their last deadline, in as many batches as'
    . ' it takes');
ok(within(sub { count('audit') == 3 }),
    'entries of the audit table when the setting says so');
is(count('links'), 1, 'links too');
is(count("links WHERE digest = sha256('new')"), 1, 'but not the young ones');
is(count("sessions
    WHERE sub LIKE 'old%' AND absolute_at > now() - interval '1 day'"), 5,
    'nor a session that ended today');
is(refresh()->{status}, 200, 'who is signed in stays so');


# --- a batch ----------------------------------------------------------------

old_sessions(30);
audit(20, '31 days');
is(cleanup(10), 10, 'the fullest batch is as large as the limit');
is(count('sessions'), 26, 'and no larger');
is(cleanup(100), 20, 'the rest');
is(cleanup(100), 0, 'and then nothing');

# A younger entry with a lower number holds back what comes after it only
# until it is old itself.

is(count('audit'), 3, 'nothing young left the audit table');


# --- it waits for nobody ----------------------------------------------------

old_sessions(3);
my $held = Held->new($gate, q{SELECT 1 FROM portero.sessions
    WHERE sub = 'old 1' AND absolute_at < now() - interval '2 days'
    FOR UPDATE});
is(cleanup(100), 2, 'a row that somebody holds is left for another time');
is(refresh()->{status}, 200, 'a refresh meanwhile');
$held->commit;
is(cleanup(100), 1, 'which comes');

old_sessions(1);
$held = Held->new($gate, 'SELECT pg_advisory_xact_lock(1886351990, 0)');
is(cleanup(100), 0, 'another instance is at it: nothing to do');
$held->commit;
is(cleanup(100), 1, 'after that: there is');


# --- rights -----------------------------------------------------------------

ok(!eval { $gate->psql('portero_service', 'portero',
    'DELETE FROM portero.audit'); 1 },
    'the service cannot delete from the audit table');
like($@, qr/permission denied/, 'for it has no right to');

$gate->finish;
done_testing();


sub old_sessions {
    my ($n, $ago) = @_;

    $ago //= "interval '3 days'";
    $gate->sql(qq{INSERT INTO portero.sessions (sid, sub, digest, created_at,
            last_used_at, idle_at, absolute_at)
        SELECT gen_random_uuid(), 'old ' || n, sha256(n::text::bytea),
            now() - $ago, now() - $ago, now() - $ago, now() - $ago
        FROM generate_series(1, $n) n});
}


sub audit {
    my ($n, $ago) = @_;

    $gate->sql(qq{INSERT INTO portero.audit (at, event)
        SELECT now() - interval '$ago', 'login' FROM generate_series(1, $n)});
}


sub cleanup {
    my ($limit) = @_;

    return 0 + $gate->psql('portero_service', 'portero',
        "SELECT portero.cleanup($limit, 30 * 86400)");
}


sub count { return 0 + $gate->sql("SELECT count(*) FROM portero.$_[0]") }


sub refresh {
    my $answer = $gate->post('/auth/refresh',
        { refresh_token => $login->{refresh_token} });
    $login = $answer->{json} if $answer->{status} == 200;
    return $answer;
}
