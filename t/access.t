#!/usr/bin/perl

# Which tokens pass a location with auth_jwt, and why others do not: status,
# challenge, $jwt_status and the line in the error log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Token;

my @ALGS = map { my $n = $_; map { "$_$n" } qw(HS RS ES) } 256, 384, 512;
my %key = map { $_ => Token::key($_) } @ALGS;
my $es = $key{ES256};

my $gate = Gate->new;
$gate->create_folders;
Stack::replace($gate->path('run/all.json'),
    Token::jwks(map { Token::jwk($key{$_}, kid => "k-$_") } @ALGS));
Stack::replace($gate->path('run/public.json'),
    Token::jwks(Token::jwk($es, kid => 'k'), Token::jwk($key{RS256},
        kid => 'r', alg => 'RS256')));
Stack::replace($gate->path('web/file.html'), "inside\n");

$gate->start_nginx(<<"CONF");
@{[ $gate->nginx_preamble ]}
events {}
http {
    access_log off;
@{[ $gate->nginx_http_preamble ]}
    auth_jwt_key_file $gate->{data}/run/public.json;
    server {
        listen 127.0.0.1:$gate->{port};
        root $gate->{data}/web;
        add_header X-Status \$jwt_status always;
        add_header X-Sub "\$jwt_claim_sub" always;
        location /all/ {
            alias $gate->{data}/web/;
            auth_jwt all;
            auth_jwt_key_file $gate->{data}/run/all.json;
        }
        location / { auth_jwt 'the "realm"'; }
        location /late/ {
            alias $gate->{data}/web/;
            auth_jwt late; auth_jwt_leeway 60s;
        }
        location /for/ {
            alias $gate->{data}/web/;
            auth_jwt for;
            auth_jwt_exp optional;
            auth_jwt_issuer https://a.test https://b.test;
            auth_jwt_audience api;
            auth_jwt_typ at+jwt JWT;
        }
        location /off/ { auth_jwt off; alias $gate->{data}/web/; }
        location /require/ {
            alias $gate->{data}/web/;
            auth_jwt r;
            auth_jwt_require \$jwt_claim_reader;
            auth_jwt_require \$jwt_claim_writer error=403;
        }
        location /cookie/ {
            alias $gate->{data}/web/;
            auth_jwt c;
            auth_jwt_token_from header cookie=__Host-access arg=t;
        }
        location /var/ {
            alias $gate->{data}/web/;
            auth_jwt v token=\$http_x_token;
        }
        location /any/ {
            alias $gate->{data}/web/;
            satisfy any;
            allow all;
            auth_jwt any;
        }
        location /nokeys/ {
            alias $gate->{data}/web/;
            auth_jwt n;
            auth_jwt_algorithms RS256;
        }
    }
}
CONF

# What passes.

for my $alg (@ALGS) {
    passes("$alg", '/all/', Token::mint($alg, $key{$alg}, "k-$alg"));
    passes("$alg, without a kid", '/all/', Token::mint($alg, $key{$alg}));
}
passes('a token of one of the issuers', '/for/', Token::mint('ES256', $es, 'k',
    iss => 'https://b.test', aud => ['x', 'api'], exp => undef,
    _typ => 'application/AT+JWT'));
passes('an expired one within the leeway', '/late/',
    Token::mint('ES256', $es, 'k', exp => time - 30));
passes('one that is early within it', '/late/',
    Token::mint('ES256', $es, 'k', nbf => time + 30));
passes('what auth_jwt_require asks for', '/require/',
    Token::mint('ES256', $es, 'k', reader => 1, writer => 'yes'));
passes('scheme and spaces as they come', '/',
    '  ' . Token::mint('ES256', $es, 'k'), 'bEARER');
is(ask('/off/', undef)->{status}, 200, 'off: anybody');
is(ask('/any/', undef)->{status}, 200, 'satisfy any: another module agreed');

my $good = Token::mint('ES256', $es, 'k');
is($gate->get('/cookie/file.html', Cookie => "a=b; __Host-access=$good")
    ->{status}, 200, 'a cookie');
is($gate->get("/cookie/file.html?x=1&t=$good")->{status}, 200, 'an argument');
is($gate->get('/var/file.html', 'X-Token' => $good)->{status}, 200,
    'a variable');

# What does not.

refused('no token', '/', undef, 401, 'missing');
refused('another scheme', '/', $good, 401, 'missing', 'Basic');
refused('an empty token', '/', '', 401, 'missing|malformed');
refused('no dots', '/', 'abc', 401, 'malformed');
refused('five parts', '/', 'a.b.c.d.e', 401, 'malformed');
refused('padding', '/', "$good=", 401, 'malformed');
refused('a tab', '/', "\t$good", 401, 'malformed');
refused('a comma', '/', "$good,$good", 401, 'malformed');
refused('7 KB of a', '/', 'a' x 7000, 401, 'malformed');
refused('alg none', '/', Token::raw("{\"alg\":\"$_\"}", '{"exp":9e9}'), 401,
    'algorithm') for qw(none None NONE nOnE);
refused('no alg', '/', Token::raw('{}', '{}'), 401, 'malformed');
refused('alg as a number', '/', Token::raw('{"alg":1}', '{}'), 401,
    'malformed');
refused('alg twice', '/', Token::raw('{"alg":"none","alg":"ES256"}', '{}'),
    401, 'malformed');
refused('crit', '/', Token::raw('{"alg":"ES256","crit":["x"]}', '{}'), 401,
    'malformed');
refused('kid as a number', '/', Token::raw('{"alg":"ES256","kid":1}', '{}'),
    401, 'malformed');
refused("kid $_", '/', Token::mint('ES256', $es, $_), 401, 'key')
    for '../../etc/passwd', "' OR 1=1", '', 'k' x 2000;
refused("another key's", '/', Token::mint('ES256', Token::key('ES256'), 'k'),
    401, 'signature');
refused('HS256 with the public key', '/', Token::mint('HS256',
    $es->export_key_pem('public'), 'k'), 401, 'algorithm');
refused('HS256 with the modulus', '/', Token::mint('HS256',
    $key{RS256}->export_key_pem('public'), 'r'), 401, 'algorithm');
refused("RS512 where the key says RS256", '/',
    Token::mint('RS512', $key{RS256}, 'r'), 401, 'algorithm');
refused('an algorithm that is not allowed', '/nokeys/', $good, 401,
    'algorithm');
refused('expired', '/', Token::mint('ES256', $es, 'k', exp => time - 1), 401,
    'expired');
refused('expires now', '/', Token::mint('ES256', $es, 'k', exp => time), 401,
    'expired');
refused('without exp', '/', Token::mint('ES256', $es, 'k', exp => undef), 401,
    'expired');
refused('past the leeway', '/late/',
    Token::mint('ES256', $es, 'k', exp => time - 90), 401, 'expired');
refused('of the future', '/', Token::mint('ES256', $es, 'k',
    nbf => time + 60), 401, 'not_yet');
refused("exp of $_->[0]", '/', Token::mint('ES256', $es, 'k', exp => $_->[1]),
    401, 'malformed') for ['a string', 'soon'], ['-1', -1], ['2^54', 2**54];
refused('another issuer', '/for/', Token::mint('ES256', $es, 'k',
    iss => 'https://a.test/', aud => 'api'), 401, 'issuer');
refused('no issuer', '/for/', Token::mint('ES256', $es, 'k', aud => 'api'),
    401, 'issuer');
refused('another audience', '/for/', Token::mint('ES256', $es, 'k',
    iss => 'https://a.test', aud => ['x']), 401, 'audience');
refused('another typ', '/for/', Token::mint('ES256', $es, 'k',
    iss => 'https://a.test', aud => 'api', _typ => 'id+jwt'), 401, 'typ');
refused('a claim that is missing', '/require/', $good, 401, 'claim');
refused('a claim that is 0', '/require/', Token::mint('ES256', $es, 'k',
    reader => 0, writer => 1), 401, 'claim');
refused('the second one, with its own code', '/require/',
    Token::mint('ES256', $es, 'k', reader => 1), 403, 'claim');
refused('a cookie of another case', '/cookie/', undef, 401, 'missing', undef,
    Cookie => "__host-access=$good");
refused('two tokens', '/cookie/', $good, 400, 'malformed', 'Bearer',
    Cookie => '__Host-access=' . Token::mint('ES256', $es, 'k', n => 1));
refused('the header where a variable is asked', '/var/', $good, 401,
    'missing');

# Two lines of one name.

my $other = Token::mint('ES256', $es, 'k', n => 2);
is(lines("Bearer $good", "Bearer $other")->{status}, 400,
    'two Authorization lines with different tokens');
is(lines("Bearer $other", "Bearer $good")->{status}, 400, 'in any order');
is(lines("Bearer $good", 'Bearer x')->{status}, 400, 'a good one beside a bad');
is($gate->get('/cookie/file.html',
    Cookie => ["__Host-access=$good", "__Host-access=$other"])->{status}, 400,
    'two cookies of the name');
is($gate->get("/cookie/file.html?t=$good&t=$other")->{status}, 400,
    'two arguments of the name');

# What a token says of itself can neither end the line in the log nor the
# quotes, and takes 64 bytes of it.

shown('a quote and a line\'s end', "a\"b\\c\r\nd", 'a\x22b\x5Cc\x0D\x0Ad');
shown('what is not ASCII', "\x{e9}\x7f", '\xC3\xA9\x7F');
shown('64 bytes', '0123456789abcdef' x 4, '0123456789abcdef' x 4);
shown('more', '0123456789abcdef' x 5, '0123456789abcdef' x 4);
shown('64 bytes that are escaped', "\n" x 70, '\x0A' x 64);

my $answer = ask('/', undef);
is(Gate::header($answer, 'WWW-Authenticate'), 'Bearer realm="the \"realm\""',
    'the realm is escaped');
is(Gate::header(ask('/any/', undef), 'WWW-Authenticate'), '',
    'satisfy any: no challenge on what passes');

$gate->finish;
done_testing();


sub ask {
    my ($path, $token, $scheme, @more) = @_;

    $scheme //= 'Bearer';
    push @more, Authorization => "$scheme $token" if defined $token;
    return $gate->get($path . 'file.html', @more);
}


sub lines { return $gate->get('/file.html', Authorization => [@_]) }


sub shown {
    my ($name, $text, $shown) = @_;

    my %words = (iss => $text, jti => $text, exp => time - 10);
    ask('/', Token::mint('ES256', $es, 'k', %words));
    like($gate->nginx_says('auth_jwt: expired'),
        qr/kid: "k", iss: "\Q$shown\E", jti: "\Q$shown\E"/,
        "iss and jti in the log: $name");
    ask('/', Token::mint('ES256', $es, $text));
    like($gate->nginx_says('auth_jwt: key'),
        qr/kid: "\Q$shown\E", iss: "", jti: ""/, "kid in the log: $name");
}


sub passes {
    my ($name, $path, $token, $scheme) = @_;

    my $answer = ask($path, $token, $scheme);
    is($answer->{status}, 200, "$name: passes");
    is($answer->{body}, "inside\n", "$name: is answered");
    is(Gate::header($answer, 'X-Status'), 'ok', "$name: \$jwt_status");
    is(Gate::header($answer, 'X-Sub'), 'alice', "$name: \$jwt_claim_sub");
}


sub refused {
    my ($name, $path, $token, $status, $word, $scheme, @more) = @_;

    my $answer = ask($path, $token, $scheme, @more);
    is($answer->{status}, $status, "$name: refused");
    unlike($answer->{body}, qr/inside/, "$name: not answered");

    my $error = $word eq 'missing' ? '' : $status == 403 ? 'insufficient_scope'
              : $status == 400 ? 'invalid_request' : 'invalid_token';
    like(Gate::header($answer, 'WWW-Authenticate'),
        $error && $word !~ /\|/ ? qr/^Bearer realm=".*", error="$error"$/
                                : qr/^Bearer realm="/, "$name: the challenge");
    like(Gate::header($answer, 'X-Status'), qr/^(?:$word)$/,
        "$name: \$jwt_status");
    is(Gate::header($answer, 'X-Sub'), '', "$name: no claim is shown")
        if $word ne 'claim';
    like($gate->nginx_says('auth_jwt: '), qr/auth_jwt: (?:$word): /,
        "$name: the log");
}
