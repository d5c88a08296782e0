# Renewing a session: by the state of its row, then by the generation that is
# presented.  Time is moved in the rows, nobody waits for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(decode_jwt);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use Gate;
use Held qw(together);


my $gate = Gate->new;
my $port = $gate->{port};
my %BROWSER = ('Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors');
my %WHO = (username => 'ana', password => 'correct horse battery');

$gate->start_all;
$gate->add_user('ana', $WHO{password}, 'reader');

my ($sid, $answer, @answers);


# --- by generation ----------------------------------------------------------

my $first = sign_in();
my $second = rotated($first, 'the first refresh, which nothing preceded');
is(generation(), 2, 'the row counts');

is(renewed($second, 'the current token, rotated a moment ago'), $second,
    'comes again');
is(generation(), 2, 'and nothing rotates');
is(renewed($first, 'the one before, superseded a moment ago'), $second,
    'brings its successor');
is(generation(), 2, 'and nothing rotates either');

rotated_ago(20);
is(renewed($first, 'within the grace of 30 s'), $second, 'the same successor');
is(renewed($second, 'within the grace of 30 s'), $second, 'the same again');

rotated_ago(30);
my $third = rotated($second, 'the current token, a grace later');
is(generation(), 3, 'the row counts on');

is(renewed($second, 'the one before that'), $third, 'is fine: it was current');
reuse($first, 'two behind, though within the grace');

for my $token ($third, $second, $first) {
    refused($token, 'reuse', 'after that nothing is good');
}
is($gate->value("SELECT count(*) FROM portero.audit
                 WHERE sid = '$sid' AND event = 'refresh_reuse'"), 1,
    'it is found once');

$first = sign_in();
$second = rotated($first, 'another session');
rotated_ago(30);
reuse($first, 'one behind, after the grace');

# The database lost commits of ours: a failover, a restored backup.

for my $lost (1, 5) {
    $first = sign_in();
    my $token = $first;
    for (1 .. $lost) {
        $token = rotated($token, 'a session');
        rotated_ago(30);
    }
    $gate->sql("UPDATE portero.sessions SET generation = 1, rotated_at = NULL
                WHERE sid = '$sid'");

    my $next = rotated($token, "a token that is ahead by $lost");
    is(generation(), $lost + 2, 'the row counts on from there');
    like($gate->login_says(qr/"event":"refresh_ahead"/), qr/"session":"$sid"/,
        'the log knows');
    is($gate->value("SELECT count(*) FROM portero.audit
                     WHERE sid = '$sid' AND event = 'refresh_ahead'"), 1,
        'and the audit');
    is(renewed($token, 'the same token, from another tab'), $next,
        'brings the same successor');
    is(renewed($next, 'the successor'), $next, 'is the current one');
}


# --- by the state of the row, which comes first -----------------------------

my @states = (
    ['logged out', 'revoked', "ended_at = now(), end_reason = 'logout'"],
    ['ended by an administrator', 'revoked',
        "ended_at = now(), end_reason = 'admin'"],
    ['ended by reuse', 'reuse', "ended_at = now(), end_reason = 'reuse'"],
    ['past the absolute end', 'expired', "absolute_at = now()"],
    ['past the idle end', 'idle', "idle_at = now()"],
    ['less than a second before the idle end', 'idle',
        "idle_at = now() + interval '900 milliseconds'"],
    ['less than a second before the absolute end', 'expired',
        "absolute_at = now() + interval '900 milliseconds'"],
    ['ended, and past the absolute end', 'revoked',
        "ended_at = now(), end_reason = 'logout', absolute_at = now()"],
    ['past both ends', 'expired', "absolute_at = now(), idle_at = now()"],
);

for (@states) {
    my ($name, $reason, $change) = @$_;

    $first = sign_in();
    $second = rotated($first, "$name: before");
    rotated_ago(30);
    $gate->sql("UPDATE portero.sessions SET $change WHERE sid = '$sid'");

    my $row = row();
    refused($second, $reason, $name);
    refused($first, $reason, "$name, an old token");
    is(row(), $row, "$name: nothing changes");
}

$first = sign_in();
$gate->sql("UPDATE portero.sessions
            SET idle_at = now() + interval '5 seconds' WHERE sid = '$sid'");
$answer = refresh($first, intent => 'silent');
cmp_ok(claims($answer)->{exp}, '<=',
    $gate->value("SELECT extract(epoch FROM idle_at) FROM portero.sessions
                  WHERE sid = '$sid'"), 'exp is not past the idle end');
cmp_ok($answer->{json}{expires_in}, '<=',
    $answer->{json}{session}{idle_expires_in}, 'nor is expires_in');

# A user who is disabled, with the sessions ended and without.

$first = sign_in();
$gate->portero('user', 'disable', 'ana');
refused($first, 'revoked', 'a disabled user');
is($gate->value("SELECT end_reason FROM portero.sessions WHERE sid = '$sid'"),
    'disabled', 'has no session any more');
$gate->portero('user', 'enable', 'ana');
refused($first, 'revoked', 'enabled again');

$first = sign_in();
$gate->sql('ALTER TABLE portero.users DISABLE TRIGGER users_disabled');
$gate->sql('UPDATE portero.users SET disabled = true');
my $row = row();
refused($first, 'revoked', 'a user whom claims() does not know any more');
is(row(), $row, 'the row stays as it is');
$gate->sql('UPDATE portero.users SET disabled = false');
$gate->sql('ALTER TABLE portero.users ENABLE TRIGGER users_disabled');
rotated($first, 'and is known again');


# --- what a refresh moves ---------------------------------------------------

$first = sign_in();
$gate->sql("UPDATE portero.sessions
            SET idle_at = idle_at - interval '10 minutes' WHERE sid = '$sid'");

$answer = refresh($first, intent => 'silent');
ok(!$answer->{json}{renewed}, 'silent: the idle deadline stays');
like($answer->{json}{session}{idle_expires_in}, qr/^11[89]\d$/, 'where it was');
like($answer->{json}{expires_in}, qr/^(?:599|600)$/, 'the access token is new');

$answer = refresh($first);
ok($answer->{json}{renewed}, 'continue, the default: it moves');
is($answer->{json}{session}{idle_expires_in}, 1800, 'to half an hour');
like($answer->{json}{session}{absolute_expires_in}, qr/^431\d\d$/,
    'the absolute end never moves');

$gate->sql("UPDATE portero.sessions
            SET absolute_at = now() + interval '100 seconds',
                idle_at = now() + interval '100 seconds' WHERE sid = '$sid'");
$answer = refresh($first, intent => 'continue');
ok(!$answer->{json}{renewed}, 'it cannot move past the absolute end');
like($answer->{json}{session}{idle_expires_in}, qr/^(?:9\d|100)$/,
    'and says so');

# Roles come from the database, each time.

$first = sign_in();
my $old = claims(refresh($first));
is_deeply($old->{roles}, ['reader'], 'roles before');
$gate->portero('user', 'role', 'ana', 'add', 'writer');
$answer = refresh($first);
is_deeply(claims($answer)->{roles}, ['reader', 'writer'], 'roles after');
is_deeply($answer->{json}{user}{roles}, ['reader', 'writer'],
    'the answer, too');
is(claims($answer)->{ver}, $old->{ver} + 1, 'and ver is raised');
is($gate->value("SELECT ver FROM portero.revocation WHERE kind = 'sub'
                 ORDER BY seq DESC LIMIT 1"), $old->{ver} + 1,
    'which gateways will hear of');

# The old access token lives on.

$first = sign_in();
$answer = refresh($first);
my $access = $answer->{json}{access_token};
rotated_ago(30);
refresh($answer->{json}{refresh_token});
is($gate->get('/api/whoami', Authorization => "Bearer $access")->{status}, 200,
    'a refresh does not revoke the access token before');


# --- at once ----------------------------------------------------------------

# Four requests with one token: one rotation, one successor.

sub race {
    my ($name) = @_;

    $first = sign_in();
    my $held = Held->new($gate,
        "SELECT FROM portero.sessions WHERE sid = '$sid' FOR UPDATE");
    @answers = together((sub { refresh($first) }) x 4,
        sub { $held->wait_for_waiters(4); $held->commit; });
    is("@{[ map { $_->{status} } @answers ]}", '200 200 200 200',
        "$name: all are renewed");
    my %successors = map { ($_->{json}{refresh_token} => 1) } @answers;
    is(scalar keys %successors, 1, "$name: with one token");
    is(generation(), 2, "$name: by one rotation");
}

race('four at once');

# Logged out while a refresh waits, and the other way round.

$first = sign_in();
my $held = Held->new($gate, "SELECT portero.session_end('$sid', NULL,
    (SELECT sub::text FROM portero.users), 'logout', NULL, NULL)");
($answer) = together(sub { refresh($first) },
    sub { $held->wait_for_waiters(1); $held->commit; });
is($answer->{status}, 401, 'a refresh that comes second to a logout');
is($answer->{json}{reason}, 'revoked', 'is refused');

$first = sign_in();
$held = Held->new($gate, "SELECT portero.session_refresh('$sid',
    (SELECT digest FROM portero.sessions WHERE sid = '$sid'), 1, true, 30,
    1800, 600, NULL, NULL)");
($answer) = together(
    sub { $gate->post('/auth/logout', { refresh_token => $first }) },
    sub { $held->wait_for_waiters(1); $held->commit; });
is($answer->{status}, 204, 'a logout that comes second to a refresh');
refused($first, 'revoked', 'ends the session all the same');

# Disabled while a refresh waits.

$first = sign_in();
$held = Held->new($gate, "SELECT portero.admin_user_set_disabled('ana', true)");
($answer) = together(sub { refresh($first) },
    sub { $held->wait_for_waiters(1); $held->commit; });
is($answer->{json}{reason}, 'revoked', 'a user who is disabled meanwhile');
like($gate->login_says(qr/"event":"refresh_refused"/),
    qr/"reason":"revoked"/, 'is refused');
$gate->portero('user', 'enable', 'ana');

# A database whose default would let a refresh decide on what was before.

$gate->psql('postgres', 'postgres', 'ALTER ROLE portero_service
    SET default_transaction_isolation = "repeatable read"');
$gate->stop_part('login');
$gate->start_login;
race('under another default');


# --- by cookie --------------------------------------------------------------

$answer = $gate->login({ %WHO }, %BROWSER);
$sid = $answer->{json}{session}{id};
my $cookie = Gate::cookies($answer)->{"refresh-$port"}{value};
$answer = $gate->post('/auth/refresh', { intent => 'silent' }, %BROWSER,
    Cookie => "refresh-$port=$cookie");
is($answer->{status}, 200, 'a cookie');
ok(!exists $answer->{json}{$_}, "is answered without $_")
    for qw(access_token refresh_token);
my $new = Gate::cookies($answer);
is_deeply([sort keys %$new], ["access-$port", "refresh-$port"],
    'but with both cookies');
isnt($new->{"refresh-$port"}{value}, $cookie, 'a new one');
like($new->{"refresh-$port"}{attributes}, qr/Max-Age=431[89]\d /,
    'up to the absolute end');

is($gate->post('/auth/refresh', '', %BROWSER,
    Cookie => "refresh-$port=$cookie")->{status}, 200,
    'and needs no body at all');

$answer = refresh($cookie);
is($answer->{status}, 200, 'the same in a body');
is(Gate::header($answer, 'Set-Cookie'), '', 'is answered without cookies');


# --- refusals ---------------------------------------------------------------

my $good = sign_in();
my $bytes = decode_base64url(substr $good, 3);
my %flipped = (kid => 0, sid => 5, generation => 20, secret => 25, MAC => 60);

refused(undef, 'invalid', 'no token');
refused('', 'invalid', 'an empty one');
refused('v1.', 'invalid', 'the version alone');
refused('x' x 3000, 'invalid', 'garbage');
refused("v2" . substr($good, 2), 'invalid', 'another version');
refused($good . 'A', 'invalid', 'one letter more');
refused(substr($good, 0, -1), 'invalid', 'one letter less');
refused($access, 'invalid', 'an access token');
for my $part (sort keys %flipped) {
    my $altered = $bytes;
    substr($altered, $flipped{$part}, 1) ^= "\x01";
    refused('v1.' . encode_base64url($altered), 'invalid', "an altered $part");
}
renewed($good, 'the token itself');

# Good to the MAC, but not to the database.

$gate->sql("UPDATE portero.sessions SET digest = sha256('x')
            WHERE sid = '$sid'");
refused($good, 'invalid', 'a digest that does not fit');
$good = sign_in();
$gate->sql("DELETE FROM portero.sessions WHERE sid = '$sid'");
refused($good, 'invalid', 'a session that is unknown');

$good = sign_in();
my @malformed = (
    ['an unknown intent', { refresh_token => $good, intent => 'never' }],
    ['an intent that is no string', { refresh_token => $good, intent => 1 }],
    ['a token that is no string', { refresh_token => [$good] }],
    ['a token in the body and in the cookie', { refresh_token => $good },
        Cookie => "refresh-$port=$good", %BROWSER],
    ['two cookies', { }, Cookie => "refresh-$port=$good; refresh-$port=$good",
        %BROWSER],
);
for (@malformed) {
    my ($name, $body, %header) = @$_;

    $answer = $gate->post('/auth/refresh', $body, %header);
    is($answer->{status}, 400, "$name: 400");
    is($answer->{json}{error}, 'invalid_request', "$name: invalid_request");
    is(Gate::header($answer, 'Set-Cookie'), '', "$name: cookies are kept");
    like($gate->login_says(qr/"event":"request_refused"/),
        qr/"path":"\/auth\/refresh"/, "$name: a line in the log");
}
rotated($good, 'none of which did anything');


# --- no grace ---------------------------------------------------------------

$gate->stop_part('login');
$gate->write_config(REFRESH_GRACE_SECONDS => 0);
$gate->start_login;
$first = sign_in();
$second = rotated($first, 'without a grace');
$third = rotated($second, 'each refresh rotates');
reuse($second, 'and what is superseded is reuse');

$gate->finish;
done_testing();


sub sign_in {
    my $answer = $gate->login({ %WHO });
    $sid = $answer->{json}{session}{id};
    return $answer->{json}{refresh_token};
}


sub refresh {
    my ($token, %more) = @_;
    return $gate->post('/auth/refresh', { %more,
        defined $token ? (refresh_token => $token) : () });
}


sub renewed {
    my ($token, $name) = @_;

    my $answer = refresh($token);
    is($answer->{status}, 200, "$name: 200");
    return $answer->{json}{refresh_token};
}


sub rotated {
    my ($token, $name) = @_;

    my $new = renewed($token, $name);
    isnt($new, $token, "$name: another token");
    return $new;
}


sub refused {
    my ($token, $reason, $name) = @_;

    my $answer = refresh($token);
    is($answer->{status}, 401, "$name: 401");
    is($answer->{json}{error}, 'invalid_grant', "$name: invalid_grant");
    is($answer->{json}{reason}, $reason, "$name: $reason");
    is(Gate::header($answer, 'WWW-Authenticate'), 'Bearer', "$name: Bearer");
    ok($gate->clears_cookies($answer), "$name: cookies cleared");
    like($gate->login_says(qr/"event":"refresh_re(?:fused|use)"/),
        qr/"reason":"$reason"/, "$name: the log knows why");
}


sub reuse {
    my ($token, $name) = @_;

    refused($token, 'reuse', $name);
    is($gate->value("SELECT end_reason FROM portero.sessions
                     WHERE sid = '$sid'"), 'reuse', "$name: ends the session");
    is($gate->value("SELECT count(*) FROM portero.revocation
                     WHERE kind = 'sid' AND value = '$sid'"), 1,
        "$name: gateways will hear of it");
    is($gate->value("SELECT count(*) FROM portero.audit
                     WHERE sid = '$sid' AND event = 'refresh_reuse'"), 1,
        "$name: the audit knows");
}


sub claims {
    my ($answer) = @_;

    return decode_jwt(token => $answer->{json}{access_token},
        kid_keys => $gate->get('/.well-known/jwks.json')->{json},
        accepted_alg => 'ES256');
}


sub rotated_ago {
    my ($seconds) = @_;

    $gate->sql("UPDATE portero.sessions
                SET rotated_at = clock_timestamp() - interval '$seconds s'
                WHERE sid = '$sid'");
}


sub row {
    return $gate->value("SELECT s, s.xmin FROM portero.sessions s
                         WHERE sid = '$sid'");
}


sub generation {
    return $gate->value("SELECT generation FROM portero.sessions
                         WHERE sid = '$sid'");
}
