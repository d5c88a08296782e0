#!/usr/bin/perl

# auth_jwt_key_file and the other directives as "nginx -t" sees them: what is
# unusable stops it, with the file and the reason.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::PK::RSA;
use JSON::PP;
use Test::More;

use Gate;
use Token;

my $gate = Gate->new;
$gate->create_folders;
my $dir = $gate->path('run');
my $es = Token::jwk(Token::key('ES256'), kid => 'k');
my $weak = Crypt::PK::RSA->new;
$weak->generate_key(128, 65537);

my %file = (
    good      => Token::jwks($es),
    empty     => '',
    text      => "{\n\"keys\": [\n}",
    array     => '[]',
    nokeys    => '{"keys": []}',
    noset     => '{"kty": "oct"}',
    twice     => Token::jwks($es, $es),
    weak      => Token::jwks(Token::jwk($weak, kid => 'w')),
    partly    => Token::jwks(Token::jwk($weak, kid => 'w'), $es),
    offcurve  => Token::jwks({ %$es, y => $es->{x} }),
    encrypt   => Token::jwks({ %$es, use => 'enc' }),
    short     => Token::jwks({ kty => 'oct', k => 'c2hvcnQ' }),
    large     => '{"keys": [' . ' ' x 300_000 . ']}',
);
Stack::replace("$dir/$_.json", $file{$_}) for keys %file;

accepted('a good set', "auth_jwt x; auth_jwt_key_file $dir/good.json;");
accepted('with its kind', "auth_jwt x; auth_jwt_key_file $dir/good.json jwks;");
like(accepted('one weak key beside a good one',
    "auth_jwt x; auth_jwt_key_file $dir/partly.json;"),
    qr/\[warn\].*partly\.json.*key 1 \(kid "w"\).*2048/, 'which is named');

my %reason = (
    missing  => 'No such file',     empty  => '(?:early|not JSON)',
    text     => 'line \d',          array  => 'not a JSON object',
    nokeys   => 'it has 0 keys',    noset  => '"keys"',
    twice    => 'key 2 .*kid of another', weak => 'none of its 1 keys',
    offcurve => 'none of its 1 keys', encrypt => 'none of its 1 keys',
    short    => 'none of its 1 keys', large  => '262144',
);
refused("a set: $_", "auth_jwt_key_file $dir/$_.json;",
    qr/\[emerg\].*\Q$dir\E\/$_\.json.*$reason{$_}.* in .*nginx\.conf:\d+/)
    for sort keys %reason;
refused('a folder', "auth_jwt_key_file $dir;", qr/\[emerg\].*regular file/);
refused('another kind', "auth_jwt_key_file $dir/good.json pem;",
    qr/"pem".*"jwks" or "keyval"/);
refused('both kinds', "auth_jwt_key_file $dir/good.json jwks keyval;",
    qr/"keyval".*each once/);
refused('a set as keyval', "auth_jwt_key_file $dir/good.json keyval;",
    qr/good\.json.*none of its 1 keys/);
refused('an empty issuer', "auth_jwt_key_file $dir/good.json issuer=;",
    qr/"issuer=".*"issuer=URL"/);
refused('two issuers', "auth_jwt_key_file $dir/good.json issuer=a issuer=b;",
    qr/"issuer=b".*each once/);
refused('33 sources', "auth_jwt_key_file $dir/good.json;" x 33,
    qr/too many sources.*32/);
like(accepted('a name chosen by the token',
    'auth_jwt x; auth_jwt_key_file /$jwt_header_kid.json;'),
    qr/\[warn\].*is empty while keys are chosen/, 'with a warning');
refused('a request to another server',
    'auth_jwt_key_request https://idp.example/jwks;',
    qr/invalid URI "https:.*path of a location/);
refused("auth_jwt_key_cache $_", "auth_jwt_key_cache $_;",
    qr/"auth_jwt_key_cache 10m stale=24h min_refresh=30s" would be right/)
    for 'soon', '10m stale', '10m stale=x', '10m 5m', 'stale=1h';
refused('auth_jwt_key_cache twice',
    'auth_jwt_key_cache 1s; auth_jwt_key_cache 2s;', qr/duplicate/);

refused($_->[0], $_->[0], $_->[1]) for
    ['auth_jwt x x;', qr/"x".*token=\$variable/],
    ['auth_jwt x token=x;', qr/token=\$variable/],
    ['auth_jwt x; auth_jwt y;', qr/duplicate/],
    ['auth_jwt x token=$arg_t; auth_jwt_token_from header;', qr/exclude/],
    ['auth_jwt_token_from body=x;', qr/body=x.*cookie=NAME/],
    ['auth_jwt_token_from cookie=;', qr/invalid parameter/],
    ['auth_jwt_require x;', qr/\$variable/],
    ['auth_jwt_require error=403;', qr/no variable/],
    ['auth_jwt_algorithms none;', qr/unknown algorithm "none"/],
    ['auth_jwt_algorithms rs256;', qr/unknown algorithm/],
    ['auth_jwt_exp maybe;', qr/invalid value "maybe"/],
    ['auth_jwt_leeway soon;', qr/invalid value/],
    ['auth_jwt_identity_header Host sub;', qr/"Host".*X-User/],
    ['auth_jwt_identity_header authorization sub;', qr/authorization/],
    ['auth_jwt_identity_header X_Forwarded_For sub;', qr/X_Forwarded_For/],
    ['auth_jwt_identity_header "X User" sub;', qr/no header's name/],
    ['auth_jwt_identity_header X-User required;', qr/needs a claim/];
refused("error=$_", "auth_jwt_require \$jwt_claim_x error=$_;",
    qr/error=$_.*400 to 599/) for 200, 399, 408, 444, 494, 499, 600, 'x';

done_testing();


sub test_conf {
    my ($directives) = @_;

    Stack::replace($gate->path('nginx/nginx.conf'), <<"CONF");
@{[ $gate->nginx_preamble ]}
events {}
http {
@{[ $gate->nginx_http_preamble ]}
    server {
        listen 127.0.0.1:$gate->{port};
        location / { $directives }
    }
}
CONF
    local %ENV = (%ENV, $gate->sanitizer_environment);
    my $out = qx(/usr/sbin/nginx -t -e stderr \\
        -c $gate->{data}/nginx/nginx.conf 2>&1);
    return ($?, $out);
}


sub accepted {
    my ($name, $directives) = @_;

    my ($status, $out) = test_conf($directives);
    is($status, 0, "$name: accepted") or diag($out);
    return $out;
}


sub refused {
    my ($name, $directives, $reason) = @_;

    my ($status, $out) = test_conf($directives);
    isnt($status, 0, "$name: stops nginx -t");
    like($out, $reason, "$name: says why");
    unlike($out, qr/Sanitizer|runtime error/, "$name: cleanly");
}
