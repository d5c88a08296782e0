# Logging in: what a good name and password give, and that everything else
# gets one answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(decode_jwt);
use Digest::SHA qw(sha256_hex);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64url);
use Test::More;

use Gate;
use Held qw(together);


my $gate = Gate->new(settings => { PASSWORD_WORKERS => 2 });
my $port = $gate->{port};
my $url = $gate->url;
my %BROWSER = ('Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors');
my $PASSWORD = 'correct horse battery';
my $AGENT = 'Wget/1 ' . "\xc3\xa9" x 200;

$gate->start_all;
$gate->add_user('Ana', $PASSWORD, 'writer', 'reader');
my $ana = $gate->value(q{SELECT sub FROM portero.users});


# --- by token ---------------------------------------------------------------

my $before = time;
my $answer = $gate->login({ username => 'ana', password => $PASSWORD },
    'User-Agent' => $AGENT);
my $json = $answer->{json};

is($answer->{status}, 200, 'a login, in another case than the name');
is($json->{token_type}, 'Bearer', 'token_type');
like($json->{expires_in}, qr/^(?:599|600)$/, 'expires_in, rounded down');
like($answer->{body}, qr/"server_time":\d{10}\.\d{1,3}[,}]/,
    'server_time in milliseconds');
cmp_ok(abs($json->{server_time} - $before), '<', 30, 'and it is now');
is($json->{session}{idle_expires_in}, 1800, 'idle_expires_in');
is($json->{session}{idle_seconds}, 1800, 'idle_seconds');
is($json->{session}{absolute_expires_in}, 43200, 'absolute_expires_in');
is($json->{refresh_token_expires_in}, 43200, 'refresh_token_expires_in');
is_deeply($json->{user}, { sub => $ana, name => 'Ana',
    roles => ['reader', 'writer'] }, 'user');
is(Gate::header($answer, 'Cache-Control'), 'no-store', 'not to be kept');
is(Gate::header($answer, 'Set-Cookie'), '', 'no cookie');
like($json->{refresh_token}, qr/^v1\.[A-Za-z0-9_-]{92}$/,
    'the refresh token says its version');

my $claims = decode_jwt(token => $json->{access_token},
    kid_keys => $gate->get('/.well-known/jwks.json')->{json},
    accepted_alg => 'ES256');
is($claims->{iss}, $url, 'iss');
is($claims->{aud}, $url, 'aud');
is($claims->{sub}, $ana, 'sub');
is($claims->{sid}, $json->{session}{id}, 'sid is the id of the session');
is($claims->{exp} - $claims->{iat}, 600, 'exp');
is($claims->{ver}, $gate->value('SELECT ver FROM portero.user_version'), 'ver');
is($claims->{name}, 'Ana', 'name');
is_deeply($claims->{roles}, ['reader', 'writer'], 'roles');
ok(!exists $claims->{nbf}, 'no nbf: a gateway may be a second behind');

is($gate->value("SELECT address FROM portero.sessions"), '127.0.0.1',
    'the session knows the address');
is(length $gate->value("SELECT user_agent FROM portero.sessions"), 255,
    'and the user agent, cut at 256 bytes between two characters');
like($gate->value("SELECT last_login_at > now() - interval '1 minute'
                   FROM portero.users"), qr/t/, 'the user was here');
is($gate->value("SELECT event FROM portero.audit ORDER BY id DESC LIMIT 1"),
    'login', 'the audit knows');
like($gate->login_says(qr/"event":"login"/), qr/"user":"$ana"/,
    'so does the log');

# What the database has of the refresh token: its digest.

my $secret = substr decode_base64url(substr $json->{refresh_token}, 3), 21, 16;
my $row = $gate->value('SELECT s FROM portero.sessions s');
like($row, qr/@{[ sha256_hex($secret) ]}/, 'the row has the digest');
unlike($row, qr/@{[ unpack 'H*', $secret ]}/, 'and not the secret itself');


# --- by cookie --------------------------------------------------------------

$answer = $gate->login({ username => 'ana', password => $PASSWORD }, %BROWSER);
is($answer->{status}, 200, 'a browser');
ok(!exists $answer->{json}{$_}, "shows no $_")
    for qw(access_token refresh_token refresh_token_expires_in);

my $cookies = Gate::cookies($answer);
is_deeply([sort keys %$cookies],
    ["access-$port", "device-$port", "refresh-$port"],
    'three cookies, with the port in their names');
like($cookies->{"access-$port"}{attributes},
    qr/^Path=\/ Max-Age=(?:599|600) HttpOnly SameSite=Lax$/, 'access');
is($cookies->{"refresh-$port"}{attributes},
    'Path=/auth Max-Age=43200 HttpOnly SameSite=Strict', 'refresh');
is($cookies->{"device-$port"}{attributes},
    'Path=/ Max-Age=15552000 HttpOnly SameSite=Strict', 'device');

$answer = $gate->login({ username => 'ana', password => $PASSWORD,
    delivery => 'token' }, %BROWSER);
ok($answer->{json}{access_token}, 'a browser may ask for tokens');
is(Gate::header($answer, 'Set-Cookie'), '', 'and gets no cookie then');

$answer = $gate->login({ username => 'ana', password => $PASSWORD,
    delivery => 'cookie' });
is(scalar keys %{ Gate::cookies($answer) }, 3,
    'cookies can be asked for without a browser');

# The session whose cookie a login carries is over.

my $old = $answer->{json}{session}{id};
my $jar = join '; ', map { "$_=" . Gate::cookies($answer)->{$_}{value} }
          keys %{ Gate::cookies($answer) };
$answer = $gate->login({ username => 'ana', password => $PASSWORD }, %BROWSER,
    Cookie => $jar);
is($answer->{status}, 200, 'a login that carries a cookie');
is($gate->value("SELECT end_reason FROM portero.sessions WHERE sid = '$old'"),
    'replaced', 'ends that session');
is($gate->value("SELECT count(*) FROM portero.revocation
                 WHERE kind = 'sid' AND value = '$old'"), 1,
    'and gateways will hear of it');

my $kept = $answer->{json}{session}{id};
$jar = join '; ', map { "refresh-$port=" .
    Gate::cookies($answer)->{"refresh-$port"}{value} } 1, 2;
$gate->login({ username => 'ana', password => $PASSWORD }, %BROWSER,
    Cookie => $jar);
is($gate->value("SELECT end_reason FROM portero.sessions WHERE sid = '$kept'"),
    '', 'two such cookies end none');


# --- refusals: one answer for all -------------------------------------------

$gate->add_user('off', $PASSWORD);
$gate->portero('user', 'disable', 'off');
$gate->sql("SELECT portero.admin_user_add('bare', NULL, NULL, '{}')");
$gate->sql("SELECT portero.admin_user_add('dear',
    '\$6\$rounds=999999999\$abcdefgh\$" . 'x' x 86 . "', NULL, '{}')");
$gate->sql("SELECT portero.admin_user_add('odd', 'md5abc', NULL, '{}')");

my @refused = (
    ['a wrong password', 'wrong', 'ana', 'correct horse batterx'],
    ['its beginning', 'wrong', 'ana', 'correct horse'],
    ['more than it', 'wrong', 'ana', "$PASSWORD "],
    ['an empty password', 'wrong', 'ana', ''],
    ['one of 501 bytes', 'wrong', 'ana', 'x' x 501],
    ['an unknown user', 'unknown', 'nobody', $PASSWORD],
    ['no name', 'unknown', '', $PASSWORD],
    ['a name that nobody can have', 'unknown', "ana'--", $PASSWORD],
    ['a name of 65 bytes', 'unknown', 'a' x 65, $PASSWORD],
    ['a disabled user', 'disabled', 'off', $PASSWORD],
    ['a user without a password', 'no_password', 'bare', ''],
    ['a hash that is too dear', 'hash', 'dear', $PASSWORD],
    ['a hash of no known method', 'hash', 'odd', 'abc'],
);

my %bodies;
for (@refused) {
    my ($name, $reason, $user, $password) = @$_;

    my $answer = $gate->login({ username => $user, password => $password });
    is($answer->{status}, 401, "$name: 401");
    is(Gate::header($answer, 'WWW-Authenticate'), 'Bearer', "$name: Bearer");
    like($gate->login_says(qr/"event":"login_refused"/),
        qr/"reason":"$reason"/, "$name: the log knows why");
    $bodies{ $answer->{body} }++;
}
is(scalar keys %bodies, 1, 'the client learns the same of all of them');
like((keys %bodies)[0], qr/"error":"invalid_grant"/, 'invalid_grant');
is($gate->value("SELECT count(*) FROM portero.audit
                 WHERE event = 'login_refused'"), scalar @refused,
    'each is in the audit');
is($gate->value("SELECT count(*) FROM portero.sessions s
                 JOIN portero.users u ON u.sub::text = s.sub
                 WHERE u.username <> 'Ana'"), 0, 'none has a session');


# --- the form ---------------------------------------------------------------

my @malformed = (
    ['no password', { username => 'ana' }],
    ['no username', { password => $PASSWORD }],
    ['a password that is a number', { username => 'ana', password => 1 }],
    ['a username that is an array', { username => ['ana'], password => 'x' }],
    ['a username that is null', { username => undef, password => 'x' }],
    ['an unknown delivery', { username => 'ana', password => $PASSWORD,
        delivery => 'Cookie' }],
    ['a delivery that is no string', { username => 'ana',
        password => $PASSWORD, delivery => \1 }],
);

for (@malformed) {
    my ($name, $body) = @$_;

    my $answer = $gate->login($body);
    is($answer->{status}, 400, "$name: 400");
    is($answer->{json}{error}, 'invalid_request', "$name: invalid_request");
    like($gate->login_says(qr/"event":"request_refused"/),
        qr/"status":"400".*"path":"\/auth\/login"/, "$name: a line in the log");
}


# --- stored hashes of others, and their upgrade -----------------------------

my %salt = (
    sha512 => '$6$rounds=5000$abcdefghijklmnop',
    bcrypt => '$2b$05$abcdefghijklmnopqrstuu',
    php    => '$2y$05$abcdefghijklmnopqrstuu',
    jbcrypt => '$2a$05$abcdefghijklmnopqrstuu',
    cheap  => '$y$j75$abcdefghijklmnopqrst.0',
);

for my $user (sort keys %salt) {
    my $stored = crypt $PASSWORD, $salt{$user};
    $gate->sql("SELECT portero.admin_user_add('$user', '$stored', NULL, '{}')");

    is($gate->login({ username => $user, password => 'wrong' })->{status}, 401,
        "$user: a wrong password");
    is(hash_of($user), $stored, "$user: changes nothing");
    is($gate->login({ username => $user, password => $PASSWORD })->{status},
        200, "$user: the right one");
    ok($gate->login_says(qr/"event":"hash_upgraded"/), "$user: is upgraded");
    like(hash_of($user), qr/^\$y\$/, "$user: to yescrypt");
    my $upgraded = hash_of($user);
    is($gate->login({ username => $user, password => $PASSWORD })->{status},
        200, "$user: which matches");
    is(hash_of($user), $upgraded, "$user: and stays");
}

my $long = 'x' x 80;
my $stored = crypt $long, $salt{bcrypt};
$gate->sql("SELECT portero.admin_user_add('long', '$stored', NULL, '{}')");
is($gate->login({ username => 'long', password => $long })->{status}, 200,
    'bcrypt of a password over 72 bytes');
is(hash_of('long'), $stored,
    'is kept: it would be bound to more than it was checked against');

# Whoever changed the password meanwhile wins.

$stored = crypt $PASSWORD, $salt{bcrypt};
$gate->sql("SELECT portero.admin_user_add('race', '$stored', NULL, '{}')");
my $held = Held->new($gate, "UPDATE portero.users SET password_hash = 'other'
                             WHERE username = 'race'");
($answer) = together(
    sub { $gate->login({ username => 'race', password => $PASSWORD }) },
    sub { $held->wait_for_waiters(1); $held->commit; });
is($answer->{status}, 200, 'a login during a change of the password');
is(hash_of('race'), 'other', 'does not undo it');


# --- limits -----------------------------------------------------------------

# The twenty-first session ends the oldest.

$gate->sql("DELETE FROM portero.sessions");
$gate->sql(<<"SQL");
    INSERT INTO portero.sessions (sid, sub, digest, created_at, last_used_at,
        idle_at, absolute_at)
    SELECT gen_random_uuid(), '$ana', sha256(n::text::bytea),
        now() - n * interval '1 minute', now(),
        now() + interval '30 minutes', now() + interval '12 hours'
    FROM generate_series(1, 20) n
SQL
my $oldest = $gate->value("SELECT sid FROM portero.sessions
                           ORDER BY created_at LIMIT 1");
is($gate->login({ username => 'ana', password => $PASSWORD })->{status}, 200,
    'one session more than a user may have');
is($gate->value("SELECT count(*) FROM portero.sessions
                 WHERE ended_at IS NULL"), 20, 'twenty stay');
is($gate->value("SELECT end_reason FROM portero.sessions
                 WHERE sid = '$oldest'"), 'limit', 'the oldest is ended');

# Two at once do not make twenty-one.

$held = Held->new($gate,
    "SELECT FROM portero.users WHERE sub = '$ana' FOR UPDATE");
my @answers = together(
    (sub { $gate->login({ username => 'ana', password => $PASSWORD }) }) x 2,
    sub { $held->wait_for_waiters(2); $held->commit; });
is("@{[ map { $_->{status} } @answers ]}", '200 200', 'two logins at once');
is($gate->value("SELECT count(*) FROM portero.sessions
                 WHERE ended_at IS NULL"), 20, 'twenty stay');

# Disabled between the password and the session.

$gate->sql("SELECT portero.admin_user_set_disabled('sha512', false)");
$held = Held->new($gate,
    "SELECT portero.admin_user_set_disabled('sha512', true)");
($answer) = together(
    sub { $gate->login({ username => 'sha512', password => $PASSWORD }) },
    sub { $held->wait_for_waiters(1); $held->commit; });
is($answer->{status}, 401, 'a user who is disabled during the login');
like($gate->login_says(qr/"event":"login_refused"/), qr/"reason":"disabled"/,
    'is not signed in');

# A token that would not fit into a header.

$gate->sql(<<'SQL');
    CREATE OR REPLACE FUNCTION portero.claims(sub text)
    RETURNS TABLE (name text, roles text[], scope text, extra jsonb)
    LANGUAGE sql AS $$
        SELECT 'Ana', '{}'::text[], 'a b', pg_catalog.jsonb_build_object(
            'plan', pg_catalog.repeat('x', 4000))
    $$;
SQL
$answer = $gate->login({ username => 'ana', password => $PASSWORD });
is($answer->{status}, 500, 'claims that do not fit');
like($answer->{json}{error_description}, qr/does not fit/, 'it says why');
is($gate->value("SELECT end_reason FROM portero.sessions
                 ORDER BY created_at DESC LIMIT 1"), 'unusable',
    'no session stays behind');

$gate->sql(<<'SQL');
    CREATE OR REPLACE FUNCTION portero.claims(sub text)
    RETURNS TABLE (name text, roles text[], scope text, extra jsonb)
    LANGUAGE sql AS $$
        SELECT 'Ana', '{}'::text[], 'a b',
               '{"plan": "gold", "sub": "root", "exp": 1}'::jsonb
    $$;
SQL
$answer = $gate->login({ username => 'ana', password => $PASSWORD });
$claims = decode_jwt(token => $answer->{json}{access_token},
    kid_keys => $gate->get('/.well-known/jwks.json')->{json},
    accepted_alg => 'ES256');
is($claims->{plan}, 'gold', 'a claim of the SQL function');
is($claims->{scope}, 'a b', 'and its scope');
is($claims->{sub}, $ana, 'reserved names are not overridden');


# --- a client that leaves ---------------------------------------------------

$held = Held->new($gate, 'LOCK TABLE portero.users IN ACCESS EXCLUSIVE MODE');
my $socket = waiting_login('{"username":"ana","password":"x"}');
$held->wait_for_waiters(1);
close $socket;
ok($gate->nginx_says(qr/client prematurely closed connection/),
    'a client leaves while its login waits');
$held->commit;
ok($gate->login_says(qr/"event":"client_gone"/), 'no hash is computed for it');


# --- cookies on https -------------------------------------------------------

$gate->stop_part('login');
$gate->write_config(ISSUER => 'https://www.example.com',
    INSECURE_COOKIES => 'off');
$gate->start_login;
$cookies = Gate::cookies($gate->login({ username => 'ana',
    password => $PASSWORD }, %BROWSER));
is_deeply([sort keys %$cookies],
    ['__Host-access', '__Host-device', '__Secure-refresh'],
    'names with prefixes');
like($cookies->{'__Host-access'}{attributes},
    qr/^Path=\/ Max-Age=\d+ Secure HttpOnly SameSite=Lax$/,
    'access: Secure, no Domain');
is($cookies->{'__Secure-refresh'}{attributes},
    'Path=/auth Max-Age=43200 Secure HttpOnly SameSite=Strict',
    'refresh: Secure, no Domain');
is($cookies->{'__Host-device'}{attributes},
    'Path=/ Max-Age=15552000 Secure HttpOnly SameSite=Strict',
    'device: Secure, no Domain');


# --- what no log says -------------------------------------------------------

my @logs = map { slurp($_) } $gate->login_log, $gate->nginx_log, $gate->pg_log,
           $gate->path('log/access.log');
for my $secret ($PASSWORD, $json->{access_token}, $json->{refresh_token},
                $cookies->{'__Secure-refresh'}{value}, $stored)
{
    ok(!grep({ index($_, $secret) >= 0 } @logs), 'a secret is in no log');
}

$gate->finish;
done_testing();


# A login that has no answer yet: one that nginx refused, as there were too many
# before it, is sent again.

sub waiting_login {
    my ($body) = @_;

    my $end = time + 30;
    while (time < $end) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port) or die "connect: $!\n";
        print {$socket} "POST /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            "Content-Type: application/json\r\nContent-Length: ",
            length $body, "\r\n\r\n$body";
        return $socket unless IO::Select->new($socket)->can_read(0.2);
    }
    die "each login is refused\n";
}


sub hash_of {
    my ($user) = @_;
    return $gate->value("SELECT password_hash FROM portero.users
                         WHERE username = '$user'");
}


sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return <$file>;
}
