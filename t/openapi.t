# docs/openapi.yaml: a document of OpenAPI 3.1, of the endpoints that the service
# has and no others, whose answers are as it says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;
use YAML::PP;

use Command qw(portero);
use Gate;
use Secrets qw(note_value);

my $ROOT = "$FindBin::Bin/..";
my $file = "$ROOT/docs/openapi.yaml";
my $document = YAML::PP->new(boolean => 'JSON::PP')->load_file($file);

qx(cd $ROOT && t/web/fetch t/openapi build/npm-openapi 2>&1);
my $said = qx(node $FindBin::Bin/openapi/validate.mjs $file 2>&1);
is($said, "3.1\n", 'it is valid');

my %described = map { my $path = $_; map { ("\U$_\E $path" => 1) }
    keys %{ $document->{paths}{$path} } } keys %{ $document->{paths} };
my %routes;
open my $code, '<', "$ROOT/login-service/routes.c" or die $!;
for (do { local $/; <$code> } =~ /\{ (LANE_\w+, HTTP_\w+, "[^"]+"),/g) {
    my ($lane, $method, $path) = /LANE_(\w+), HTTP_(\w+), "([^"]+)"/;
    $path =~ s{/\z}</{id}>;
    $routes{"$method $path"} = 1 if $lane ne 'INTERNAL';
}
cmp_ok(scalar keys %routes, '>', 10, 'the routes are found');
is_deeply([sort keys %described], [sort keys %routes],
    'it has each route that clients reach, and no other');


# --- the running service ----------------------------------------------------

my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';
my (@asked, %seen);

$gate->start_all;
$gate->add_user('ana', $PASSWORD, 'reader');
$gate->portero('client', 'add', 'spare');
my $client = JSON::PP->new->decode(portero($gate, ['--json', 'client', 'add',
    'till', '--scope', 'a:read'])->{out});
note_value($client->{client_secret});
my $basic = 'Basic ' . encode_base64("till:$client->{client_secret}", '');
my $form = 'application/x-www-form-urlencoded';
my $link = $gate->portero('user', 'reset-link', 'ana');
my ($reset) = $link =~ /[#?&]token=([\w.-]+)/;
$reset //= ($link =~ /([\w-]{30,})/)[0];

my $first = said('POST', '/auth/login', 200, { username => 'ana',
    password => $PASSWORD, delivery => 'token' });
said('POST', '/auth/login', 401, { username => 'ana', password => 'wrong one' });
said('POST', '/auth/login', 400, '{"username":',
    'Content-Type' => 'application/json');
said('POST', '/auth/login', 415, 'x', 'Content-Type' => 'text/plain');
said('POST', '/auth/login', 413, ' ' x 20_000,
    'Content-Type' => 'application/json');
said('POST', '/auth/login', 403, { username => 'ana', password => $PASSWORD,
    delivery => 'cookie' }, 'Sec-Fetch-Site' => 'cross-site');
said('POST', '/auth/register', 201, { username => 'eve',
    password => $PASSWORD, email => 'eve@example.com' });
said('POST', '/auth/register', 409, { username => 'eve',
    password => $PASSWORD });
said('POST', '/auth/register', 422, { username => 'bob',
    password => 'password1234' });

my %by = (Authorization => "Bearer $first->{access_token}");
said('GET', '/auth/session', 200, undef, %by);
said('GET', '/auth/session', 401);
my $renewed = said('POST', '/auth/refresh', 200, {
    refresh_token => $first->{refresh_token}, intent => 'continue' });
said('POST', '/auth/refresh', 401, { refresh_token => 'v1.none' });
my $second = said('POST', '/auth/login', 200, { username => 'ana',
    password => $PASSWORD, delivery => 'token' });
my $list = said('GET', '/auth/sessions', 200, undef, %by);
is(scalar @{ $list->{sessions} }, 2, 'two sessions');
said('DELETE', "/auth/sessions/$second->{session}{id}", 204, undef, %by);
said('DELETE', "/auth/sessions/$second->{session}{id}", 404, undef, %by);
said('GET', '/auth/sessions', 401);

my $changed = said('POST', '/auth/password', 200, {
    current_password => $PASSWORD, new_password => 'another good password' },
    %by);
said('POST', '/auth/password', 403, { current_password => 'not this one',
    new_password => 'another good password' },
    Authorization => "Bearer $changed->{access_token}");
said('POST', '/auth/logout', 204, { scope => 'others' },
    Authorization => "Bearer $changed->{access_token}");
said('POST', '/auth/logout', 204,
    { refresh_token => $changed->{refresh_token} });
said('POST', '/auth/logout', 401, { scope => 'global',
    refresh_token => $changed->{refresh_token} });
said('POST', '/auth/reset', 200, { token => $reset,
    new_password => 'a third good password' });
said('POST', '/auth/reset', 403, { token => $reset,
    new_password => 'a third good password' });

my $machine = said('POST', '/oauth/token', 200,
    'grant_type=client_credentials', 'Content-Type' => $form,
    Authorization => $basic);
said('POST', '/oauth/token', 401, 'grant_type=client_credentials',
    'Content-Type' => $form, Authorization => 'Basic eDp5');
said('POST', '/oauth/token', 400, 'grant_type=password',
    'Content-Type' => $form, Authorization => $basic);
said('POST', '/oauth/introspect', 200, "token=$machine->{access_token}",
    'Content-Type' => $form, Authorization => $basic);
said('POST', '/oauth/introspect', 401, "token=$machine->{access_token}",
    'Content-Type' => $form);
said('POST', '/oauth/revoke', 200, "token=$machine->{access_token}",
    'Content-Type' => $form, Authorization => $basic);
said('POST', '/oauth/revoke', 401, 'token=x', 'Content-Type' => $form,
    Authorization => 'Basic eDp5');
said('GET', '/.well-known/oauth-authorization-server', 200);
my $keys = said('GET', '/.well-known/jwks.json', 200);
my ($etag) = $asked[-1]{answer}{headers}{etag}[0];
said('GET', '/.well-known/jwks.json', 304, undef, 'If-None-Match' => $etag);

my @verdicts = verdicts();
is($verdicts[$_], 'ok', $asked[$_]{name}) for 0 .. $#asked;
is_deeply([grep { !$seen{$_} } sort keys %routes], [],
    'each endpoint has answered');

# What the test would say to an answer that is not as described.

@asked = ({ %{ $asked[0] }, answer => { %{ $asked[0]{answer} },
    body => '{"token_type":"Bearer"}' } });
like((verdicts())[0], qr/'session' is a required property/,
    'an answer that lacks something is found');

$gate->finish;
done_testing();


sub said {
    my ($method, $path, $status, $body, %header) = @_;

    my $answer = $gate->request($method, $path, $body, %header);
    for (1 .. 50) {
        last if $answer->{status} != 429 || $status == 429;
        select undef, undef, undef, 0.1;
        $answer = $gate->request($method, $path, $body, %header);
    }
    my $as_described = $path =~ s<(/auth/sessions/).+><$1\{id}>r;
    is($answer->{status}, $status, "$method $as_described: $status");
    push @asked, { name => "$method $as_described, $status, is as described",
        method => $method, path => $as_described, answer => $answer };
    $seen{"$method $as_described"} = 1;
    return $answer->{json};
}


sub verdicts {
    my $json = JSON::PP->new->canonical;
    my $in = $gate->path('run/answers');
    Stack::replace($in, map { $json->encode({ method => $_->{method},
        path => $_->{path}, status => $_->{answer}{status},
        type => Gate::header($_->{answer}, 'Content-Type'),
        body => $_->{answer}{body} }) . "\n" } @asked);
    chomp(my @verdicts =
        qx(/usr/bin/python3 $FindBin::Bin/clients/openapi_check $file < $in));
    return @verdicts;
}
