#!/usr/bin/perl

# docs/plus.md: nginx takes its configurations without a word, and each
# difference that it names is one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::PK::RSA;
use Test::More;

use Examples qw(check_examples examples text);
use Gate;
use Site;
use Source;
use Token;

my $page = text("$FindBin::Bin/../docs/plus.md");
my $source = Source->new;
my $site = Site->new(qw(exp endless secret listed k256 k256listed two));

my @examples = grep { /^load_module/ ? 0 : 1 } examples($page);
cmp_ok(scalar @examples, '>=', 2, 'configurations are found');
check_examples($site, @examples);


# --- the differences --------------------------------------------------------

my ($table) = $page =~ /^\| \| NGINX Plus.*\n\|[ -|]*\n((?:\|.*\n)+)/m;
my %row = map { my @cell = split / *\| */; ($cell[1] => \@cell) }
    split /\n/, $table;
my $secret = 's' x 64;
my $k256 = Crypt::PK::ECC->new;
$k256->generate_key('secp256k1');
my $weak = Crypt::PK::RSA->new;
$weak->generate_key(128, 65537);

$source->serve(Token::jwks(Token::jwk($secret, kid => 's'),
    Token::jwk($site->{key}, kid => 'k')));
Stack::replace($site->path('run/k256.json'),
    Token::jwks({ %{ Token::jwk($k256, kid => 'c') }, crv => 'secp256k1' }));
Stack::replace($site->path('run/weak.json'),
    Token::jwks(Token::jwk($weak, kid => 'w')));

$site->run(server => <<"CONF");
        location = /_jwks {
            internal;
            proxy_method GET;
            proxy_set_header Content-Length "";
            proxy_pass http://127.0.0.1:@{[ $source->port ]}/;
        }
        large_client_header_buffers 4 64k;
        auth_jwt plus;
        add_header X-Status \$jwt_status always;
        location /exp/ { }
        location /endless/ { auth_jwt_exp optional; }
        location /secret/ { auth_jwt_key_request /_jwks; }
        location /listed/ {
            auth_jwt_key_request /_jwks;
            auth_jwt_algorithms HS256;
        }
        location /k256/ {
            auth_jwt_key_file @{[ $site->path('run/k256.json') ]};
        }
        location /k256listed/ {
            auth_jwt_key_file @{[ $site->path('run/k256.json') ]};
            auth_jwt_algorithms ES256K;
        }
        location /two/ { auth_jwt_token_from header arg=t; }
CONF

is_deeply([grep { !$row{$_} } 'a token without `exp`',
    'a secret (`oct`) in a fetched key set', '`auth_jwt` without keys',
    'ES256K', 'two different tokens in one request',
    'a `map` in `auth_jwt_require`', '`auth_jwt_type encrypted` and `nested`',
    'RSA keys below 2048 bits, `oct` shorter than its hash',
    'a header with `crit` or `b64`, JSON with a member twice, a token above '
    . '16 KiB'], [], 'the page has these rows');

my $endless = $site->token(exp => undef);
says('/exp/', $endless, '401 expired', 'a token without exp');
says('/endless/', $endless, '200 ok', 'as before');

my $hs = Token::mint('HS256', $secret, 's');
says('/secret/', $hs, '401 algorithm', 'a secret of a fetched set');
says('/secret/', $site->token, '200 ok', 'the other keys of it are used');
like($site->nginx_says(qr/a secret has no place/), qr/\[warn\].*kid "s"/,
    'with a warning');
says('/listed/', $hs, '200 ok', 'as before');

my $es256k = Crypt::JWT::encode_jwt(payload => { sub => 'a',
    exp => time + 60 }, alg => 'ES256K', key => $k256,
    extra_headers => { kid => 'c' });
says('/k256/', $es256k, '401 algorithm', 'ES256K');
says('/k256listed/', $es256k, '200 ok', 'as before');

is($site->ask('/two/file.html?t=' . $site->token(sub => 'b'), $site->token)
    ->{status}, 400, 'two different tokens');

says('/exp/', Crypt::JWT::encode_jwt(payload => { exp => time + 60 },
    alg => 'ES256', key => $site->{key}, extra_headers => { kid => 'k',
    crit => ['x'], x => 1 }), '401 malformed', 'crit');
says('/exp/', $site->token(x => 'y' x 20_000), '401 malformed', 'a long one');

stops('auth_jwt x; location /a/ { }', 0, qr/has no keys/,
    'auth_jwt without keys');
stops('auth_jwt_type encrypted;', 1, qr/"signed" would be right/,
    'auth_jwt_type encrypted');
stops('auth_jwt_key_file ' . $site->path('run/weak.json') . ';', 1,
    qr/none of its 1 keys/, 'a key of RSA with 1024 bits alone');
my ($status, $said) = $site->check(http => 'map $jwt_claim_a $ok { a 1; }',
    server => 'location /a/ { auth_jwt x; auth_jwt_require $ok; }');
is($status, 0, 'a map that is not volatile');
like($said, qr/\[warn\].*"volatile" would be right/, 'has a warning');

$source->stop;
$site->finish;
done_testing();


sub says {
    my ($path, $token, $expected, $name) = @_;
    my $answer = $site->ask("${path}file.html", $token);
    is("$answer->{status} " . Gate::header($answer, 'X-Status'), $expected,
        $name);
}


sub stops {
    my ($conf, $keys, $pattern, $name) = @_;
    my ($status, $said) = $site->check(server => $conf, keys => $keys);
    isnt($status, 0, "$name: stops nginx -t");
    like($said, qr/\[emerg\].*$pattern/, 'which says why');
}
