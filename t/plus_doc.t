#!/usr/bin/perl

# docs/plus.md: nginx takes its configurations, which do what they are for, and
# each difference that it names is one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::PK::RSA;
use MIME::Base64 qw(encode_base64url);
use Test::More;

use Examples qw(check_example check_examples examples placed text);
use Gate;
use Record;
use Site;
use Source;
use Token;
use Watch qw(within);

my $page = text("$FindBin::Bin/../docs/plus.md");
my $source = Source->new;
my $site = Site->new(qw(exp endless secret listed k256 k256listed two offered
                        file now));
my $other = Token::key('ES256');
my $rsa = Token::key('RS256');
my %section = sections();

my @examples = grep { !/^load_module/ } examples($page);
cmp_ok(scalar @examples, '>=', 4, 'configurations are found');
check_examples($site, grep { !/_authz_require_any/ } @examples);

my ($rules) = grep { /_authz_require_any/ } @examples;
my ($status, $said) = check_example($site, $rules);
is($status, 0, 'nginx -t of a chain of maps');
my ($warned, @more) = $said =~ /^\[warn\] "\$(\w+)" keeps .*"volatile" would/mg;
is($warned, 'default_jwt_auth_authz_require_any', 'warns of the last one');
is_deeply([@more, $said =~ /\n(.+)/], [], 'and says nothing else');
($status, $said) = check_example($site,
    $rules =~ s/^(map [^{]*\{\n)/$1    volatile;\n/gmr);
is("$status $said", '0 ', 'not if both are volatile');


# --- the differences --------------------------------------------------------

my ($table) = $page =~ /^\| \| NGINX Plus.*\n\|[ -|]*\n((?:\|.*\n)+)/m;
my %row = map { my @cell = split / *\| */; ($cell[1] => \@cell) }
    split /\n/, $table;

my %shown = (
    'a token without `exp`'                          => \&no_exp,
    'a `map` in `auth_jwt_require`'                  => \&remembering_map,
    'a secret (`oct`) in a fetched key set'          => \&fetched_secret,
    '`auth_jwt` without keys'                        => \&no_keys,
    'a changed key file'                             => \&changed_file,
    '`auth_jwt_type encrypted` and `nested`'         => \&encrypted,
    'ES256K'                                         => \&es256k,
    'two different tokens in one request'            => \&two_tokens,
    'RSA keys below 2048 bits, `oct` shorter than its hash' => \&weak_keys,
    'a header with `crit` or `b64`, JSON with a member twice, a token above '
        . '16 KiB'                                   => \&malformed,
);
is_deeply([sort keys %row], [sort keys %shown],
    'each row of the page is shown here, and none else');

my $secret = 's' x 64;
my $k256 = Crypt::PK::ECC->new;
$k256->generate_key('secp256k1');

$source->serve(Token::jwks(Token::jwk($secret, kid => 's'),
    Token::jwk($site->{key}, kid => 'k')));
key_file('k256.json',
    { %{ Token::jwk($k256, kid => 'c') }, crv => 'secp256k1' });
key_file("$_.json", Token::jwk($site->{key}, kid => 'k')) for qw(file now);

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
        location /endless/ { @{[ as_before('a token without `exp`') ]} }
        location /secret/ { auth_jwt_key_request /_jwks; }
        location /listed/ {
            auth_jwt_key_request /_jwks;
            @{[ as_before('a secret (`oct`) in a fetched key set') ]}
        }
        location /k256/ {
            auth_jwt_key_file @{[ $site->path('run/k256.json') ]};
        }
        location /k256listed/ {
            auth_jwt_key_file @{[ $site->path('run/k256.json') ]};
            @{[ as_before('ES256K') ]}
        }
        location /two/ { auth_jwt_token_from header arg=t; }
        location /file/ {
            auth_jwt_key_file @{[ $site->path('run/file.json') ]};
        }
        location /now/ {
            auth_jwt_key_file @{[ $site->path('run/now.json') ]};
            @{[ as_before('a changed key file') ]}
        }
CONF

$shown{$_}->() for sort keys %shown;


sub no_exp {
    my $endless = $site->token(exp => undef);
    says('/exp/', $endless, '401 expired', 'a token without exp');
    says('/endless/', $endless, '200 ok', 'as before');
}


sub remembering_map {
    my $map = 'map $jwt_claim_a $ok { a 1; }';
    my $server = 'location /a/ { auth_jwt x; auth_jwt_require $ok; }';

    my ($status, $said) = $site->check(http => $map, server => $server);
    is($status, 0, 'a map that is not volatile');
    like($said, qr/\[warn\].*"volatile" would be right/, 'has a warning');

    my ($fix) = $row{'a `map` in `auth_jwt_require`'}[4] =~ /`(\w+;)`/;
    ($status, $said) = $site->check(http => $map =~ s/\{/{ $fix/r,
        server => $server);
    is("$status $said", '0 ', 'one that is has none');
}


sub fetched_secret {
    my $hs = Token::mint('HS256', $secret, 's');
    says('/secret/', $hs, '401 algorithm', 'a secret of a fetched set');
    says('/secret/', $site->token, '200 ok', 'the other keys of it are used');
    like($site->nginx_says(qr/a secret has no place/), qr/\[warn\].*kid "s"/,
        'with a warning');
    says('/listed/', $hs, '200 ok', 'as before');
}


sub no_keys {
    stops('auth_jwt x; location /a/ { }', 0, qr/has no keys/,
        'auth_jwt without keys');

    my ($off) = $row{'`auth_jwt` without keys'}[4] =~ /`(auth_jwt off;)`/;
    my ($status, $said) = $site->check(keys => 0,
        server => "auth_jwt x; location / { $off }");
    is("$status $said", '0 ', 'auth_jwt off asks for none');
}


# The kid stays the same: one that no key has would have the file looked at.

sub changed_file {
    my $old = $site->token;
    my $new = Token::mint('ES256', $other, 'k');

    for my $place (qw(/file/ /now/)) {
        says($place, $old, '200 ok', "$place, the key of before");
        says($place, $new, '401 signature', "$place, a key to come");
    }
    key_file("$_.json", Token::jwk($other, kid => 'k')) for qw(file now);
    for (1 .. 4) {
        says('/now/', $new, '200 ok', 'a changed key file: at once');
        says('/now/', $old, '401 signature', 'and the old key is gone');
        says('/file/', $new, '401 signature', 'by default: not yet');
        says('/file/', $old, '200 ok', 'but the old key');
    }

    # What "within 10 minutes" is about, in a second.

    my $server = 'auth_jwt a; auth_jwt_key_cache 1s; location /file/ { }';
    my $due = Site->new('file');
    $due->run(server => $server);
    is($due->ask('/file/file.html', $due->token)->{status}, 200,
        'a shorter time: the key of before');
    Stack::replace($due->keys, Token::jwks(Token::jwk($other, kid => 'k')));
    ok(within(sub {
        return $due->ask('/file/file.html', $new)->{status} == 200;
    }), 'a shorter time: seen when it is due');
    $due->finish;
}


sub encrypted {
    stops("auth_jwt_type $_;", 1, qr/"signed" would be right/,
        "auth_jwt_type $_") for qw(encrypted nested);
}


sub es256k {
    my $token = Crypt::JWT::encode_jwt(payload => { sub => 'a',
        exp => time + 60 }, alg => 'ES256K', key => $k256,
        extra_headers => { kid => 'c' });
    says('/k256/', $token, '401 algorithm', 'ES256K');
    says('/k256listed/', $token, '200 ok', 'if it is listed');
}


sub two_tokens {
    my $one = $site->token;
    is($site->ask('/two/file.html?t=' . $site->token(sub => 'b'), $one)
        ->{status}, 400, 'two different tokens');
    is($site->ask("/two/file.html?t=$one", $one)->{status}, 200,
        'one token twice');
}


sub weak_keys {
    my $weak = Crypt::PK::RSA->new;
    $weak->generate_key(128, 65537);
    my $good = Token::jwk($site->{key}, kid => 'k');

    for (
        ['a key of RSA with 1024 bits', Token::jwk($weak, kid => 'w')],
        ['an oct key of 31 bytes', Token::jwk('s' x 31, kid => 'w')],
        ['one of 63 for HS512', Token::jwk('s' x 63, kid => 'w',
                                           alg => 'HS512')],
    ) {
        my ($name, $jwk) = @$_;
        my $conf = 'auth_jwt_key_file ' . $site->path('run/weak.json') . ';';

        key_file('weak.json', $jwk);
        stops($conf, 1, qr/none of its 1 keys/, "$name alone");
        key_file('weak.json', $jwk, $good);
        my ($status, $said) = $site->check(server => $conf);
        is($status, 0, "$name among others is skipped");
        like($said, qr/\A\[warn\][^\n]*kid "w"[^\n]*is not used[^\n]*\n\z/,
            'with a warning');
    }

    for (['of 32 bytes', 's' x 32], ['of 64 for HS512', 's' x 64,
                                     alg => 'HS512'])
    {
        my ($name, $key, @alg) = @$_;
        key_file('weak.json', Token::jwk($key, kid => 'w', @alg));
        my ($status, $said) = $site->check(server =>
            'auth_jwt_key_file ' . $site->path('run/weak.json') . ';');
        is("$status $said", '0 ', "an oct key $name is used");
    }
}


sub malformed {
    my $exp = time + 60;
    my $header = '"alg":"ES256","kid":"k"';
    my $claims = qq("sub":"a","exp":$exp);

    says('/exp/', signed("{$header}", "{$claims}"), '200 ok',
        'a token made here');
    for (
        ['crit', "{$header,\"crit\":[\"x\"],\"x\":1}", "{$claims}"],
        ['b64', "{$header,\"b64\":true}", "{$claims}"],
        ['b64, in crit', "{$header,\"b64\":false,\"crit\":[\"b64\"]}",
         "{$claims}"],
        ['a member of the header twice', "{$header,\"kid\":\"k\"}",
         "{$claims}"],
        ['a claim twice', "{$header}", "{$claims,\"sub\":\"b\"}"],
        ['one further down', "{$header}", "{$claims,\"x\":{\"y\":1,\"y\":1}}"],
    ) {
        my ($name, @parts) = @$_;
        says('/exp/', signed(@parts), '401 malformed', $name);
    }
    says('/exp/', $site->token(x => 'y' x 20_000), '401 malformed',
        'a long one');
    says('/exp/', $site->token(x => 'y' x 11_000), '200 ok', 'a shorter one');
}


# --- the first configuration: what the logs say -------------------------------

my $idp = $site->path('run/idp.sock');

# As if the page's "backend" were this one, of t/backends/.

Record::start($site, 'http');
symlink $site->path('run/http.sock'), $site->path('run/backend.sock')
    or die "backend.sock: $!\n";

in_force('What can break');
my $tokens = $site->path('nginx/logs/tokens.log');
my $forged = Token::mint('ES256', $other, 'k');

for (
    ['a good token', $site->token, '200 ok k'],
    ['none', undef, '401 missing -'],
    ['an old one', $site->token(exp => time - 1, iss => 'i', jti => 'j'),
     '401 expired -', 'kid: "k", iss: "i", jti: "j"'],
    ['a forged one', $forged, '401 signature -', 'kid: "k"'],
    ['an early one', $site->token(nbf => time + 60), '401 not_yet -',
     'kid: "k"'],
    ['another kid', Token::mint('ES256', $other, 'o'), '401 key -',
     'kid: "o"'],
    ['no token at all', 'x', '401 malformed -'],
) {
    my ($name, $token, $expected, $who) = @$_;
    my ($status, $word) = split ' ', $expected;
    $who //= '';

    is($site->ask('/try/', $token)->{status}, $status, "/try/, $name");
    is($site->log_line($tokens, '\S'),
        qq(127.0.0.1 "GET /try/ HTTP/1.1" $expected), 'the access log');
    like($site->nginx_says("auth_jwt: $word"), qr/\Q$who\E/,
        'the error log') if $status == 401;
}


# --- as the documentation of NGINX Plus has it --------------------------------

certificate();
Stack::replace($site->path('web/idp.json'), Token::jwks(
    Token::jwk($other, kid => 'i'), Token::jwk($rsa, kid => 'r')));
in_force('As its documentation has it', <<"HTTP");
    server {
        listen unix:$idp ssl;
        ssl_certificate $site->{data}/nginx/idp.pem;
        ssl_certificate_key $site->{data}/nginx/idp.key;
        location = /keys { alias $site->{data}/web/idp.json; }
    }
HTTP

my %iss = (iss => 'good');
my %info = (info => { 'job title' => 'cook' });

for (
    ['the key of the file', $site->token(%iss, %info), 200, 'cook'],
    ['a key of the provider', Token::mint('ES256', $other, 'i', %iss, %info),
     200, 'cook'],
    ['its other one', Token::mint('RS256', $rsa, 'r', %iss), 200],
    ['without a kid', Token::mint('RS256', $rsa, undef, %iss), 200],
    ['another path', $site->token(%iss, 'job title' => 'king'), 200],
    ['within the leeway', $site->token(%iss, exp => time - 15), 200],
    ['another issuer', $site->token(iss => 'bad'), 403, 'claim'],
    ['another issuer, a key of the provider',
     Token::mint('ES256', $other, 'i', iss => 'bad'), 403, 'claim'],
    ['no issuer', $site->token, 403, 'claim'],
    ['no token', undef, 401, 'missing'],
    ['beyond the leeway', $site->token(%iss, exp => time - 40), 401,
     'expired'],
    ['the kid of another key', Token::mint('ES256', $other, 'k', %iss), 401,
     'signature'],
    ["a stranger's key", Token::mint('ES256', Token::key('ES256'), 'i', %iss),
     401, 'signature'],
    ['another kid', Token::mint('ES256', $other, 'x', %iss), 401, 'key'],
) {
    my ($name, $token, $status, $word) = @$_;
    my $answer = $site->ask('/products/', $token, 'X-Job' => 'king');

    is($answer->{status}, $status, "/products/, $name: $status");
    if ($status == 200) {
        is_deeply([Record::got($answer, 'X-Job')], [$word // ()],
            "/products/, $name: the job");
        next;
    }
    refused_as($word, '/products/', $name);
    is(Gate::header($answer, 'WWW-Authenticate'), 'Bearer realm="API"'
        . ($status == 403 ? ', error="insufficient_scope"'
           : $token       ? ', error="invalid_token"' : ''),
        "/products/, $name: the challenge");
}
is($site->ask('/jwks_uri', $site->token(%iss))->{status}, 404,
    'keys are for no client');

leads_to_login('/cookie/', '/login',
    [Authorization => 'Bearer ' . $site->token]);


# --- the Ingress Controller ---------------------------------------------------

in_force('As the Ingress Controller writes it');

leads_to_login('/coffee', 'https://login.example.com', [Token => $site->token]);

for (['no token', undef, 401, 'missing'], ['a forged one', $forged, 401,
      'signature'],
     ['an old one', $site->token(exp => time - 1), 401, 'expired'])
{
    my ($name, $token, $status, $word) = @$_;
    is($site->get('/tea', defined $token ? (Token => $token) : (),
        'X-User' => 'eve')->{status}, $status, "/tea, $name");
    refused_as($word, '/tea', $name);
}
is($site->ask('/tea', $site->token)->{status}, 401,
    '/tea, in the header of everybody else');

my %level = map { $_ => { sub => "a$_", user_details => { level => $_ } } }
    qw(Gold Bronze);
is(join(' ', map { tea(%{ $level{Gold} }) } 1 .. 3),
    '200 aGold 200 aGold 200 aGold', '/tea, a level without a limit');
is(join(' ', map { tea(%{ $level{Bronze} }) } 1 .. 2),
    '200 aBronze 429', '/tea, one that has it');
is($site->get('/tea', Token => Token::mint('ES256', $other, 'k', sub => 'b',
    user_details => { level => 'Bronze' }))->{status}, 401,
    '/tea, a forged one is not counted');
is(tea(%{ $level{Bronze} }, sub => 'b'), '200 b', '/tea, so its owner gets in');


# --- the Gateway Fabric -------------------------------------------------------

in_force('As the Gateway Fabric writes it');

for (
    ['the role', { roles => ['x', 'admin'] }, 200],
    ['that alone', { roles => ['admin'] }, 200],
    ['a longer word', { roles => ['administrator'] }, 401, 'claim'],
    ['no role', {}, 401, 'claim'],
) {
    my ($name, $access, $status, $word) = @$_;
    my $answer = $site->ask('/orders', $site->token(realm_access => $access),
        'X-User' => 'eve');
    is($answer->{status}, $status, "/orders, $name");
    is_deeply([Record::got($answer, 'X-User')],
        [$status == 200 ? 'alice' : 'no record'], "/orders, $name: who");
    refused_as($word, '/orders', $name) if $word;
}
for (['no token', undef, 'missing'],
     ['a forged one', Token::mint('ES256', $other, 'k',
         realm_access => { roles => ['admin'] }), 'signature'])
{
    my ($name, $token, $word) = @$_;
    is($site->ask('/orders', $token)->{status}, 401, "/orders, $name");
    refused_as($word, '/orders', $name);
}
is($site->ask('/_ngf-internal-rule0-route0',
    $site->token(realm_access => { roles => ['admin'] }))->{status}, 404,
    'the internal location');

$source->stop;
$site->finish;
done_testing();


# --- helpers ------------------------------------------------------------------

# heading => what stands indented below it.

sub sections {
    my (undef, @parts) = split /^## (.*)\n/m, $page;
    my %text = @parts;
    return map { $_ => join '', examples($text{$_}) } keys %text;
}


# nginx with the configuration of a section, and nothing else.

sub in_force {
    my ($name, $more) = @_;

    my %part = placed($site, $section{$name},
        'idp.example.com' => "unix:$idp");
    $site->stop_part('nginx');
    $site->run(keys => 0, %part, http => $part{http} . ($more // ''));
}


# The directive of the row's last column.

sub as_before {
    my ($name) = @_;
    my ($directive) = ($row{$name}[4] // '') =~ /`([^`]*;)`/;
    return ($directive // "nothing_for '$name';") =~ s/ \.\.\.//r;
}


sub key_file {
    my ($name, @keys) = @_;
    Stack::replace($site->path("run/$name"), Token::jwks(@keys));
}


# By the site's key, whatever the texts are.

sub signed {
    my ($header, $claims) = @_;
    my $text = join '.', map { encode_base64url($_) } $header, $claims;
    return "$text." . encode_base64url(
        $site->{key}->sign_message_rfc7518($text, 'SHA256'));
}


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


# Only a good token in the cookie auth_token gets in; all else is led away.

sub leads_to_login {
    my ($path, $where, @more) = @_;

    my $good = $site->token;
    is($site->get($path, Cookie => "auth_token=$good")->{status}, 200,
        "$path, a good cookie");
    for (
        ['missing', []], ['missing', @more],
        ['missing', [Cookie => "other=$good"]],
        ['missing', [Cookie => 'auth_token=']],
        ['malformed', [Cookie => 'auth_token=x']],
        ['signature', [Cookie => "auth_token=$forged"]],
        ['expired', [Cookie => 'auth_token=' . $site->token(exp => 1)]],
    ) {
        my ($word, $headers) = @$_;
        my $answer = $site->get($path, @$headers);
        my ($with) = "@$headers" =~ /^(\S+(?: \w+(?==))?)/;
        $with //= 'nothing';

        is($answer->{status}, 302, "$path, $with: led away");
        like(Gate::header($answer, 'Location'),
            qr{^(?:http://127.0.0.1:$site->{port})?\Q$where\E$}, 'where to');
        refused_as($word, $path, $with);
    }
}


sub refused_as {
    my ($word, $path, $name) = @_;
    ok($site->nginx_says(qr{auth_jwt: $word: .* "GET \Q$path\E }),
        "$path, $name: says $word");
}


sub tea {
    my $answer = $site->get('/tea', Token => $site->token(@_),
        'X-User' => 'eve');
    return join ' ', $answer->{status}, $answer->{status} == 200
        ? Record::got($answer, 'X-User') : ();
}


sub certificate {
    my $path = $site->path('nginx/idp');
    my $said = qx(openssl req -x509 -newkey ec -nodes -batch -days 2 \\
        -pkeyopt ec_paramgen_curve:P-256 -subj /CN=idp.example.com \\
        -keyout $path.key -out $path.pem 2>&1);
    die $said if $?;
}
