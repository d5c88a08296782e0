#!/usr/bin/perl

# Identity headers and subrequests: each request gets what its own location
# gives, and nothing of one reaches another.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use JSON::PP;
use Test::More;

use Gate;

my $gate = Gate->new;
$gate->create_folders;

my $key = Crypt::PK::ECC->new;
$key->generate_key('nistp256');
my $jwk = JSON::PP->new->decode($key->export_key_jwk('public'));
Stack::replace($gate->path('run/keys.json'),
    JSON::PP->new->encode({ keys => [$jwk] }));
my $token = encode_jwt(payload => { sub => 'alice', exp => time + 600 },
    alg => 'ES256', key => $key);

$gate->start_backend;
$gate->start_nginx(<<"CONF");
@{[ $gate->nginx_preamble ]}
events {}
http {
    access_log off;
@{[ $gate->nginx_http_preamble ]}
    auth_jwt_key_file $gate->{data}/run/keys.json;
    auth_jwt_identity_header X-User;
    upstream backend { server unix:$gate->{data}/run/backend.sock; }
    server {
        listen 127.0.0.1:$gate->{port};
        location = /pub { auth_request /auth; proxy_pass http://backend; }
        location = /opt {
            auth_jwt o;
            auth_request /auth;
            auth_jwt_identity_header X-User nick;
            proxy_pass http://backend;
        }
        location = /auth {
            auth_jwt a;
            auth_jwt_identity_header X-User sub;
            proxy_pass http://backend;
        }
        location = /seen {
            auth_request /seen_auth;
            proxy_set_header X-User-Roles \$http_x_user;
            proxy_pass http://backend;
        }
        location = /seen_auth {
            auth_jwt a;
            auth_jwt_identity_header X-User sub;
            proxy_set_header X-User-Roles \$http_x_user;
            proxy_set_header X-User-Session \$http_xuser;
            proxy_pass http://backend;
        }
        location = /ssi { ssi on; ssi_types *; default_type text/html; alias $gate->{data}/web/ssi.html; }
        location = /denied { ssi on; default_type text/html; alias $gate->{data}/web/denied.html; }
        location = /required {
            auth_jwt a;
            auth_jwt_require \$arg_never;
            auth_jwt_identity_header X-User sub;
            proxy_pass http://backend;
        }
    }
}
CONF
Stack::replace($gate->path('web/ssi.html'),
    '<!--# include virtual="/auth" -->|<!--# include virtual="/pub" -->');
Stack::replace($gate->path('web/denied.html'),
    '<!--# include virtual="/required" -->');

for my $n (0, 25) {
    for my $client ([], ['X-User' => 'root'], ['x_user' => 'root']) {
        my @more = ((map { ("X-More-$_" => 1) } 1 .. $n), @$client,
            Authorization => "Bearer $token");
        my $name = "$n more headers" . (@$client ? ", $client->[0]" : '');

        is($gate->get('/auth', @more)->{json}{user}, 'alice',
            "$name: the location itself");
        is($gate->get('/pub', @more)->{json}{user}, '',
            "$name: a subrequest's header does not reach its parent");
        is($gate->get('/opt', @more)->{json}{user}, '',
            "$name: nor one whose own claim is missing");
        is_deeply([@{ $gate->get('/seen_auth', @more)->{json} }
                        {qw(user roles session)}], [qw(alice alice), ''],
            "$name: \$http_x_user is the location's own");
        is($gate->get('/seen', @more)->{json}{roles}, '',
            "$name: \$http_x_user of a subrequest is not its parent's");
        like($gate->get('/ssi', @more)->{body},
            qr/"user":"alice".*\|.*"user":""/s,
            "$name: it has its own, and the next one has none");
        like($gate->get('/denied', @more)->{body}, qr/"user":""/,
            "$name: nothing where auth_jwt_require is not met");
    }
}

is($gate->get('/auth')->{status}, 401, 'no token');
like($gate->nginx_says('auth_jwt: '), qr/auth_jwt: missing: /, 'says why');
unlike($gate->get('/ssi', 'X-User' => 'root')->{body}, qr/alice|root/,
    'a subrequest without a token has none');

$gate->finish;
done_testing();
