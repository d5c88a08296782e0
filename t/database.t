# PostgreSQL away, frozen, locked or wrong: never a 4xx, for which clients
# throw their session away, and all works again by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(sleep time);

use Gate;
use Held qw(together);


my $gate = Gate->new(settings => { TOKEN_WORKERS => 2 });
my $port = $gate->{port};
my %BROWSER = ('Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors');
my %WHO = (username => 'ana', password => 'correct horse battery');

$gate->start_all;
$gate->add_user('ana', $WHO{password});

my ($sid, $refresh, $access);
sign_in();
my $workers = workers();


# --- away -------------------------------------------------------------------

$gate->stop_part('postgres');

my %jar = (%BROWSER,
    Cookie => "access-$port=$access; refresh-$port=$refresh");
for (1 .. 2) {
    unavailable('a login', $gate->login({ %WHO }));
    unavailable('a login by cookie', $gate->login({ %WHO }, %BROWSER));
    unavailable('a login of nobody',
        $gate->login({ %WHO, username => 'nobody' }));
    unavailable('a registration', $gate->register({ username => 'eve',
        password => 'correct horse battery' }));
    unavailable('a refresh', refresh());
    unavailable('a refresh by cookie', $gate->post('/auth/refresh', '', %jar));
    unavailable('a logout',
        $gate->post('/auth/logout', { refresh_token => $refresh }));
    unavailable('a logout by cookie', $gate->post('/auth/logout', '', %jar));
    unavailable('the session',
        $gate->get('/auth/session', Authorization => "Bearer $access"));
}

my %lost;
$lost{$_}++ for logged() =~ /"event":"database_lost"[^\n]*"pid":(\d+)/g;
is_deeply([grep { $_ != 1 } values %lost], [], 'each worker says so once');
cmp_ok(scalar keys %lost, '>=', 2, 'on both lanes');

is($gate->get('/readyz')->{status}, 503, 'not ready');
is($gate->get('/healthz')->{status}, 200, 'but alive');
is($gate->get('/.well-known/jwks.json')->{status}, 200, 'the keys are there');
is($gate->get('/api/whoami', Authorization => "Bearer $access")->{status}, 200,
    'who is signed in goes on working');
is($gate->post('/auth/refresh', { refresh_token => 'v1.garbage' })->{status},
    401, 'what is no token of ours is refused without the database');

$gate->start_postgres;
is(refresh()->{status}, 200, 'back: a refresh');
is($gate->login({ %WHO })->{status}, 200, 'back: a login');
ok($gate->login_says(qr/"event":"database_back"/), 'the log knows');
is(wait_for(sub { $gate->get('/readyz')->{status} == 200 }), 1, 'ready again');


# --- restarted while nobody asked -------------------------------------------

refresh() for 1 .. 8;
$gate->stop_part('postgres');
$gate->start_postgres;
is_deeply([map { refresh()->{status} } 1 .. 8], [(200) x 8],
    'a restart between two requests goes unnoticed');

$gate->psql('postgres', 'postgres', q{SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity WHERE usename = 'portero_service'});
is_deeply([map { refresh()->{status} } 1 .. 8], [(200) x 8],
    'so do connections that were ended');


# --- frozen -----------------------------------------------------------------

my @frozen = (children($gate->pid('postgres')), $gate->pid('postgres'));
kill STOP => @frozen;
my @answers = together((sub { refresh() }) x 2, sub { });
unavailable('frozen', $_) for @answers;
unavailable('still frozen', refresh()) for 1 .. 4;
is($gate->get('/healthz')->{status}, 200, 'frozen, but alive');
kill CONT => @frozen;
ok(wait_for(sub { refresh()->{status} == 200 }), 'it thaws by itself');


# --- locked -----------------------------------------------------------------

my $held = Held->new($gate,
    "SELECT FROM portero.sessions WHERE sid = '$sid' FOR UPDATE");
unavailable('a row that is locked', refresh());
$held->commit;
ok(wait_for(sub { refresh()->{status} == 200 }), 'until it is not');
is($gate->psql('postgres', 'postgres', q{SELECT count(*) FROM pg_stat_activity
       WHERE usename = 'portero_service' AND state <> 'idle'}) + 0, 0,
    'no statement stays behind');


# --- errors -----------------------------------------------------------------

# Rolled back by the database: once more, but not for ever.

$gate->sql(<<'SQL');
    CREATE SEQUENCE portero.attempts;
    CREATE TABLE portero.errors (code text, times integer);
    INSERT INTO portero.errors VALUES ('', 0);

    CREATE FUNCTION portero.fail() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        e portero.errors;
    BEGIN
        SELECT * INTO e FROM portero.errors;
        IF pg_catalog.nextval('portero.attempts') <= e.times THEN
            RAISE EXCEPTION 'as the test wants it' USING ERRCODE = e.code,
                DETAIL = 'a value of the row';
        END IF;
        RETURN NEW;
    END $$;

    CREATE TRIGGER fail BEFORE UPDATE ON portero.sessions
        FOR EACH ROW EXECUTE FUNCTION portero.fail();
SQL

is(failing('40001', 1)->{status}, 200, 'a conflict of transactions: once more');
is(failing('40P01', 1)->{status}, 200, 'a deadlock: once more');
is(failing('25006', 1)->{status}, 200, 'no primary any more: another one');
for my $code (qw(40001 40P01 25006)) {
    unavailable("$code again", failing($code, 2));
    logged_error($code);
}
for my $code (qw(53100 55P03 57014 58030)) {
    unavailable($code, failing($code, 1));
    logged_error($code);
}
for my $code (qw(22012 XX000)) {
    my $answer = failing($code, 1);
    is($answer->{status}, 500, "$code: our own fault");
    is($answer->{json}{error}, 'server_error', "$code: server_error");
    is(Gate::header($answer, 'Set-Cookie'), '', "$code: cookies are kept");
    logged_error($code);
}
unlike(logged(), qr/a value of the row/, 'the detail is in no log');
$gate->sql('DROP TRIGGER fail ON portero.sessions');

# A schema that is older than the service.

$gate->sql('ALTER FUNCTION portero.session_get RENAME TO aside');
is($gate->get('/auth/session', Authorization => "Bearer $access")->{status},
    500, 'a function that is missing');
logged_error('42883');
$gate->sql('ALTER FUNCTION portero.aside RENAME TO session_get');
is($gate->get('/auth/session', Authorization => "Bearer $access")->{status},
    200, 'and is there again');

is(workers(), $workers, 'through all of it no worker died');


# --- several hosts ----------------------------------------------------------

# One that is not there, and one that takes connections and keeps silent.

mkdir $gate->path('silent') or die $!;
my $silent = IO::Socket::UNIX->new(Type => SOCK_STREAM, Listen => 64,
    Local => $gate->path('silent/.s.PGSQL.5432')) or die $!;
chmod 0777, $gate->path('silent/.s.PGSQL.5432');

for my $first ($gate->path('nowhere'), $gate->path('silent')) {
    $gate->stop_part('login');
    $gate->write_config(DATABASE_URL => 'postgresql:///portero?host=' .
        "$first," . $gate->pgsocket . '&user=portero_service' .
        '&target_session_attrs=read-write');
    $gate->start_login;
    (my $name = $first) =~ s{.*/}{};
    is(refresh()->{status}, 200, "the first host is $name");
}

$gate->finish;
done_testing();


sub sign_in {
    my $answer = $gate->login({ %WHO });
    $sid = $answer->{json}{session}{id};
    $refresh = $answer->{json}{refresh_token};
    $access = $answer->{json}{access_token};
}


sub refresh { return $gate->post('/auth/refresh', { refresh_token => $refresh }) }


sub failing {
    my ($code, $times) = @_;

    $gate->sql("UPDATE portero.errors SET code = '$code', times = $times;
                SELECT setval('portero.attempts', 1, false)");
    return refresh();
}


sub unavailable {
    my ($name, $answer) = @_;

    is($answer->{status}, 503, "$name: 503");
    like(Gate::header($answer, 'Retry-After'), qr/^\d+$/, "$name: Retry-After");
    is($answer->{json}{error}, 'temporarily_unavailable', "$name: JSON says so");
    is(Gate::header($answer, 'Set-Cookie'), '', "$name: cookies are kept");
}


sub logged_error {
    my ($code) = @_;
    ok($gate->login_says(qr/"event":"database_error".*"sqlstate":"$code"/),
        "$code: the log has the SQLSTATE");
}


sub logged {
    open my $file, '<', $gate->login_log or die $!;
    local $/;
    return <$file>;
}


sub wait_for {
    my ($condition) = @_;

    my $end = time + 30;
    while (time < $end) {
        return 1 if $condition->();
        sleep 0.05;
    }
    return 0;
}


sub workers { return join ' ', children($gate->pid('login')) }


sub children {
    my ($pid) = @_;

    open my $file, '<', "/proc/$pid/task/$pid/children" or die $!;
    return sort { $a <=> $b } split ' ', <$file> // '';
}
