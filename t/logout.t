# Signing out: whatever token of a session one has ends it, and whoever has
# none gets the same answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use Gate;
use Held qw(together);
use Resign qw(opened resign);


my $gate = Gate->new;
my $port = $gate->{port};
my %BROWSER = ('Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors');
my %WHO = (username => 'ana', password => 'correct horse battery');

$gate->start_all;
$gate->add_user('ana', $WHO{password});

my ($sid, $refresh, $access);


# --- what ends a session ----------------------------------------------------

sign_in();
ends({ refresh_token => $refresh }, 'a refresh token');
ends_nothing({ refresh_token => $refresh }, 'the same again');

sign_in();
ends({ refresh_token => $refresh, scope => 'local' }, 'with its scope named');

sign_in();
my $older = $refresh;
for (1 .. 2) {
    $gate->sql("UPDATE portero.sessions
                SET rotated_at = rotated_at - interval '1 minute'
                WHERE sid = '$sid'");
    $refresh = $gate->post('/auth/refresh', { refresh_token => $refresh })
        ->{json}{refresh_token};
}
ends({ refresh_token => $older }, 'a refresh token that was superseded');
is($gate->value("SELECT end_reason FROM portero.sessions WHERE sid = '$sid'"),
    'logout', 'which is no reuse');

sign_in();
ends('', 'an access token', Authorization => "Bearer $access");

sign_in();
ends('', 'an access token that has expired',
    Authorization => 'Bearer ' . resigned({ exp => time - 60 }));

sign_in();
ends('', 'the access cookie', %BROWSER, Cookie => "access-$port=$access");

sign_in();
ends({ scope => 'local' }, 'both cookies', %BROWSER,
    Cookie => "access-$port=$access; refresh-$port=$refresh");

# Two sessions in one request end both.

sign_in();
my ($other, $others_access) = ($sid, $access);
sign_in();
ends({ refresh_token => $refresh }, 'the tokens of two sessions',
    Authorization => "Bearer $others_access");
ok(ended($other), 'end both');

# What is left of a session afterwards: nothing.

sign_in();
ends({ refresh_token => $refresh }, 'a logout');
my $answer = $gate->post('/auth/refresh', { refresh_token => $refresh });
is($answer->{json}{reason}, 'revoked', 'no refresh after it');
is($gate->get('/auth/session', Authorization => "Bearer $access")->{status},
    401, 'no session');

# Sessions that are over anyway.

sign_in();
$gate->sql("UPDATE portero.sessions SET idle_at = now() WHERE sid = '$sid'");
ends({ refresh_token => $refresh }, 'a session that was idle too long');


# --- what ends nothing, with the same answer --------------------------------

sign_in();
my $bytes = decode_base64url(substr $refresh, 3);
substr($bytes, 60, 1) ^= "\x01";
my $key = Crypt::PK::ECC->new;
$key->generate_key('nistp256');
my ($head, $claims) = opened($access);

ends_nothing('', 'no token');
ends_nothing({}, 'no token, in an object');
ends_nothing({ refresh_token => 'garbage' }, 'garbage');
ends_nothing({ refresh_token => 'v1.' . encode_base64url($bytes) },
    'a forged refresh token');
ends_nothing('', 'a forged access token', Authorization => 'Bearer ' .
    encode_jwt(payload => $claims, alg => 'ES256', key => $key,
        extra_headers => $head));
ends_nothing('', 'a token of another issuer',
    Authorization => 'Bearer ' . resigned({ iss => 'https://x.test' }));
ends_nothing('', 'a token for another audience',
    Authorization => 'Bearer ' . resigned({ aud => 'x' }));
ends_nothing('', "another user's token for this session",
    Authorization => 'Bearer ' . resigned({ sub => 'x' }));
ends_nothing('', 'a token of no session',
    Authorization => 'Bearer ' . resigned({ sid => undef }));
ends_nothing('', 'a token of an unknown session',
    Authorization => 'Bearer ' . resigned({
        sid => '00000000-0000-4000-8000-000000000000' }));
ends_nothing('', 'Basic', Authorization => 'Basic YTpi');

$gate->sql("UPDATE portero.sessions SET digest = sha256('x')
            WHERE sid = '$sid'");
ends_nothing({ refresh_token => $refresh }, 'a secret that does not fit');


# --- refusals ---------------------------------------------------------------

my @malformed = (
    ['an unknown scope', { scope => 'all' }],
    ['a scope that is no string', { scope => 1 }],
    ['a token that is no string', { refresh_token => 1 }],
    ['a token in cookie and body', { refresh_token => $refresh }, %BROWSER,
        Cookie => "refresh-$port=$refresh"],
    ['two access tokens', '', %BROWSER, Cookie => "access-$port=x",
        Authorization => "Bearer $access"],
    ['a malformed Bearer', '', Authorization => 'Bearer a b'],
);
sign_in();
for (@malformed) {
    my ($name, $body, %header) = @$_;

    $header{Authorization} //= "Bearer $access" unless $header{Cookie};
    my $answer = $gate->post('/auth/logout', $body, %header);
    is($answer->{status}, 400, "$name: 400");
    is(Gate::header($answer, 'Set-Cookie'), '', "$name: cookies are kept");
    like($gate->login_says(qr/"event":"request_refused"/),
        qr/"path":"\/auth\/logout"/, "$name: a line in the log");
}
ok(!ended($sid), 'and the session lives');

$answer = $gate->post('/auth/logout', '', 'Sec-Fetch-Site' => 'cross-site',
    Cookie => "refresh-$port=$refresh");
is($answer->{status}, 403, 'another site signs nobody out');
ok(!ended($sid), 'and the session lives');


# --- at once ----------------------------------------------------------------

my $held = Held->new($gate,
    "SELECT FROM portero.sessions WHERE sid = '$sid' FOR UPDATE");
my @answers = together(
    (sub { $gate->post('/auth/logout', { refresh_token => $refresh }) }) x 3,
    sub { $held->wait_for_waiters(3); $held->commit; });
is("@{[ map { $_->{status} } @answers ]}", '204 204 204', 'three at once');
is($gate->value("SELECT count(*) FROM portero.audit
                 WHERE sid = '$sid' AND event = 'logout'"), 1, 'end it once');
is($gate->value("SELECT count(*) FROM portero.revocation
                 WHERE value = '$sid'"), 1, 'and say so once');

$gate->finish;
done_testing();


sub sign_in {
    my $answer = $gate->login({ %WHO });
    $sid = $answer->{json}{session}{id};
    $refresh = $answer->{json}{refresh_token};
    $access = $answer->{json}{access_token};
}


sub ended {
    my ($id) = @_;
    return $gate->value("SELECT ended_at IS NOT NULL FROM portero.sessions
                         WHERE sid = '$id'") eq 't';
}


sub logs_out {
    my ($name, $body, @header) = @_;

    my $answer = $gate->post('/auth/logout', $body, @header);
    is($answer->{status}, 204, "$name: 204");
    is($answer->{body}, '', "$name: no body");
    ok($gate->clears_cookies($answer), "$name: cookies cleared");
}


sub ends {
    my ($body, $name, @header) = @_;

    logs_out($name, $body, @header);
    ok(ended($sid), "$name: the session is ended");
    is($gate->value("SELECT count(*) FROM portero.revocation
                     WHERE kind = 'sid' AND value = '$sid'"), 1,
        "$name: gateways will hear of it");
    like($gate->login_says(qr/"event":"logout"/), qr/"session":/,
        "$name: a line in the log");
}


sub ends_nothing {
    my ($body, $name, @header) = @_;

    my $ended = 'SELECT count(*) FROM portero.sessions
                 WHERE ended_at IS NOT NULL';
    my $before = $gate->value($ended);
    logs_out($name, $body, @header);
    is($gate->value($ended), $before, "$name: nothing is ended");
}


sub resigned { return resign($gate, $access, @_) }
