# Changing a password: who may, what it ends, and what it does when something
# else happens at the same time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Held qw(together);


my $gate = Gate->new(settings => { PASSWORD_WORKERS => 2 });
my $port = $gate->{port};
my %SAME = ('Sec-Fetch-Site' => 'same-origin');
my @PASSWORDS = map { "correct horse battery $_" } 'a' .. 'z';
my $password = shift @PASSWORDS;

$gate->start_all;
$gate->add_user('Ana', $password, 'reader');
my $ana = $gate->value('SELECT sub FROM portero.users');


# --- by token ---------------------------------------------------------------

my ($first, $other) = (sign_in(), sign_in());
my $wanted = shift @PASSWORDS;
my $answer = change($first, $password, $wanted);
my $json = $answer->{json};

is($answer->{status}, 200, 'a change');
is_deeply([sort keys %$json], [sort keys %$first], 'is answered as a login');
is(Gate::header($answer, 'Set-Cookie'), '', 'no cookie');
is(Gate::header($answer, 'Cache-Control'), 'no-store', 'not to be kept');
is_deeply($json->{user}, $first->{user}, 'for the same user');
isnt($json->{session}{id}, $first->{session}{id}, 'with a new session');
is($gate->get('/api/whoami',
    Authorization => "Bearer $json->{access_token}")->{status}, 200,
    'whose token passes the gateway');
is(refresh($json)->{status}, 200, 'and which can be refreshed');

for ($first, $other) {
    is(refresh($_)->{json}{reason}, 'revoked', 'the older sessions have ended');
    is($gate->value("SELECT end_reason FROM portero.sessions
                     WHERE sid = '$_->{session}{id}'"), 'password',
        'because of this');
    is($gate->value("SELECT count(*) FROM portero.revocation
                     WHERE value = '$_->{session}{id}'"), 1,
        'gateways hear of it');
}

like($gate->login_says(qr/"event":"password_changed"/), qr/"user":"$ana"/,
    'a line in the log');
is($gate->value("SELECT count(*) FROM portero.audit WHERE sub = '$ana'
                 AND event = 'password_changed'"), 1, 'one in the audit');
is($gate->login({ username => 'ana', password => $password })->{status}, 401,
    'the old password is wrong now');
$password = $wanted;
is($gate->login({ username => 'ana', password => $password })->{status}, 200,
    'the new one right');


# --- by cookie --------------------------------------------------------------

my $jar = sign_in_by_cookie();
$wanted = shift @PASSWORDS;
my %body = (current_password => $password, new_password => $wanted);

is($gate->post('/auth/password', { %body }, Cookie => $jar)->{status}, 403,
    'cookies from nowhere');
like($gate->login_says(qr/"event":"cross_site"/), qr/no origin/,
    'the log knows why');
is($gate->post('/auth/password', { %body }, Cookie => $jar,
    'Sec-Fetch-Site' => 'same-site')->{status}, 403, 'from a neighbour');
$answer = $gate->post('/auth/password', { %body }, Cookie => $jar, %SAME);
is($answer->{status}, 200, 'from a page of this origin');
ok(!exists $answer->{json}{access_token}, 'no token is shown');
my $cookies = Gate::cookies($answer);
ok($cookies->{"access-$port"} && $cookies->{"refresh-$port"},
    'they come as cookies, as the old ones did');
is($gate->get('/auth/session',
    Cookie => "access-$port=" . $cookies->{"access-$port"}{value})
    ->{json}{session}{id}, $answer->{json}{session}{id}, 'of the new session');
$password = $wanted;


# --- refusals ---------------------------------------------------------------

my $session = sign_in();
my $hash = hash_of();

for (['missing', 'no token'],
     ['malformed', 'garbage', Authorization => 'Bearer abc'],
     ['malformed', 'a refresh token',
         Authorization => "Bearer $session->{refresh_token}"])
{
    my ($reason, $name, @header) = @$_;

    my $answer = $gate->post('/auth/password', { current_password => $password,
        new_password => $PASSWORDS[0] }, @header);
    is($answer->{status}, 401, "$name: 401");
    is($answer->{json}{error}, 'invalid_token', "$name: invalid_token");
    like($gate->login_says(qr/"event":"token_refused"/),
        qr/"reason":"$reason"/, "$name: the log knows why");
}

for (['a wrong password', "$password."], ['an empty one', ''],
     ['the new one', $PASSWORDS[0]], ['one of 501 bytes', 'x' x 501])
{
    my ($name, $current) = @$_;

    my $answer = change($session, $current, $PASSWORDS[0]);
    is($answer->{status}, 403, "$name: 403");
    is($answer->{json}{error}, 'wrong_password', "$name: wrong_password");
    like($gate->login_says(qr/"event":"password_refused"/),
        qr/"reason":"wrong".*"user":"$ana"/, "$name: the log knows why");
}
is($gate->value("SELECT count(*) FROM portero.audit WHERE sid IS NOT NULL
                 AND event = 'password_change_refused' AND detail = 'wrong'"),
    4, 'each is in the audit');
is(change($session, "$password.", 'short')->{status}, 403,
    'a wrong one comes before a weak one');
like($gate->login_says(qr/"event":"password_refused"/), qr/"reason":"wrong"/,
    'in the log, too');

for (['too_short', 'short-pass1'], ['too_long', 'x' x 257],
     ['common', 'password1234'], ['too_short', 'ana'],
     ['same_as_name', 'ANA'])
{
    my ($reason, $weak) = @$_;

    my $answer = change($session, $password, $weak);
    is($answer->{status}, 422, "$reason: 422");
    is($answer->{json}{error}, 'weak_password', "$reason: weak_password");
    ok(scalar(grep { $_ eq $reason } @{ $answer->{json}{reasons} }),
        "$reason: the client learns why");
    like($gate->login_says(qr/"event":"password_refused"/),
        qr/"reason":"weak"/, "$reason: a line in the log");
}

for (['no current_password', new_password => $PASSWORDS[0]],
     ['no new_password', current_password => $password],
     ['a number', current_password => $password, new_password => 1],
     ['null', current_password => undef, new_password => $PASSWORDS[0]])
{
    my ($name, @body) = @$_;

    my $answer = $gate->post('/auth/password', { @body },
        Authorization => "Bearer $session->{access_token}");
    is($answer->{status}, 400, "$name: 400");
    like($gate->login_says(qr/"event":"request_refused"/),
        qr/current_password and new_password/, "$name: a line in the log");
}

is(hash_of(), $hash, 'none of them changed anything');
is(refresh($session)->{status}, 200, 'nor ended the session');


# --- at the same time -------------------------------------------------------

# A logout, an administrator and a second change, each between the password
# and the new hash: the lock is on the users, which the change comes to first.

$session = sign_in();
my $held = Held->new($gate, "SELECT FROM portero.users FOR UPDATE");
($answer) = together(sub { change($session, $password, $PASSWORDS[0]) },
    sub {
        $held->wait_for_waiters(1);
        $held->say("UPDATE portero.sessions SET ended_at = now(),
                    end_reason = 'logout'
                    WHERE sid = '$session->{session}{id}'");
        $held->commit;
    });
is($answer->{status}, 401, 'a logout in between');
is(hash_of(), $hash, 'leaves the old password');
is($gate->value("SELECT count(*) FROM portero.audit
                 WHERE event = 'password_changed'"), 2, 'and no trace of it');

$session = sign_in();
$held = Held->new($gate, "SELECT portero.admin_user_set_disabled('ana', true)");
($answer) = together(sub { change($session, $password, $PASSWORDS[0]) },
    sub { $held->wait_for_waiters(1); $held->commit; });
is($answer->{status}, 401, 'a user who is disabled in between');
is(hash_of(), $hash, 'keeps the old password');
$gate->portero('user', 'enable', 'ana');

$session = sign_in();
$held = Held->new($gate, "UPDATE portero.users SET password_hash = 'other'");
($answer) = together(sub { change($session, $password, $PASSWORDS[0]) },
    sub { $held->wait_for_waiters(1); $held->commit; });
is($answer->{status}, 503, 'another change in between');
ok(Gate::header($answer, 'Retry-After'), 'is to be tried again');
is(hash_of(), 'other', 'the other one stays');
is(change($session, $password, $PASSWORDS[0])->{status}, 403,
    'which the old password does not fit');
$gate->sql("UPDATE portero.users SET password_hash = '$hash'");

# Two at once: one wins, and the other is signed out.

$session = sign_in();
$held = Held->new($gate, "SELECT FROM portero.users FOR UPDATE");
my @answers = together(
    (map { my $new = $_; sub { change($session, $password, $new) } }
         @PASSWORDS[0, 1]),
    sub { $held->wait_for_waiters(2); $held->commit; });
my ($won) = grep { $answers[$_]{status} == 200 } 0, 1;
is("@{[ sort map { $_->{status} } @answers ]}", '200 503', 'two at once');
is($gate->login({ username => 'ana', password => $PASSWORDS[$won] })->{status},
    200, 'the password is that of the one that was told so');
is(refresh($answers[$won]{json})->{status}, 200, 'and so is the session');
is(change($session, $password, $PASSWORDS[1 - $won])->{status}, 401,
    'the other may not try again');
$password = $PASSWORDS[$won];


# --- where there is nothing to change it with -------------------------------

$session = sign_in();
$gate->sql('ALTER FUNCTION portero.set_password(text, text, text)
            RENAME TO aside');
is(change($session, $password, $PASSWORDS[2])->{status}, 404,
    'without set_password: 404');
like($gate->login_says(qr/"event":"request_refused"/), qr/"status":"404"/,
    'a line in the log');
$gate->sql('ALTER FUNCTION portero.aside(text, text, text)
            RENAME TO set_password');

# A name for people in the place of the name to log in with.

$gate->sql(<<'SQL');
    CREATE OR REPLACE FUNCTION portero.claims(sub text)
    RETURNS TABLE (name text, roles text[], scope text, extra jsonb)
    LANGUAGE sql AS $$ SELECT 'Ana Other', '{}'::text[], '', '{}'::jsonb $$;
SQL
is(change($session, $password, $PASSWORDS[2])->{status}, 500,
    'a name that find_user does not find');
like($gate->login_says(qr/"event":"database_error"/),
    qr/let \\u0022name\\u0022 be the name to log in with/,
    'the log says what would be right');

$gate->finish;
done_testing();


# --- helpers ----------------------------------------------------------------

sub sign_in {
    return $gate->login({ username => 'ana', password => $password })->{json};
}


sub sign_in_by_cookie {
    my $cookies = Gate::cookies($gate->login({ username => 'ana',
        password => $password, delivery => 'cookie' }));
    return join '; ', map { "$_=$cookies->{$_}{value}" } sort keys %$cookies;
}


sub change {
    my ($session, $current, $new) = @_;
    return $gate->post_patiently('/auth/password',
        { current_password => $current, new_password => $new },
        Authorization => "Bearer $session->{access_token}");
}


sub refresh {
    my ($session) = @_;
    return $gate->post('/auth/refresh',
        { refresh_token => $session->{refresh_token} });
}


sub hash_of {
    return $gate->value('SELECT password_hash FROM portero.users');
}
