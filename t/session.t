# What is left of a session: asked with the access token, extends nothing, and
# the session's row has a say as well.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use Test::More;

use Gate;
use Resign qw(opened resign);


my $gate = Gate->new;
my $port = $gate->{port};
my %WHO = (username => 'ana', password => 'correct horse battery');

$gate->start_all;
$gate->add_user('ana', $WHO{password}, 'reader');

my ($sid, $refresh, $access);


# --- what it says -----------------------------------------------------------

my $login = sign_in();
my $answer = session(Authorization => "Bearer $access");
my $json = $answer->{json};

is($answer->{status}, 200, 'an access token');
is(Gate::header($answer, 'Cache-Control'), 'no-store', 'not to be kept');
is_deeply([sort keys %$json], [qw(access_expires_in server_time session user)],
    'what it tells');
is($json->{session}{id}, $sid, 'the id of the session');
is($json->{session}{idle_seconds}, 1800, 'idle_seconds');
is_deeply($json->{user}, $login->{json}{user}, 'the user, as at login');
cmp_ok($json->{server_time}, '>=', $login->{json}{server_time}, 'the time');
like($answer->{body}, qr/"server_time":\d{10}\.\d{1,3}[,}]/,
    'in milliseconds');
within($json->{access_expires_in}, 590, 599, 'access_expires_in, rounded down');
within($json->{session}{idle_expires_in}, 1790, 1799, 'idle_expires_in');
within($json->{session}{absolute_expires_in}, 43190, 43199,
    'absolute_expires_in');

is(session(Cookie => "access-$port=$access")->{status}, 200, 'the cookie');
is(session(Cookie => "access-$port=$access",
    Authorization => "Bearer $access")->{status}, 200, 'both, the same');
is(session(Cookie => "access-$port=$access",
    'Sec-Fetch-Site' => 'cross-site')->{status}, 200,
    'it changes nothing, so anybody may have it asked');

# It extends nothing.

$gate->sql("UPDATE portero.sessions SET idle_at = now() + interval '99 seconds'
            WHERE sid = '$sid'");
my $row = row();
within(session(Authorization => "Bearer $access")
    ->{json}{session}{idle_expires_in}, 90, 98, 'a shorter deadline');
is(row(), $row, 'stays where it is');
is(Gate::header(session(Cookie => "access-$port=$access"), 'Set-Cookie'), '',
    'nor are there cookies');

# Roles are those of now.

$gate->portero('user', 'role', 'ana', 'add', 'writer');
is_deeply(session(Authorization => "Bearer $access")->{json}{user}{roles},
    ['reader', 'writer'], 'roles come from the database');


# --- refusals by the token --------------------------------------------------

my $other = Crypt::PK::ECC->new;
$other->generate_key('nistp256');
my ($head, $claims) = opened($access);

refused('missing', 'no token');
refused('missing', 'another scheme', Authorization => 'Basic YTpi');
refused('malformed', 'garbage', Authorization => 'Bearer abc');
refused('malformed', 'a refresh token', Authorization => "Bearer $refresh");
refused('expired', 'an expired token',
    Authorization => 'Bearer ' . resigned({ exp => time - 1 }));
refused('issuer', 'another issuer',
    Authorization => 'Bearer ' . resigned({ iss => 'https://x.test' }));
refused('audience', 'another audience',
    Authorization => 'Bearer ' . resigned({ aud => 'x' }));
refused('signature', 'another key', Authorization => 'Bearer ' .
    encode_jwt(payload => $claims, alg => 'ES256', key => $other,
        extra_headers => $head));
refused('algorithm', 'alg none', Authorization => 'Bearer ' .
    encode_jwt(payload => $claims, alg => 'none', allow_none => 1,
        extra_headers => $head));
refused('typ', 'a token of another kind', Authorization => 'Bearer ' .
    resigned({}, { typ => 'JWT' }));
refused('no session', 'a token of no session',
    Authorization => 'Bearer ' . resigned({ sid => undef }));
refused('unknown session', "another user's session",
    Authorization => 'Bearer ' . resigned({ sub => 'x' }));


# --- refusals by the row ----------------------------------------------------

my @states = (
    ['revoked', 'logged out', "ended_at = now(), end_reason = 'logout'"],
    ['reuse', 'ended by reuse', "ended_at = now(), end_reason = 'reuse'"],
    ['session expired', 'past the absolute end', 'absolute_at = now()'],
    ['idle', 'past the idle end', 'idle_at = now()'],
);
for (@states) {
    my ($reason, $name, $change) = @$_;

    sign_in();
    $gate->sql("UPDATE portero.sessions SET $change WHERE sid = '$sid'");
    refused($reason, $name, Authorization => "Bearer $access");
}

sign_in();
$gate->sql("DELETE FROM portero.sessions WHERE sid = '$sid'");
refused('unknown session', 'a row that is gone',
    Authorization => "Bearer $access");

sign_in();
$gate->portero('user', 'disable', 'ana');
refused('revoked', 'a disabled user', Authorization => "Bearer $access");
$gate->portero('user', 'enable', 'ana');


# --- the form ---------------------------------------------------------------

sign_in();
for (['two tokens', Authorization => "Bearer $access",
         Cookie => "access-$port=x"],
     ['two cookies', Cookie => "access-$port=$access; access-$port=$access"],
     ['a malformed Bearer', Authorization => 'Bearer a,b'])
{
    my ($name, %header) = @$_;

    my $answer = session(%header);
    is($answer->{status}, 400, "$name: 400");
    is($answer->{json}{error}, 'invalid_request', "$name: invalid_request");
    like($gate->login_says(qr/"event":"request_refused"/),
        qr/"path":"\/auth\/session"/, "$name: a line in the log");
}

is($gate->post('/auth/session', {}, Authorization => "Bearer $access")
    ->{status}, 405, 'POST');

$gate->finish;
done_testing();


sub session {
    my (@header) = @_;
    return $gate->get('/auth/session', @header);
}


sub sign_in {
    my $answer = $gate->login({ %WHO });
    $sid = $answer->{json}{session}{id};
    $refresh = $answer->{json}{refresh_token};
    $access = $answer->{json}{access_token};
    return $answer;
}


sub refused {
    my ($reason, $name, @header) = @_;

    my $answer = session(@header);
    is($answer->{status}, 401, "$name: 401");
    is($answer->{json}{error}, 'invalid_token', "$name: invalid_token");
    like(Gate::header($answer, 'WWW-Authenticate'), qr/^Bearer/,
        "$name: Bearer");
    is(Gate::header($answer, 'Set-Cookie'), '', "$name: cookies are kept");
    like($gate->login_says(qr/"event":"token_refused"/),
        qr/"reason":"$reason"/, "$name: the log knows why");
}


sub within {
    my ($value, $least, $most, $name) = @_;
    ok($value >= $least && $value <= $most, $name)
        or diag("$value is not from $least to $most");
}


sub row {
    return $gate->value("SELECT s, s.xmin FROM portero.sessions s
                         WHERE sid = '$sid'");
}


sub resigned { return resign($gate, $access, @_) }
