#!/usr/bin/perl

# Configurations written for NGINX Plus: as its documentation has them, and as
# the Ingress Controller and the Gateway Fabric for Kubernetes write them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Site;

my $site = Site->new(qw(site cookie args limited));
my $log = $site->path('log/access.log');
my $foo = Token::key('RS256');
my $secret = Token::key('HS256');

# Names of key files are relative to the folder of nginx.conf.

mkdir $site->path('nginx/conf') or die "conf: $!\n";
Stack::replace($site->path("nginx/conf/$_->[0]"), Token::jwks($_->[1])) for
    ['keys.json', Token::jwk($site->{key}, kid => 'k')],
    ['foo.json', Token::jwk($foo, kid => 'f', alg => 'RS256', use => 'sig')],
    ['key.jwk', Token::jwk($secret, kid => '0001')];

$site->start_backend;
$site->run(keys => 0, http => <<'HTTP', server => <<'SERVER' =~ s/LOG/$log/r);
    variables_hash_bucket_size 256;
    variables_hash_max_size 2048;

    # The documentation of the module.

    auth_jwt_claim_set $email info e-mail;
    auth_jwt_claim_set $job info "job title";
    auth_jwt_header_set $jwt_type typ;
    map $jwt_claim_iss $valid_jwt_iss { volatile; "good" 1; }
    map $jwt_claim_sub $valid_jwt_sub { volatile; "ana" 1; "bo" 1; }
    log_format jwt '$uri $status "$jwt_header_alg" "$jwt_claim_sub" "$email"';
    map $jwt_claim_uid $uid_limited { "" ""; default $jwt_claim_uid; }
    limit_req_zone $jwt_claim_clientid zone=clients:1m rate=1r/m;
    map $jwt_claim_level $level { volatile; default free; gold gold; }

    # The Ingress Controller: tiers of a rate limit by a claim.

    auth_jwt_claim_set $jwt_default_cafe_virtualserver_user_details_level
        user_details level;
    map $jwt_default_cafe_virtualserver_user_details_level
            $rl_default_cafe_group_user_details_level_route_L3RlYQ {
        default rl_basic;
        Gold rl_gold;
        Bronze rl_basic;
    }
    map $rl_default_cafe_group_user_details_level_route_L3RlYQ $pol_rl_gold {
        default '';
        rl_gold Val$jwt_claim_sub;
    }
    map $rl_default_cafe_group_user_details_level_route_L3RlYQ $pol_rl_basic {
        default '';
        rl_basic Val$jwt_claim_sub;
    }
    limit_req_zone $pol_rl_gold zone=pol_rl_gold:1m rate=1000r/s;
    limit_req_zone $pol_rl_basic zone=pol_rl_basic:1m rate=1r/m;

    # The Gateway Fabric: rules over claims.

    auth_jwt_claim_set $default_jwt_auth_claim_realm_access_roles
        realm_access roles;
    auth_jwt_claim_set $default_jwt_auth_claim_iss iss;
    map $default_jwt_auth_claim_realm_access_roles
            $default_jwt_auth_claim_realm_access_roles_rule_0 {
        "~^(?:.*,)?admin(?:,.*)?$" 1;
        default 0;
    }
    map $default_jwt_auth_claim_realm_access_roles_rule_0
            $default_jwt_auth_rule_0_any {
        "~1" 1;
        default 0;
    }
    map $default_jwt_auth_claim_iss+$default_jwt_auth_claim_realm_access_roles
            $default_jwt_auth_rule_1_all {
        "~^good\+(?:.*,)?reader(?:,.*)?$" 1;
        default 0;
    }
    map $default_jwt_auth_rule_0_any$default_jwt_auth_rule_1_all
            $default_jwt_auth_authz_require_any {
        "~1" 1;
        default 0;
    }
HTTP
        access_log LOG jwt;

        # The documentation of the module.

        location /site/ {
            auth_jwt          "closed site";
            auth_jwt_key_file conf/keys.json;
            add_header X-Job "$job";
            add_header X-Type "$jwt_type";
        }
        location /cookie/ {
            auth_jwt          "closed site" token=$cookie_auth_token;
            auth_jwt_key_file conf/keys.json;
        }
        location /args/ {
            auth_jwt          "closed site" token=$arg_apijwt;
            auth_jwt_key_file conf/keys.json;
        }
        location /several {
            auth_jwt          "closed site";
            auth_jwt_key_file conf/keys.json;
            auth_jwt_key_file conf/foo.json jwks;
            auth_jwt_key_file conf/key.jwk;
            auth_jwt_type     signed;
            auth_jwt_leeway   10s;
            proxy_pass        http://backend;
        }
        location /require {
            auth_jwt          "closed site";
            auth_jwt_key_file conf/keys.json;
            auth_jwt_require  $valid_jwt_iss;
            auth_jwt_require  $valid_jwt_sub error=403;
            proxy_pass        http://backend;
        }
        location /limited/ {
            auth_jwt          "closed site";
            auth_jwt_key_file conf/keys.json;
            limit_req         zone=clients;
            limit_req_status  429;
        }
        location /read {
            auth_jwt          off token=$cookie_auth_token;
            auth_jwt_key_file conf/keys.json;
            proxy_set_header  X-User $jwt_claim_sub;
            proxy_set_header  X-User-Roles $level;
            proxy_pass        http://backend;
        }

        # OpenID Connect: the session's token, and who has none logs in.

        location /app {
            auth_jwt          "" token=$cookie_session;
            error_page        401 = @do_oidc_flow;
            auth_jwt_key_file conf/keys.json;
            proxy_set_header  X-User $jwt_claim_sub;
            proxy_pass        http://backend;
        }
        location @do_oidc_flow { return 302 /authorize?back=$uri; }

        # The Ingress Controller, an Ingress and a VirtualServer.

        location @login_url_default-cafe-ingress {
            internal;
            return 302 https://login.example.com;
        }
        location /ingress {
            auth_jwt_key_file conf/key.jwk;
            auth_jwt "closed site" token=$cookie_auth_token;
            error_page 401 @login_url_default-cafe-ingress;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://backend;
        }
        location /tea {
            set $service "tea-svc";
            limit_req_log_level error;
            limit_req_status 429;
            limit_req zone=pol_rl_gold burst=10 nodelay;
            limit_req zone=pol_rl_basic;
            auth_jwt "My API" token=$http_token;
            auth_jwt_key_file conf/key.jwk;
            proxy_pass_request_headers on;
            proxy_set_header X-User $jwt_claim_sub;
            proxy_pass http://backend;
        }

        # The Gateway Fabric: a route leads to an internal location.

        location = /coffee {
            rewrite ^ /_ngf-internal-rule0-route0 last;
        }
        location = /_ngf-internal-rule0-route0 {
            internal;
            auth_jwt "Restricted";
            auth_jwt_key_file conf/keys.json;
            auth_jwt_leeway 60s;
            auth_jwt_require $default_jwt_auth_authz_require_any;
            proxy_set_header X-User $default_jwt_auth_claim_iss;
            if ($request_method = OPTIONS) {
                return 200;
            }
            proxy_pass http://backend$request_uri;
        }
SERVER

# --- the documentation ------------------------------------------------------

my $token = $site->token(sub => 'ana',
    info => { 'e-mail' => 'ana@a.test', 'job title' => 'cook' });
my $answer = $site->ask('/site/file.html', $token);
is($answer->{status}, 200, 'a token');
is(Gate::header($answer, 'X-Job'), 'cook', 'a claim with a space');
is(logged(), '/site/file.html 200 "ES256" "ana" "ana@a.test"', 'log_format');
$answer = $site->ask('/site/file.html', undef);
is($answer->{status}, 401, 'no token');
is(Gate::header($answer, 'WWW-Authenticate'), 'Bearer realm="closed site"',
    'the realm');
is(logged(), '/site/file.html 401 "-" "-" "-"', 'log_format without one');

is($site->get('/cookie/file.html', Cookie => "auth_token=$token")->{status},
    200, 'by cookie');
is($site->ask('/cookie/file.html', $token)->{status}, 401,
    'the header does not count there');
is($site->get("/args/file.html?apijwt=$token")->{status}, 200, 'by argument');

is($site->ask('/several', $_->[1])->{status}, 200, "keys of $_->[0]")
    for ['the first file', $token],
        ['the second', Token::mint('RS256', $foo, 'f')],
        ['the third', Token::mint('HS256', $secret, '0001')],
        ['one of them, without a kid', Token::mint('HS256', $secret, undef)];
is($site->ask('/several', Token::mint('RS256', $foo, 'k'))->{status}, 401,
    'the kid of another file');
is($site->ask('/several', $site->token(exp => time - 5))->{status}, 200,
    'auth_jwt_leeway');

is($site->ask('/require', $site->token(%{ $_->[1] }))->{status}, $_->[2],
    "a map in auth_jwt_require: $_->[0]")
    for ['both good', { iss => 'good', sub => 'ana' }, 200],
        ['another issuer', { iss => 'bad', sub => 'ana' }, 401],
        ['another subject', { iss => 'good', sub => 'eve' }, 403],
        ['none', { sub => 'eve' }, 401];

my @clients = map { $site->ask('/limited/file.html',
    $site->token(clientid => $_))->{status} } qw(a a b b);
is("@clients", '200 429 200 429', 'limit_req_zone on a claim');
is($site->ask('/limited/file.html', Token::mint('ES256', Token::key('ES256'),
    'k', clientid => 'c'))->{status}, 401, 'a forged one is not counted');
is($site->ask('/limited/file.html', $site->token(clientid => 'c'))->{status},
    200, 'so its owner gets in');

is_deeply([reads(Cookie => "auth_token=" . $site->token(sub => 'ana',
    level => 'gold'))], [200, 'ana', 'gold'], 'auth_jwt off token=');
is_deeply([reads('X-User' => 'eve', 'X-User-Roles' => 'gold')],
    [200, '', 'free'], 'without a token');
is_deeply([reads(Cookie => 'auth_token=' . $site->token(sub => 'ana',
    level => 'gold', exp => time - 1))], [200, '', 'free'], 'with an old one');


# --- OpenID Connect ---------------------------------------------------------

$answer = $site->get('/app', Cookie => "session=$token");
is($answer->{json}{user}, 'ana', 'a session');
for ([], [Cookie => 'session=-'], [Cookie => 'session=x.y.z'],
     [Cookie => 'session=' . $site->token(exp => time - 1)])
{
    $answer = $site->get('/app', @$_);
    is($answer->{status}, 302, 'no session: ' . (substr($_->[1] // '', 0, 14)));
    like(Gate::header($answer, 'Location'), qr{/authorize\?back=/app$},
        'leads to the login');
}


# --- the Ingress Controller -------------------------------------------------

my %hs = (alg => 'HS256', key => $secret, kid => '0001');
sub hs { return Token::mint(@hs{qw(alg key kid)}, @_) }

is($site->get('/ingress', Cookie => 'auth_token=' . hs())->{status}, 200,
    'an Ingress');
$answer = $site->get('/ingress');
is($answer->{status}, 302, 'its login page');
is(Gate::header($answer, 'Location'), 'https://login.example.com', 'is there');

my @gold = map { $site->get('/tea', Token => hs(sub => 'ana',
    user_details => { level => 'Gold' })) } 1 .. 5;
is(join(' ', map { $_->{status} } @gold), '200 200 200 200 200',
    'a VirtualServer, the tier of a claim');
is($gold[0]{json}{user}, 'ana', 'proxy_set_header with a claim');
my @bronze = map { $site->get('/tea', Token => hs(sub => 'bo',
    user_details => { level => 'Bronze' }))->{status} } 1 .. 2;
is("@bronze", '200 429', 'another tier');


# --- the Gateway Fabric -----------------------------------------------------

for (['the first rule', { realm_access => { roles => ['x', 'admin'] } }, 200],
     ['the second', { iss => 'good', realm_access => { roles => ['reader'] } },
      200],
     ['half of it', { realm_access => { roles => ['reader'] } }, 401],
     ['none', { realm_access => { roles => ['administrator'] } }, 401],
     ['no claim', {}, 401])
{
    my ($name, $claims, $status) = @$_;
    $answer = $site->ask('/coffee', $site->token(%$claims));
    is($answer->{status}, $status, "a route: $name");
}
is($site->ask('/_ngf-internal-rule0-route0', $token)->{status}, 404,
    'the internal location');
is($site->request('OPTIONS', '/coffee')->{status}, 200, 'CORS asks without');

$site->finish;
done_testing();


sub reads {
    my $answer = $site->get('/read', @_);
    return ($answer->{status}, $answer->{json}{user}, $answer->{json}{roles});
}


sub logged { return $site->log_line($log, '\S') }
