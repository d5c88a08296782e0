# OAuth's endpoints: who gets a token, who does not and why, what revoking ends
# and what introspection tells.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64);
use Test::More;

use Command qw(portero refused);
use Gate;


my $gate = Gate->new(settings => { REFRESH_GRACE_SECONDS => 0 });
my $PASSWORD = 'correct horse battery';

$gate->start_database;
$gate->start_login;
$gate->start_backend;
$gate->start_nginx(demo_conf_with_orders());
$gate->wait_until_ready;
$gate->add_user('ana', $PASSWORD, 'admin');
my $ana = $gate->value('SELECT sub FROM portero.users');


# --- helpers ----------------------------------------------------------------

# The demo's configuration, and what docs/oauth.md says of scopes in it.
sub demo_conf_with_orders {
    open my $doc, '<', "$FindBin::Bin/../docs/oauth.md" or die $!;
    my $text = do { local $/; <$doc> };
    my ($map) = $text =~ /^(    map \$jwt_claim_scope.*?^    \}\n)/ms or die;
    my ($location) = $text =~ /^(    location \/orders\/.*?^    \}\n)/ms or die;

    $location =~ s{http://orders}{http://demo_backend};
    my $conf = $gate->demo_conf;
    $conf =~ s/^(    server \{\n)/$map$1$location/m or die;
    return $conf;
}

sub add {
    my ($name, @more) = @_;
    my $run = portero($gate, ['--json', 'client', 'add', $name, @more]);
    return JSON::PP->new->decode($run->{out})->{client_secret};
}

sub encoded { my ($text) = @_;
              return $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

# A hash or a text.
sub form {
    my ($path, $form, %header) = @_;

    my $body = ref $form ? join('&', map { encoded($_) . '=' .
        encoded($form->{$_}) } sort keys %$form) : $form;
    return $gate->post($path, $body,
        'Content-Type' => 'application/x-www-form-urlencoded', %header);
}

sub basic { return (Authorization => 'Basic ' . encode_base64(join(':', @_), '')) }

sub claims { return JSON::PP->new->decode(decode_base64url(
    (split /\./, $_[0]{json}{access_token})[1])) }

sub sign_in { return $gate->login({ username => 'ana', password => $PASSWORD,
    delivery => 'token' })->{json} }

sub whoami { return $gate->get('/api/whoami',
    Authorization => "Bearer $_[0]") }

sub refused_as {
    my ($answer, $status, $error, $name, $event, $reason) = @_;

    is($answer->{status}, $status, "$name: $status");
    is($answer->{json}{error}, $error, "$name: $error");
    is(Gate::header($answer, 'Cache-Control'), 'no-store', "$name: not kept");
    ok($gate->login_says(qr/"event":"$event".*$reason/),
        "$name: the log knows why");
    is(Gate::header($answer, 'WWW-Authenticate'),
        $status == 401 ? 'Bearer' : '', "$name: the challenge");
}

my %CREDENTIALS = (grant_type => 'client_credentials');


# --- client_credentials -----------------------------------------------------

my $secret = add('batch', '--scope', 'orders:read', '--scope', 'orders:write',
    '--description', 'nightly batch');
like($secret, qr/\A[A-Za-z0-9_-]{43}\z/, 'a secret of 256 bits');
my @batch = ('batch', $secret);

my $answer = form('/oauth/token', { %CREDENTIALS }, basic(@batch));
is($answer->{status}, 200, 'Basic');
is_deeply([sort keys %{ $answer->{json} }],
    [qw(access_token expires_in scope token_type)], 'the members of RFC 6749');
is($answer->{json}{token_type}, 'Bearer', 'a bearer token');
is($answer->{json}{expires_in}, 600, 'for ten minutes');
is($answer->{json}{scope}, 'orders:read orders:write', 'all its scopes');
is(Gate::header($answer, 'Cache-Control'), 'no-store', 'not to be kept');
is(Gate::header($answer, 'Pragma'), 'no-cache', 'by anybody');
like($gate->login_says(qr/"event":"client_token"/), qr/"client":"batch"/,
    'a line in the log');

my $claims = claims($answer);
is_deeply([sort keys %$claims], [qw(aud client_id exp iat iss jti name roles
    scope sub ver)], 'an access token without a session');
is("$claims->{sub} $claims->{client_id}", 'client:batch batch',
    'of the client itself');
is_deeply($claims->{roles}, [], 'without a role');
is($claims->{exp} - $claims->{iat}, 600, 'its life');

my $whoami = whoami($answer->{json}{access_token});
is($whoami->{status}, 200, 'the gateway takes it');
is($whoami->{json}{user}, 'client:batch', 'as who it is');
is($whoami->{json}{session}, '', 'without a session');
is($gate->get('/auth/session',
    Authorization => "Bearer $answer->{json}{access_token}")->{status}, 401,
    'it is nobody\'s session');
like($gate->login_says(qr/"event":"token_refused"/), qr/no session/,
    'the log knows why');

is($gate->get('/orders/1',
    Authorization => "Bearer $answer->{json}{access_token}")->{status}, 200,
    'where its scope is asked for');

is(form('/oauth/token', { %CREDENTIALS, client_id => 'batch',
    client_secret => $secret })->{status}, 200, 'client_secret_post');
is(form('/oauth/token', { %CREDENTIALS, client_id => 'batch' },
    basic(@batch))->{status}, 200, 'the client_id twice, and the same');
$answer = form('/oauth/token', { %CREDENTIALS, scope => 'orders:read' },
    basic(@batch));
is($answer->{json}{scope}, 'orders:read', 'less scope than it has');
is(claims($answer)->{scope}, 'orders:read', 'in the token, too');
is(claims(form('/oauth/token', { %CREDENTIALS }, basic(@batch)))->{scope},
    'orders:read orders:write', 'which takes nothing away for the next');

my $plain = add('plain');
$answer = form('/oauth/token', { %CREDENTIALS }, basic('plain', $plain));
is($answer->{status}, 200, 'a client without scopes');
ok(!exists claims($answer)->{scope}, 'has no such claim');
is($gate->get('/orders/1',
    Authorization => "Bearer $answer->{json}{access_token}")->{status}, 403,
    'and is refused where one is asked for');


# --- who is refused ---------------------------------------------------------

for (['a wrong secret', 'wrong secret', basic('batch', "$secret.")],
     ['the secret of another', 'wrong secret', basic('batch', $plain)],
     ['an unknown client', 'wrong secret', basic('none', $secret)],
     ['another case', 'wrong secret', basic('Batch', $secret)],
     ['a user\'s password', 'wrong secret', basic('ana', $PASSWORD)],
     ['no secret', 'no secret', basic('batch', '')],
     ['a quote', 'wrong secret', basic("batch'--", $secret)],
     ['no credentials', 'no credentials'],
     ['a bearer token', 'no credentials', Authorization => 'Bearer abc'])
{
    my ($name, $reason, @header) = @$_;
    refused_as(form('/oauth/token', { %CREDENTIALS }, @header), 401,
        'invalid_client', $name, 'client_refused', qr/"reason":"$reason"/);
}

for (['no base64', Authorization => 'Basic *'],
     ['nothing', Authorization => 'Basic'],
     ['no colon', Authorization => 'Basic ' . encode_base64('batch', '')],
     ['no name', basic('', $secret)],
     ['a NUL', basic("batch\0", $secret)],
     ['an encoded NUL', basic('batch%00', $secret)],
     ['no UTF-8', basic("batch\xff", $secret)],
     ['too long', basic('batch', 'x' x 2000)],
     ['base64url', Authorization => 'Basic YmF0Y2g6_w'])
{
    my ($name, @header) = @$_;
    refused_as(form('/oauth/token', { %CREDENTIALS }, @header), 400,
        'invalid_request', "Basic, $name", 'request_refused',
        qr/Authorization header is malformed/);
}

for (['a secret both ways', qr/in the header and in the form/,
         { client_id => 'batch', client_secret => $secret }, basic(@batch)],
     ['two clients', qr/another one than in the header/,
         { client_id => 'plain' }, basic(@batch)],
     ['a secret of nobody', qr/without a client_id/,
         { client_secret => $secret }])
{
    my ($name, $reason, $form, @header) = @$_;
    refused_as(form('/oauth/token', { %CREDENTIALS, %$form }, @header), 400,
        'invalid_request', $name, 'request_refused', $reason);
}

refused_as(form('/oauth/token', { %CREDENTIALS, client_id => 'portero' }), 400,
    'unauthorized_client', 'the public client', 'request_refused',
    qr/no credentials to show/);
refused_as(form('/oauth/token', { %CREDENTIALS, scope => $_ }, basic(@batch)),
    400, 'invalid_scope', "the scope '$_'", 'request_refused',
    qr/more than was granted/)
    for 'admin', 'orders', 'orders:read admin', 'ORDERS:READ';

for (['none', 'invalid_request', qr/no grant_type/, {}],
     ['an empty one', 'invalid_request', qr/no grant_type/,
         { grant_type => '' }],
     ['of a password', 'unsupported_grant_type', qr/is refresh_token or/,
         { grant_type => 'password', username => 'ana',
           password => $PASSWORD }],
     ['of a code', 'unsupported_grant_type', qr/is refresh_token or/,
         { grant_type => 'authorization_code', code => 'x' }])
{
    my ($name, $error, $reason, $form) = @$_;
    refused_as(form('/oauth/token', $form, basic(@batch)), 400, $error,
        "grant, $name", 'request_refused', $reason);
}

refused_as(form('/oauth/token',
    'grant_type=client_credentials&grant_type=client_credentials',
    basic(@batch)), 400, 'invalid_request', 'a parameter twice',
    'request_refused', qr/came twice/);
is($gate->post('/oauth/token', { %CREDENTIALS }, basic(@batch))->{status}, 415,
    'JSON is no form');
is($gate->get('/oauth/token', basic(@batch))->{status}, 405, 'GET');
is($gate->get('/oauth/none')->{status}, 404, 'a path that is none');


# --- refresh_token ----------------------------------------------------------

my $first = sign_in();
my %refresh = (grant_type => 'refresh_token',
    refresh_token => $first->{refresh_token});

$answer = form('/oauth/token', { %refresh });
is($answer->{status}, 200, 'a refresh token');
is_deeply([sort keys %{ $answer->{json} }],
    [qw(access_token expires_in refresh_token token_type)],
    'the members of RFC 6749');
is(Gate::header($answer, 'Set-Cookie'), '', 'no cookie');
is(claims($answer)->{sid}, $first->{session}{id}, 'of the same session');
is(whoami($answer->{json}{access_token})->{json}{user}, $ana,
    'the gateway takes it');

$refresh{refresh_token} = $answer->{json}{refresh_token};
$answer = form('/oauth/token', { %refresh, client_id => 'portero' });
is($answer->{status}, 200, 'the public client says who it is');
refused_as(form('/oauth/token', { %refresh,
    refresh_token => $answer->{json}{refresh_token} }, basic(@batch)), 400,
    'invalid_grant', 'another client', 'request_refused',
    qr/given no refresh token/);
refused_as(form('/oauth/token', { %refresh,
    refresh_token => $answer->{json}{refresh_token}, client_id => 'batch' }),
    401, 'invalid_client', 'another one without its secret', 'client_refused',
    qr/no secret/);
$answer = form('/oauth/token', { %refresh,
    refresh_token => $answer->{json}{refresh_token}, scope => 'admin' });
refused_as($answer, 400, 'invalid_scope', 'more scope', 'request_refused',
    qr/more than was granted/);

$answer = form('/oauth/token', { %refresh });
refused_as($answer, 400, 'invalid_grant', 'an old one', 'refresh_reuse',
    qr/"reason":"reuse"/);
is($answer->{json}{reason}, 'reuse', 'and tells why');
is(Gate::header($answer, 'Set-Cookie'), '', 'it clears no cookie');
refused_as(form('/oauth/token', { grant_type => 'refresh_token',
    refresh_token => 'abc' }), 400, 'invalid_grant', 'garbage',
    'refresh_refused', qr/"reason":"invalid"/);
refused_as(form('/oauth/token', { grant_type => 'refresh_token' }), 400,
    'invalid_request', 'none', 'request_refused', qr/no refresh_token/);


# --- introspection ----------------------------------------------------------

sub introspect {
    my ($token, @header) = @_;
    return form('/oauth/introspect', { token => $token },
        @header ? @header : basic(@batch));
}

my $session = sign_in();
$answer = introspect($session->{access_token});
is($answer->{status}, 200, 'introspection');
ok($answer->{json}{active}, 'a token of a session');
is($answer->{json}{token_type}, 'Bearer', 'its type');
is_deeply([@{ $answer->{json} }{qw(sub sid client_id)}],
    [$ana, $session->{session}{id}, 'portero'], 'and what it says');
is_deeply($answer->{json}{roles}, ['admin'], 'its roles');

my $machine = form('/oauth/token', { %CREDENTIALS }, basic('plain', $plain))
    ->{json}{access_token};
ok(introspect($machine)->{json}{active}, 'a token of a machine');

is_deeply(introspect($_->[1])->{json}, { active => JSON::PP::false },
    "not active: $_->[0]")
    for ['garbage', 'abc'], ['a refresh token', $session->{refresh_token}],
        ['an altered one', $session->{access_token} =~ s/.{4}\z/AAAA/r],
        ['a long one', 'x' x 10000];

refused_as(introspect($machine, basic('batch', 'wrong')), 401,
    'invalid_client', 'a wrong secret', 'client_refused', qr/wrong secret/);
refused_as(form('/oauth/introspect', { token => $machine, @$_ }), 401,
    'invalid_client', 'no client', 'client_refused', qr/no credentials/)
    for [], [client_id => 'portero'];
refused_as(form('/oauth/introspect', {}, basic(@batch)), 400,
    'invalid_request', 'no token', 'request_refused', qr/there is no token/);

is($gate->post('/auth/logout', {},
    Authorization => "Bearer $session->{access_token}")->{status}, 204,
    'signed out');
ok(!introspect($session->{access_token})->{json}{active},
    'not active after that');

my $before = sign_in();
$gate->portero('user', 'role', 'ana', 'add', 'reader');
ok(!introspect($before->{access_token})->{json}{active},
    'nor with roles that have changed');
ok(introspect(sign_in()->{access_token})->{json}{active}, 'a new one is');


# --- revocation -------------------------------------------------------------

sub revoke { my ($token, @header) = @_;
             return form('/oauth/revoke', { token => $token }, @header) }
sub revoked { return $gate->value("SELECT count(*) FROM portero.revocation
                                   WHERE value = '$_[0]'") }

$session = sign_in();
my $jti = claims({ json => $session })->{jti};
$answer = revoke($session->{access_token});
is("$answer->{status} $answer->{body}", '200 ', 'an access token');
is(revoked($jti), 1, 'gateways hear of it');
like($gate->login_says(qr/"event":"token_revoked"/), qr/"jti":"$jti"/,
    'a line in the log');
ok(!introspect($session->{access_token})->{json}{active}, 'it is not active');
is($gate->post('/auth/refresh', { refresh_token => $session->{refresh_token} })
    ->{status}, 200, 'the session goes on');
is(revoke($session->{access_token})->{status}, 200, 'once more');
is(revoked($jti), 1, 'says nothing new');

$session = sign_in();
is(revoke($session->{refresh_token})->{status}, 200, 'a refresh token');
is(revoked($session->{session}{id}), 1, 'ends the session');
is($gate->post('/auth/refresh', { refresh_token => $session->{refresh_token} })
    ->{json}{reason}, 'revoked', 'it is over');
is(revoke($session->{refresh_token}, basic(@batch))->{status}, 400,
    'of a session, by another client');
is(revoke($_)->{status}, 200, 'one that is none') for 'abc', 'v1.abc', 'a.b.c';
refused_as(form('/oauth/revoke', {}), 400, 'invalid_request', 'no token',
    'request_refused', qr/there is no token/);

refused_as(revoke($machine), 401, 'invalid_client', 'of a machine, by nobody',
    'client_refused', qr/no credentials/);
refused_as(revoke($machine, basic(@batch)), 400, 'unauthorized_client',
    'of a machine, by another', 'request_refused', qr/not issued to this/);
ok(introspect($machine)->{json}{active}, 'it still is');
is(revoke($machine, basic('plain', $plain))->{status}, 200, 'by itself');
ok(!introspect($machine)->{json}{active}, 'it is no longer');


# --- the command line -------------------------------------------------------

my @rows = @{ JSON::PP->new->decode(
    portero($gate, [qw(--json client list)])->{out}) };
is_deeply([map { $_->{client_id} } @rows], [qw(batch plain)], 'client list');
is("$rows[0]{scope}|$rows[0]{description}",
    'orders:read orders:write|nightly batch', 'what it is for');
like($rows[0]{last_used_at}, qr/^20\d\d-/, 'when it was used');
unlike($gate->sql('SELECT * FROM portero.clients')
    . $gate->sql('SELECT * FROM portero.client_secrets'),
    qr/$secret/, 'its secret is nowhere');

refused(portero($gate, ['client', 'add', 'batch']), qr/there is a client of that name/);
refused(portero($gate, ['client', 'add', 'portero']), qr/is CLIENT_ID/);
refused(portero($gate, ['client', 'add', 'ak_1']), qr/may not begin with "ak_"/);
refused(portero($gate, ['client', 'add', $_]), qr/1 to 64 of the letters/)
    for '', 'a b', 'a:b', 'x' x 65, "\xc3\xa4";
refused(portero($gate, ['client', 'add', 'x', '--scope', $_]), qr/a scope has to be/)
    for 'a"b', "a\\b", 'a  b', "\xc3\xa4";
refused(portero($gate, ['client', 'remove', 'none']), qr/there is no client "none"/);

$machine = form('/oauth/token', { %CREDENTIALS }, basic(@batch))
    ->{json}{access_token};
$gate->portero('client', 'remove', 'batch');
is(revoked('client:batch'), 1, 'gateways hear of one that is removed');
refused_as(form('/oauth/token', { %CREDENTIALS }, basic(@batch)), 401,
    'invalid_client', 'a client that was removed', 'client_refused',
    qr/wrong secret/);
my $again = add('batch');
ok(!introspect($machine, basic('batch', $again))->{json}{active},
    'its tokens stay dead when the name comes back');
is(claims(form('/oauth/token', { %CREDENTIALS }, basic('batch', $again)))
    ->{ver}, 2, 'for new ones have another version');


# --- metadata ---------------------------------------------------------------

$answer = $gate->get('/.well-known/oauth-authorization-server');
is($answer->{status}, 200, 'metadata');
like(Gate::header($answer, 'Cache-Control'), qr/max-age/, 'which may be kept');
my $meta = $answer->{json};
is($meta->{issuer}, $gate->url, 'the issuer');
for (qw(token_endpoint revocation_endpoint introspection_endpoint jwks_uri)) {
    my $path = $meta->{$_} =~ s/\A\Q@{[$gate->url]}\E//r;
    isnt($gate->get($path)->{status}, 404, "$_ is there");
}
is_deeply($meta->{response_types_supported}, [], 'no authorization endpoint');
ok(!exists $meta->{authorization_endpoint}, 'none at all');
is_deeply($meta->{grant_types_supported},
    [qw(refresh_token client_credentials)], 'the grants');


# --- the database is away ---------------------------------------------------

$session = sign_in();
$gate->stop_part('postgres');
for (['/oauth/token', { %CREDENTIALS }, basic(@batch)],
     ['/oauth/token', { grant_type => 'refresh_token',
         refresh_token => $session->{refresh_token} }],
     ['/oauth/introspect', { token => 'x' }, basic('plain', $plain)],
     ['/oauth/revoke', { token => $session->{access_token} }])
{
    my $answer = form(@$_);
    is($answer->{status}, 503, "$_->[0] without a database");
    ok(Gate::header($answer, 'Retry-After'), 'to be repeated');
}

open my $log, '<', $gate->login_log or die $!;
my $text = do { local $/; <$log> };
unlike($text, qr/\Q$_\E/, 'no secret is in the log')
    for $secret, $plain, $again, $machine, $session->{refresh_token};

$gate->finish;
done_testing();
