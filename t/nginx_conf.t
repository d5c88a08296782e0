#!/usr/bin/perl

# nginx-conf/ as an operator includes it: who may call a protected location with
# a cookie, what nginx says in front of the login service, and that the whole of
# it is a configuration that nginx accepts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOCK_STREAM);
use Test::More;

use Gate;

my $gate = Gate->new;
my $port = $gate->{port};
my $own = "127.0.0.1:$port";

my $key = Crypt::PK::ECC->new;
$key->generate_key('nistp256');

$gate->create_folders;
write_file($gate->path('run/gateway-keys.json'), key_set());
$gate->start_backend;

# What a login service that was killed leaves behind.

for (map { $gate->path("run/$_.sock") } qw(password token internal)) {
    IO::Socket::UNIX->new(Local => $_, Type => SOCK_STREAM, Listen => 1)->close;
    chmod 0666, $_;
}

$gate->start_nginx($gate->demo_conf);

my $cookie = "access-$port=" . token();


# The origin of a request whose token came by cookie.

sub with_cookie { return $gate->request($_[0], '/api/whoami', undef,
                      Cookie => $cookie, @_[1 .. $#_]) }

is(with_cookie('GET')->{status}, 200, 'GET by cookie passes');
is(with_cookie('HEAD')->{status}, 200, 'so does HEAD');
is(with_cookie('GET', 'Sec-Fetch-Site' => 'cross-site')->{status}, 200,
    'a link from another site passes');

for my $method (qw(POST PUT PATCH DELETE PROPFIND)) {
    is(with_cookie($method)->{status}, 403, "$method without an origin: 403");
    is(with_cookie($method, 'Sec-Fetch-Site' => 'same-origin')->{status}, 200,
        "$method from a page of this origin passes");
}

is(with_cookie('POST', 'Sec-Fetch-Site' => $_)->{status}, 403,
    "POST, Sec-Fetch-Site: $_")
    for qw(cross-site same-site none same-origins);
is(with_cookie('POST', 'Sec-Fetch-Site' => 'same-site',
    Origin => "http://$own")->{status}, 403,
    'Origin does not outweigh Sec-Fetch-Site');

like($gate->nginx_says('auth_jwt: claim'), qr/auth_jwt_require is not met/,
    'the log says what was not met');

origin($own, $_->[0], $_->[1]) for
    ["http://$own", 200], ["https://$own", 200], ["HTTP://$own", 200],
    ['null', 403], ["http://127.0.0.1", 403], ["http://127.0.0.1:1", 403],
    ["http://evil.test", 403], ["http://$own.evil.test", 403],
    ["http://evil.test/$own", 403], ["http://evil.test?$own", 403],
    ["http://evil.test|$own", 403], ["http://x\@$own", 403], [$own, 403],
    ["ftp://$own", 403], ["http://$own|", 403], ["http://", 403];

origin('a.test', $_->[0], $_->[1]) for
    ['https://a.test', 200], ['https://a.test:443', 200],
    ['http://a.test:80', 200], ['https://A.test', 200],
    ['https://a.test:80', 403], ['http://a.test:443', 403],
    ['https://b.a.test', 403], ['https://aXtest', 403];
origin('a.test:443', 'https://a.test', 200);
origin('a.test:443', 'http://a.test', 403);
origin('[::1]:8443', 'https://[::1]:8443', 200);
origin('[::1]:8443', 'https://[::2]:8443', 403);

sub origin {
    my ($host, $origin, $status) = @_;
    is(with_cookie('POST', Host => $host, Origin => $origin)->{status},
        $status, "POST to $host, Origin: $origin: $status");
}

my @upgrade = (Connection => 'close, Upgrade', Upgrade => 'websocket');
is(with_cookie('GET', @upgrade, Origin => 'http://evil.test')->{status}, 403,
    "another origin's WebSocket");
is(with_cookie('GET', @upgrade, 'Sec-Fetch-Site' => 'same-site')->{status},
    403, "a neighbour's WebSocket");
is(with_cookie('GET', @upgrade, Origin => "http://$own")->{status}, 200,
    'our own WebSocket');
is(with_cookie('GET', @upgrade)->{status}, 200, "a program's WebSocket");


# A token that no browser sends by itself needs no origin, and no token at all
# is 401, whatever the origin.

my @bearer = (Authorization => 'Bearer ' . token());
is($gate->post('/api/whoami', undef, @bearer)->{status}, 200,
    'POST by header passes');
is($gate->post('/api/whoami', undef, @bearer,
    'Sec-Fetch-Site' => 'cross-site')->{status}, 200,
    'from another site too');
is(with_cookie('POST', Authorization => 'Basic eDp5')->{status}, 403,
    'a password that a browser sends by itself does not replace the origin');
is(with_cookie('POST', Authorization => "Bearer ")->{status}, 401,
    'nor does an empty token');
is(with_cookie('POST', Authorization => "Bearer " . token(jti => 'b'))
    ->{status}, 400, 'a header beside another cookie: 400');
is($gate->post('/api/whoami', undef)->{status}, 401, 'POST without a token');
is($gate->post('/api/whoami', undef, Cookie => 'access=x')->{status}, 401,
    'a cookie of another name is no token');
is($gate->get('/api/whoami', Authorization => 'Bearer ' .
    token(-typ => 'JWT'))->{status}, 401, 'a token of another type');
like($gate->nginx_says('auth_jwt: typ'), qr/typ/, 'is told so in the log');


# Identity headers.

my $open = $gate->get('/open/whoami', @bearer, 'X-User' => 'root',
    'X_User' => 'root', 'x-user-ROLES' => 'admin', 'X-User-Session' => '1');
is($open->{status}, 200, 'an open location answers');
is($open->{json}{$_}, '', "without a client's own $_")
    for qw(user roles session);
is($gate->get('/api/whoami', @bearer, 'X-User' => 'root')->{json}{user}, 'ana',
    "a client's own X-User does not count");


# In front of the login service, which is away here.

for my $path (qw(/auth/login /auth/register /auth/refresh /auth/session
                 /.well-known/jwks.json))
{
    my $away = $gate->post($path, { username => 'ana' });
    is($away->{status}, 503, "$path without the service: 503");
    is($away->{json}{error}, 'temporarily_unavailable', 'as JSON');
    like(Gate::header($away, 'Content-Type'), qr{^application/json}, 'named');
    like(Gate::header($away, 'Retry-After'), qr/^[1-9]/, 'to be repeated');
    is(Gate::header($away, 'Cache-Control'), 'no-store', 'and not kept');
    is(Gate::header($away, 'Set-Cookie'), '', 'nor are cookies dropped');
}

for my $path (qw(/auth/login /auth/refresh)) {
    my $large = $gate->post($path, 'x' x 16385,
        'Content-Type' => 'application/json');
    is($large->{status}, 413, "$path with too much: 413");
    is($large->{json}{error}, 'invalid_request', 'as JSON');

    my $chunked = Gate::parse($gate->raw("POST $path HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "4001\r\n" . 'x' x 0x4001 . "\r\n0\r\n\r\n"));
    is($chunked->{status}, 413, "$path with too much, in chunks: 413");
    is($chunked->{json}{error}, 'invalid_request', 'as JSON');
}
is($gate->post('/auth/refresh', 'x' x 16384)->{status}, 503,
    '16384 bytes are not too much');

is($gate->get('/readyz')->{status}, 503, 'not ready without the service');
is($gate->post('/readyz', '{}')->{status}, 403, 'health is for reading');
is($gate->get('/internal/revocations')->{status}, 404,
    'nothing else of the internal lane is to be had');

my @statuses = map { $gate->post('/auth/login', {})->{status} } 1 .. 60;
my ($many) = grep { $_ == 429 } @statuses;
is($many, 429, 'too many logins at once: 429');
my $refused;
for (1 .. 60) {
    $refused = $gate->post('/auth/login', {});
    last if $refused->{status} == 429;
}
is($refused->{json}{error}, 'slow_down', 'as JSON');
like(Gate::header($refused, 'Retry-After'), qr/^[1-9]/, 'to be repeated');
is($gate->post('/auth/refresh', {})->{status}, 503,
    'and the token lane is not limited by it');


# Whose requests count together.

is(network('192.0.2.1'), network('192.0.2.1'), 'an IPv4 address');
isnt(network('192.0.2.1'), network('192.0.2.2'), 'is a network');
is(network('2001:db8::1'), network('2001:db8:0:0:ffff::2'),
    'an IPv6 network is its first 64 bits');
isnt(network('2001:db8::1'), network('2001:db8:0:1::1'), 'and no fewer');
is(network('::ffff:192.0.2.1'), network('192.0.2.1'),
    'an IPv4 address in an IPv6 one');
isnt(network('::ffff:192.0.2.1'), network('::ffff:192.0.2.2'),
    'is a network of its own');

$gate->finish;
done_testing();


# $portero_network of an address, as bytes, from a server beside the demo's.

my $networks;

sub network {
    my ($address) = @_;

    unless ($networks) {
        my $conf = $gate->demo_conf;
        $networks = Gate::free_port();
        $conf =~ s/\}\s*\z/server {
            listen 127.0.0.1:$networks;
            set_real_ip_from 127.0.0.1;
            real_ip_header X-Real;
            add_header X-Network "|\$portero_network|" always;
            location \/ { return 204; }
        }\n}\n/;
        $gate->stop_part('nginx');
        $gate->start_nginx($conf);
    }

    local $gate->{port} = $networks;
    my ($bytes) = $gate->raw("GET / HTTP/1.0\r\nX-Real: $address\r\n\r\n")
        =~ /X-Network: \|(.*)\|\r\n/s;
    return unpack 'H*', $bytes // '';
}


sub token {
    my (%claims) = @_;

    my $typ = delete $claims{-typ} // 'at+jwt';
    return encode_jwt(alg => 'ES256', key => $key,
        extra_headers => { kid => 'test', typ => $typ },
        payload => { iss => $gate->url, aud => $gate->url, sub => 'ana',
                     exp => time + 600, roles => ['reader'], sid => 's1',
                     %claims });
}


sub key_set {
    my $jwk = JSON::PP->new->decode($key->export_key_jwk('public'));
    return JSON::PP->new->encode({ keys =>
        [{ %$jwk, kid => 'test', alg => 'ES256', use => 'sig' }] });
}


sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
}
