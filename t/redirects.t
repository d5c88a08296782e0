#!/usr/bin/perl

# What an internal redirect changes: the next location judges anew, and what
# the last one refused does not stick.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Site;

my $site = Site->new(qw(a b free));
my $log = $site->path('log/access.log');

$site->run(http => <<'HTTP', server => <<'SERVER' =~ s/LOG/$log/r);
    log_format words '$uri $status "$jwt_status" "$jwt_claim_sub"';
    map $jwt_claim_role $admin {
        volatile;
        default 0;
        admin   1;
    }
HTTP
        access_log LOG words;
        add_header X-Status "$jwt_status" always;
        add_header X-Sub "$jwt_claim_sub" always;
        location /a/ {
            auth_jwt a;
            auth_jwt_require $arg_n error=403;
            error_page 403 = /a/file.html?n=1;
        }
        location /b/ {
            auth_jwt b;
            auth_jwt_require $admin error=403;
            auth_jwt_issuer b;
            recursive_error_pages on;
            error_page 403 = /a/file.html?n=1;
        }
        location /free/ { }
        location /lost/ { auth_jwt l; error_page 404 = /b/file.html; }
        location = /told {
            auth_jwt t;
            auth_jwt_require $arg_n;
            error_page 401 /free/file.html;
        }
        location = /twice {
            auth_jwt one;
            auth_jwt_require $arg_n;
            error_page 401 /again;
        }
        location = /again { auth_jwt two; auth_jwt_require $arg_n; }
SERVER

my $token = $site->token;

# The same location and token, asked for more the first time.

my $answer = $site->ask('/a/file.html', $token);
is($answer->{status}, 200, 'a condition that failed once does not stick');
is($answer->{body}, "inside\n", 'the redirect is answered');
is(Gate::header($answer, 'X-Status'), 'ok', 'and so is its $jwt_status');
is(Gate::header($answer, 'WWW-Authenticate'),
    'Bearer realm="a", error="insufficient_scope"',
    'the challenge stays, as with auth_basic');
like($site->nginx_says('auth_jwt: '),
    qr/auth_jwt: claim: auth_jwt_require is not met, kid: "k"/,
    'the refusal is logged');
is(logged(), '/a/file.html 200 "ok" "alice"', 'the log has the last word');

# Another location is another judge.

$answer = $site->ask('/lost/none', $site->token(role => 'admin'));
is($answer->{status}, 401, 'a redirect into a location that asks for more');
is(Gate::header($answer, 'X-Status'), 'issuer', 'is refused there');
is(Gate::header($answer, 'X-Sub'), '', 'and no claim is shown');
is(logged(), '/b/file.html 401 "issuer" "-"', 'so says the log');

$answer = $site->ask('/b/file.html', $site->token(iss => 'b'));
is($answer->{status}, 200, 'a redirect into one that asks for less');
is(Gate::header($answer, 'X-Status'), 'ok', 'passes there');
is(logged(), '/a/file.html 200 "ok" "alice"', 'so says the log');

$answer = $site->ask('/b/file.html', $site->token(iss => 'b', role => 'admin'));
is($answer->{status}, 200, 'without a redirect');
is(logged(), '/b/file.html 200 "ok" "alice"', 'so says the log');

# A page that judges nothing shows what was judged last.

$answer = $site->ask('/told', $token);
is($answer->{status}, 401, 'an error page keeps the status');
is($answer->{body}, "inside\n", 'and is sent');
is(Gate::header($answer, 'X-Status'), 'claim', 'it sees why');
is(Gate::header($answer, 'X-Sub'), 'alice', 'and whose token it was');
is(logged(), '/free/file.html 401 "claim" "alice"', 'so does the log');

$answer = $site->ask('/told', $site->token(exp => time - 10));
is(Gate::header($answer, 'X-Status'), 'expired', 'why a token was refused');
is(Gate::header($answer, 'X-Sub'), '', 'no claim of it is shown');
is(logged(), '/free/file.html 401 "expired" "-"', 'nor logged');

$answer = $site->ask('/free/file.html', $token);
is(Gate::header($answer, 'X-Status'), '', 'where nothing was judged');
is(logged(), '/free/file.html 200 "-" "-"', 'there is nothing to say');

# Two refusals, one challenge.

is(Gate::header($site->ask('/twice', $token), 'WWW-Authenticate'),
    'Bearer realm="two", error="invalid_token"',
    'the challenge is the last one\'s');

$site->finish;
done_testing();


sub logged { return $site->log_line($log, '\S') }
