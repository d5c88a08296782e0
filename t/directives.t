#!/usr/bin/perl

# What may be written in nginx.conf: contexts, inheritance, and what nginx -t
# says of what may not, with file and line.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Site;

my $site = Site->new(qw(s l l/in own other off));
my $other = Token::key('ES256');
Stack::replace($site->path('run/other.json'),
    Token::jwks(Token::jwk($other, kid => 'o')));
my $file = $site->keys;
my $other_file = $site->path('run/other.json');


# --- contexts ---------------------------------------------------------------

my @anywhere = (
    'auth_jwt x',
    'auth_jwt "" token=$cookie_t',
    'auth_jwt off',
    'auth_jwt off token=$cookie_t',
    "auth_jwt_key_file $file",
    "auth_jwt_key_file $file jwks",
    'auth_jwt_type signed',
    'auth_jwt x; auth_jwt_require $jwt_claim_a $arg_b error=403',
);
my @levels = (
    'auth_jwt_leeway 10s',
    'auth_jwt_exp required',
    'auth_jwt_exp optional',
    'auth_jwt_optional on',
    'auth_jwt_optional off',
    'auth_jwt_token_from header',
    'auth_jwt_token_from header=X-Token cookie=__Host-a arg=t',
    'auth_jwt_algorithms RS256 ES256K',
    'auth_jwt_issuer https://a.test https://b.test',
    'auth_jwt_audience a b',
    'auth_jwt_typ at+jwt JWT',
    'auth_jwt_identity_header X-User sub required',
    'auth_jwt_identity_header X-Internal',
);
my @http = (
    'auth_jwt_claim_set $a realm_access roles 0',
    'auth_jwt_header_set $a jwk kty',
);
my %context = (
    http         => sub { (http => "$_[0]; # here\n") },
    server       => sub { (server => "$_[0]; # here\n") },
    location     => sub { (server => "location / { $_[0]; # here\n }") },
    limit_except => sub { (server =>
                        "location / { limit_except GET {\n$_[0]; # here\n}}") },
    if           => sub { (server =>
                         "location / { if (\$arg_x) {\n$_[0]; # here\n}}") },
);

for my $context (sort keys %context) {
    for (@anywhere) {
        next if $context eq 'http' && /auth_jwt_key_file/;
        my %part = $context{$context}->($_);
        $context eq 'if' ? stops("$_ in $context", qr/is not allowed here/,
                                 '# here', %part)
                         : accepts("$_ in $context", %part);
    }
    for (@levels) {
        my %part = $context{$context}->($_);
        $context =~ /if|limit/ ? stops("$_ in $context",
                                       qr/is not allowed here/, '# here',
                                       %part)
                               : accepts("$_ in $context", %part);
    }
    for (@http) {
        my %part = $context{$context}->($_);
        $context ne 'http' ? stops("$_ in $context", qr/is not allowed here/,
                                   '# here', %part)
                           : accepts("$_ in $context", %part);
    }
}


# --- twice ------------------------------------------------------------------

stops("$_, twice", qr/"\S+" directive is duplicate/, '# two',
    server => "location / { $_; }\nlocation /2 { $_;\n$_; # two\n }")
    for 'auth_jwt x', 'auth_jwt_type signed', 'auth_jwt_leeway 1s',
        'auth_jwt_exp optional', 'auth_jwt_optional on',
        'auth_jwt_token_from header', 'auth_jwt_algorithms RS256',
        'auth_jwt_issuer a', 'auth_jwt_audience a', 'auth_jwt_typ a';
accepts("$_, twice", server => "location / { auth_jwt x; $_; $_; }")
    for "auth_jwt_key_file $file", 'auth_jwt_require $arg_a';
stops('two variables of a name', qr/the duplicate "(\$)?a" variable/, '# two',
    http => "auth_jwt_claim_set \$a b;\nauth_jwt_header_set \$a c; # two");
stops('a variable that is a map', qr/the duplicate "(\$)?a" variable/, '# two',
    http => "map \$arg_a \$a { default 1; }\n"
        . "auth_jwt_claim_set \$a b; # two");


# --- values -----------------------------------------------------------------

stops($_->[0], $_->[1], '# here', http => "$_->[0]; # here\n") for
    ['auth_jwt', qr/invalid number of arguments/],
    ['auth_jwt a b', qr/invalid parameter "b", "token=\$variable" would be/],
    ['auth_jwt a token=', qr/invalid parameter "token=", "token=\$variable"/],
    ['auth_jwt a token=$', qr/invalid parameter "token=\$", "token=\$var/],
    ['auth_jwt a token=b', qr/invalid parameter "token=b", "token=\$var/],
    ['auth_jwt a token=$arg_a c', qr/invalid number of arguments/],
    ['auth_jwt_key_file', qr/invalid number of arguments/],
    ["auth_jwt_key_file $file jwk", qr/invalid parameter "jwk", "jwks" /],
    ['auth_jwt_leeway soon', qr/invalid value/],
    ['auth_jwt_leeway -1s', qr/invalid value/],
    ['auth_jwt_exp off', qr/invalid value "off"/],
    ['auth_jwt_optional yes', qr/invalid value "yes".*"on" or "off"/],
    ['auth_jwt_type encrypted', qr/tokens that are "encrypted" cannot be read/],
    ['auth_jwt_type nested', qr/tokens that are "nested" cannot be read/],
    ['auth_jwt_type Signed', qr/invalid value "Signed", "signed" would be/],
    ['auth_jwt_algorithms none', qr/unknown algorithm "none"/],
    ['auth_jwt_algorithms RS256 rs256', qr/unknown algorithm "rs256"/],
    ['auth_jwt_token_from body', qr/invalid parameter "body", "header", "he/],
    ['auth_jwt_token_from cookie=', qr/invalid parameter "cookie="/],
    ['auth_jwt_token_from header=', qr/invalid parameter "header="/],
    ['auth_jwt_token_from arg', qr/invalid parameter "arg"/],
    ['auth_jwt_require error=403', qr/has no variable to look at/],
    ['auth_jwt_require a', qr/invalid parameter "a", a value that starts wi/],
    ['auth_jwt_require a$arg_b', qr/invalid parameter "a\$arg_b", a value th/],
    ['auth_jwt_require $', qr/invalid parameter "\$", a value that starts/],
    ['auth_jwt_require ${arg_a', qr/the closing bracket in "arg_a" variable/],
    (map { ["auth_jwt_require \$arg_a error=$_",
            qr/invalid "error=$_", a code from 400 to 599 would be right/] }
     '', 'x', -1, 200, 302, 399, 408, 444, 494, 495, 499, 600, '4030'),
    ['auth_jwt_claim_set $a', qr/invalid number of arguments/],
    ['auth_jwt_claim_set a b', qr/invalid parameter "a", a "\$variable" would/],
    ['auth_jwt_claim_set $ b', qr/invalid parameter "\$", a "\$variable" /],
    ['auth_jwt_header_set a b', qr/invalid parameter "a", a "\$variable" /],
    ['auth_jwt_identity_header X-User required', qr/needs a claim before/],
    ['auth_jwt_identity_header "X User" sub', qr/"X User" is no header's name/],
    ['auth_jwt_identity_header "-_" sub', qr/"-_" is no header's name/],
    ['auth_jwt_identity_header Cookie sub', qr/"Cookie" has a meaning of its/],
    ['auth_jwt_identity_header auth_orization a', qr/has a meaning of its own/];
accepts("auth_jwt_require, error=$_",
    server => "location / { auth_jwt x; auth_jwt_require \$arg_a error=$_; }")
    for 400, 401, 403, 404, 418, 429, 493, 500, 599;

like(said(http => "$_;"), qr/\[emerg\] unknown "nobody_has_this" variable/,
    "$_: nginx tells so, after all was read")
    for 'auth_jwt a token=$nobody_has_this', 'auth_jwt $nobody_has_this',
        'auth_jwt_require $nobody_has_this';


# --- what only the whole tells ----------------------------------------------

my $no_keys = qr/"auth_jwt" has no keys for (?:location|server) "[^"]*", /;
$no_keys = qr/${no_keys}an "auth_jwt_key_file" or "auth_jwt_key_request" there or above would be right/;

stops("auth_jwt without keys in $_->[0]", $no_keys, '# here', keys => 0,
    server => $_->[1]) for
    ['a location', "location / {\nauth_jwt x; # here\n}"],
    ['a location, token only',
     "location / {\nauth_jwt off token=\$arg_t; # here\n}"],
    ['a server', "auth_jwt x; # here"],
    ['a server, inherited', "auth_jwt x; # here\nlocation / { }"],
    ['a server with a location or two',
     "auth_jwt x; # here\nlocation = / { auth_jwt_key_file $file; }"],
    ['a nested location',
     "location / {\nauth_jwt_key_file $file;\n location /a { } }\n"
     . "location /b/ {\n auth_jwt x; # here\n}"],
    ['a method', "location / { limit_except GET {\nauth_jwt x; # here\n} }"];
stops('auth_jwt at http, without keys', $no_keys, '# here', keys => 0,
    http => "auth_jwt x; # here");
like(said(keys => 0, server => "location /a/ { auth_jwt x; }"),
    qr{has no keys for location "/a/"}, 'the location is named');
like(said(keys => 0, server => "server_name a.test; auth_jwt x;"),
    qr{has no keys for server "a\.test"}, 'the server is named');
accepts('keys in all locations of a server', keys => 0,
    server => "auth_jwt x; location / { auth_jwt_key_file $file; }
               location /b { auth_jwt off; }");
accepts('auth_jwt off needs no keys', keys => 0,
    server => "auth_jwt x; location / { auth_jwt off; }
               location /b { auth_jwt_key_file $file; }");
accepts('keys alone', keys => 0, http => "auth_jwt_key_file $file;");

stops('token= and auth_jwt_token_from', qr/exclude each other/, '# here',
    http => "auth_jwt_token_from cookie=a;",
    server => "auth_jwt x token=\$arg_t; # here\nlocation / { }");

warns('auth_jwt_require where auth_jwt is off', $_->[0],
    qr/"auth_jwt_require" has no effect, "auth_jwt" is off wherever it reach/,
    server => $_->[1]) for
    ['a location', "location / {\nauth_jwt_require \$arg_a; # here\n}"],
    ['off', "auth_jwt x; location / {\nauth_jwt off;\n"
        . "auth_jwt_require \$arg_a; # here\n}"],
    ['off token=', "location / {\nauth_jwt off token=\$arg_t;\n"
        . "auth_jwt_require \$arg_a; # here\n}"],
    ['a server', "auth_jwt_require \$arg_a; # here\nlocation / { }"],
    ['a server with its own in each location',
     "auth_jwt_require \$arg_a; # here\nlocation / { auth_jwt x; "
     . "auth_jwt_require \$arg_b; }"];
accepts('auth_jwt_require for an identity header', server =>
    'location / { auth_jwt off token=$arg_t; auth_jwt_require $arg_a; '
    . 'auth_jwt_identity_header X-User sub; }');
accepts('auth_jwt_require that reaches one location', server =>
    'auth_jwt_require $arg_a; location / { } location /b { auth_jwt x; }');
accepts('auth_jwt_require that one location does not need', server =>
    'auth_jwt x; auth_jwt_require $arg_a; location /b { auth_jwt off; }');

my $map = 'map $jwt_claim_a $m {';
my $keeps = qr/"\$m" keeps its value when a request is redirected to another/;
$keeps = qr/$keeps location, a "map" that is "volatile" would be right/;
warns('auth_jwt_require on a map', 'of one location', $keeps,
    http => "$map a b; }",
    server => "location / {\nauth_jwt x;\nauth_jwt_require \$m; # here\n}");
warns('auth_jwt_require on a map', 'that comes later', $keeps,
    server => "location / {\nauth_jwt x;\nauth_jwt_require \$m; # here\n}\n}\n"
        . "$map a b; }\nserver { listen 127.0.0.1:1;");
warns('auth_jwt_require on a map', 'in a longer value', $keeps,
    http => "$map a b; }",
    server => "location / {\nauth_jwt x;\nauth_jwt_require \$arg_a:\$m; "
        . "# here\n}");
accepts('auth_jwt_require on a map that is volatile',
    http => "$map volatile; a b; }",
    server => 'location / { auth_jwt x; auth_jwt_require $m; }');
accepts("auth_jwt_require on $_", http => 'auth_jwt_claim_set $c a b;',
    server => "set \$s 1; location / { auth_jwt x; auth_jwt_require $_; }")
    for qw($s $c $arg_a $http_x $cookie_a $jwt_claim_a $jwt_kid $remote_addr
           $ssl_client_verify $host);


# --- inheritance ------------------------------------------------------------

$site->run(http => "auth_jwt_leeway 60s;\nauth_jwt_exp optional;",
    server => <<"CONF");
        add_header X-Status \$jwt_status always;
        add_header X-Sub "\$jwt_claim_sub" always;
        auth_jwt server;
        auth_jwt_require \$arg_r;
        auth_jwt_issuer i;
        location /s/ { }
        location /l/ {
            auth_jwt location;
            auth_jwt_require \$arg_q error=403;
            location /l/in/ { auth_jwt_exp required; auth_jwt_leeway 0s; }
        }
        location /own/ {
            auth_jwt_key_file $other_file;
            auth_jwt_require \$arg_r \$arg_q error=418;
            auth_jwt_require \$arg_p error=403;
        }
        location /off/ { auth_jwt off; }
        location /text/ {
            alias $site->{data}/web/;
            auth_jwt_require \$arg_r\$arg_q \${jwt_claim_iss}x;
        }
        location /only/ {
            alias $site->{data}/web/;
            auth_jwt off token=\$arg_t;
        }
        location /read/ {
            alias $site->{data}/web/;
            auth_jwt off;
            limit_except GET {
                auth_jwt write;
                auth_jwt_key_file $other_file;
                auth_jwt_require \$arg_r;
            }
        }
        location /optional/ {
            alias $site->{data}/web/;
            auth_jwt optional;
            auth_jwt_optional on;
        }
        location /nobody/ {
            alias $site->{data}/web/;
            satisfy any;
            deny all;
            auth_jwt optional;
            auth_jwt_optional on;
        }
CONF

my $token = $site->token(iss => 'i', exp => time - 30);
my $forever = $site->token(iss => 'i', exp => undef);
my $theirs = Token::mint('ES256', $other, 'o', iss => 'i');

answers('all inherited', '/s/file.html?r=1', $token, 200, 'ok');
answers('the requirement', '/s/file.html', $token, 401, 'claim', 'server');
answers('the issuer', '/s/file.html?r=1', $site->token, 401, 'issuer',
    'server');
answers('without exp', '/s/file.html?r=1', $forever, 200, 'ok');
answers('no keys but one\'s own', '/s/file.html?r=1', $theirs, 401, 'key',
    'server');
answers('a realm of its own', '/l/file.html?q=1', undef, 401, 'missing',
    'location');
answers('a requirement replaces', '/l/file.html?q=1', $token, 200, 'ok');
answers('the server\'s', '/l/file.html?r=1', $token, 403, 'claim', 'location');
answers('two levels down', '/l/in/file.html?q=1', $site->token(iss => 'i'),
    200, 'ok');
answers('its leeway', '/l/in/file.html?q=1', $token, 401, 'expired',
    'location');
answers('its exp', '/l/in/file.html?q=1', $forever, 401, 'expired',
    'location');
answers('keys of its own', '/own/file.html?r=1&q=1&p=1', $theirs, 200, 'ok');
answers('not the server\'s', '/own/file.html?r=1&q=1&p=1', $token, 401, 'key',
    'server');
answers('one of two values', '/own/file.html?r=1&p=1', $theirs, 418, 'claim');
answers('the other directive', '/own/file.html?r=1&q=1', $theirs, 403,
    'claim', 'server');
answers("a value of $_", "/s/file.html?r=$_", $token,
    $_ eq '' || $_ eq '0' ? 401 : 200, $_ eq '' || $_ eq '0' ? 'claim' : 'ok',
    'server') for '', 0, '00', 'false', '%20';
answers('text and variables', '/text/file.html?r=a', $token, 200, 'ok');
answers('which together are 0', '/text/file.html?q=0', $token, 401, 'claim');
answers('which together are not', '/text/file.html?r=0&q=0', $token, 200,
    'ok');
answers('off', '/off/file.html', undef, 200, '');

answers('off token=, a good one', "/only/file.html?t=$token", undef, 200, 'ok');
answers('a bad one', "/only/file.html?t=x$token", undef, 200, 'malformed');
answers('one of another key', "/only/file.html?t=$theirs", undef, 200, 'key');
answers('none', '/only/file.html', $token, 200, 'missing');

answers('limit_except, GET', '/read/file.html', undef, 200, '');
is($site->request('HEAD', '/read/file.html')->{status}, 200, 'and HEAD');
for my $method (qw(POST PUT DELETE OPTIONS PROPFIND)) {
    my @args = ($method, '/read/file.html?r=1', undef);
    is($site->request(@args)->{status}, 401, "$method without a token");
    is($site->request(@args, Authorization => "Bearer $token")->{status}, 401,
        "$method with another location's");
    is($site->request(@args, Authorization => "Bearer $theirs")->{status}, 405,
        "$method with its own: refused by the file alone");
}
is($site->request('POST', '/read/file.html', undef,
    Authorization => "Bearer $theirs")->{status}, 401, 'its requirement');

answers('optional, no token', '/optional/file.html', undef, 200, 'missing');
answers('optional, another scheme', '/optional/file.html', undef, 200,
    'missing', undef, Authorization => 'Basic eDp5');
answers('optional, a good one', '/optional/file.html?r=1', $token, 200, 'ok');
answers('optional, one that is not enough', '/optional/file.html', $token,
    401, 'claim', 'optional');
answers("optional, $_->[0]", '/optional/file.html?r=1', $_->[1], 401, $_->[2],
    'optional') for ['a bad one', 'x', 'malformed'],
    ['an empty one', '', 'malformed'], ['another\'s', $theirs, 'key'],
    ['an old one', $site->token(iss => 'i', exp => time - 99), 'expired'];
answers('optional satisfies nobody', '/nobody/file.html?r=1', undef, 403,
    'missing');
answers('a token does', '/nobody/file.html?r=1', $token, 200, 'ok');

$site->finish;
done_testing();


sub answers {
    my ($name, $path, $token, $status, $word, $realm, @more) = @_;

    my $answer = $site->ask($path, $token, @more);
    is($answer->{status}, $status, "$name: $status");
    is(Gate::header($answer, 'X-Status'), $word, "$name: \$jwt_status");
    is($answer->{body} eq "inside\n", $status == 200, "$name: what is sent");
    is(Gate::header($answer, 'X-Sub'), $word =~ /ok|claim/ ? 'alice' : '',
        "$name: whose claims are shown");
    like(Gate::header($answer, 'WWW-Authenticate'), qr/^Bearer realm="$realm"/,
        "$name: whose challenge it is") if $realm && $status != 200;
}


sub said { my ($status, $said) = $site->check(@_); return $said }


sub accepts {
    my ($name, %part) = @_;

    my ($status, $said) = $site->check(%part);
    is("$status$said", '0', "$name: accepted");
}


# One line, with the line of the configuration that holds a text.

sub stops {
    my ($name, $pattern, $line, %part) = @_;

    my $at = $site->line_of($line, %part);
    my ($status, $said) = $site->check(%part);
    isnt($status, 0, "$name: stops nginx -t");
    like($said, qr/\A\[emerg\] [^\n]*$pattern[^\n]* in conf:$at\n\z/,
        "$name: says why and where");
}


sub warns {
    my ($name, $where, $pattern, %part) = @_;

    my $at = $site->line_of('# here', %part);
    my ($status, $said) = $site->check(%part);
    is($status, 0, "$name, $where: accepted");
    like($said, qr/\A\[warn\] [^\n]*$pattern[^\n]* in conf:$at\n\z/,
        "$name, $where: a warning");
}
