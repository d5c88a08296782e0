# Requests whose form is wrong: a clear answer, one log line with the reason
# and without secrets, and no worker that dies.  They are sent to the sockets
# themselves, because nginx would not pass most of them on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use FastCGI qw(begin fcgi fcgi_connect fcgi_read params stdin);
use Gate;


my $gate = Gate->new;
my $run = $gate->path('run');

$gate->create_folders;
$gate->write_config;
$gate->portero('key', 'generate');
$gate->start_login;
$gate->login_says(qr/"event":"started"/);

my %LANE = (
    '/auth/login'             => 'password',
    '/auth/register'          => 'password',
    '/auth/password'          => 'password',
    '/auth/refresh'           => 'token',
    '/auth/logout'            => 'token',
    '/auth/session'           => 'token',
    '/oauth/token'            => 'token',
    '/oauth/revoke'           => 'token',
    '/oauth/introspect'       => 'token',
    '/.well-known/oauth-authorization-server' => 'token',
    '/.well-known/jwks.json'  => 'token',
    '/internal/revocations'   => 'internal',
    '/healthz'                => 'internal',
    '/readyz'                 => 'internal',
);


sub refused {
    my ($name, $status, $reason, $method, $path, %o) = @_;

    my $lane = $o{lane} // $LANE{$path} // 'token';
    my $answer = fcgi("$run/$lane.sock", $method, $path, %o);

    like($answer, qr/\AStatus:\s$status\s.*Content-Type:\sapplication\/json\r\n
                     \r\n\{"error":"\w+","error_description":"[^"]+"\}\z/sx,
        "$name: $status as JSON");
    like($answer, qr/^Cache-Control: no-store\r$/m, "$name: not to be stored");

    my $line = $gate->login_says(qr/"event":"request_refused"/);
    like($line, qr/"status":"$status","reason":"[^"]*$reason/,
        "$name: the reason is told");
    like($line, qr/"address":"192\.0\.2\.7"/, "$name: and who asked");
    unlike($line, qr/hunter2/, "$name: and no password");

    return $answer;
}


# --- paths and methods ------------------------------------------------------

my $path = qr/nothing is at this path/;
refused('unknown', 404, $path, GET => '/auth/unknown');
refused('longer', 404, $path, POST => '/auth/refresh/');
refused('shorter', 404, $path, POST => '/auth');
refused('empty', 404, $path, GET => '');
refused('of another lane', 404, $path, POST => '/auth/login', lane => 'token');
refused('the internal one from outside', 404, $path, GET => '/readyz',
    lane => 'token');
refused('case', 404, $path, POST => '/auth/Refresh');

for my $p (sort keys %LANE) {
    my $post = $p =~ m{^/(?:auth|oauth)/} && $p ne '/auth/session';
    for my $method ($post ? 'GET' : 'POST', qw(PUT HEAD OPTIONS TRACE post),
            'DELETE', '') {
        my $answer = refused("$method $p", 405, qr/not take this method/,
            $method => $p, body => '{"password":"hunter2"}');
        is(($answer =~ /^Allow: (.*)\r$/m)[0], $post ? 'POST' : 'GET',
            'with Allow');
    }
}


# --- size -------------------------------------------------------------------

for my $p (qw(/auth/login /auth/register /auth/refresh /auth/logout)) {
    my $large = '{"password":"hunter2","x":"' . 'x' x 16384 . '"}';
    refused("16 KiB and more, $p", 413, qr/larger than 16 KiB/, POST => $p,
        body => $large);
}

refused('a megabyte', 413, qr/larger than 16 KiB/, POST => '/auth/refresh',
    body => 'x' x 1_000_000);
refused('a megabyte that is only announced', 413, qr/larger/,
    POST => '/auth/refresh', body => '{}', length => 1_000_000);
refused('size goes before type', 413, qr/larger/, POST => '/auth/refresh',
    body => 'x' x 20000, type => 'text/plain');
refused('a size that is no number', 400, qr/Content-Length is no number/,
    POST => '/auth/refresh', body => '', length => '-1');
refused('a size beyond all numbers', 400, qr/Content-Length is no number/,
    POST => '/auth/refresh', body => '', length => '9' x 30);
refused('more than announced', 400, qr/longer than Content-Length says/,
    POST => '/auth/refresh', body => '{"refresh_token":"hunter2"}',
    length => 5);


# --- type -------------------------------------------------------------------

for my $type ('', 'text/plain', 'application/x-www-form-urlencoded',
        'application/jsonx', 'application/json; charset=iso-8859-1',
        'application/json; charset=utf-16', 'application/json charset=utf-8',
        'multipart/form-data; boundary=application/json') {
    refused("type '$type'", 415, qr/not application\/json in UTF-8/,
        POST => '/auth/refresh', body => '{"refresh_token":"hunter2"}',
        type => $type);
}

for my $type ('application/json', 'Application/JSON',
        'application/json;charset=UTF-8', 'application/json ; charset="utf-8"') {
    unlike(fcgi("$run/token.sock", POST => '/auth/refresh',
            body => '{"refresh_token":"x"}', type => $type),
        qr/\AStatus: 415/, "type '$type' is taken");
}


# --- the body ---------------------------------------------------------------

my %BODY = (
    'nothing'            => ['',                               415],
    'only a space'       => [' ',                              400],
    'no JSON'            => ['password=hunter2',               400],
    'half an object'     => ['{"password":"hunter2"',          400],
    'two objects'        => ['{"password":"hunter2"}{}',       400],
    'an array'           => ['["hunter2"]',                    400],
    'a text'             => ['"hunter2"',                      400],
    'a number'           => ['1',                              400],
    'null'               => ['null',                           400],
    'a comma too many'   => ['{"password":"hunter2",}',        400],
    'a member twice'     => ['{"password":"hunter2","password":"b"}', 400],
    'twice, further in'  => ['{"a":{"b":1,"b":"hunter2"}}',    400],
    'no UTF-8'           => [qq({"password":"hunter2\xff"}),   400],
    'overlong UTF-8'     => [qq({"password":"hunter2\xc0\xaf"}), 400],
    'a lone surrogate'   => ['{"password":"hunter2\ud800"}',   400],
    'an escaped NUL'     => ['{"password":"hunter2\u0000"}',   400],
    'a NUL'              => [qq({"password":"hunter2\0"}),     400],
    'a NUL at the end'   => [qq({"password":"hunter2"}\0),     400],
    'a byte order mark'  => [qq(\xef\xbb\xbf{"a":"hunter2"}),  400],
    'nine levels'        => ['{"a":' x 9 . '1' . '}' x 9,      400],
    'nine, in arrays'    => ['{"a":' . '[' x 8 . ']' x 8 . '}', 400],
    'thousands of them'  => ['{"a":' . '[' x 8000,             400],
    'a comment'          => ['{/*hunter2*/}',                  400],
    'single quotes'      => [q({'password':'hunter2'}),        400],
);

for my $name (sort keys %BODY) {
    my ($body, $status) = @{ $BODY{$name} };
    refused("login, $name", $status, qr/./, POST => '/auth/login',
        body => $body);
}

refused('nine levels, by name', 400, qr/deep/, POST => '/auth/refresh',
    body => '{"a":' x 9 . '1' . '}' x 9);
unlike(fcgi("$run/token.sock", POST => '/auth/refresh',
        body => '{"a":' x 8 . '1' . '}' x 8),
    qr/nested/, 'eight levels are taken');

unlike(fcgi("$run/token.sock", POST => '/auth/refresh'), qr/\AStatus: 415/,
    'a refresh may come without a body');
like(fcgi("$run/internal.sock", GET => '/healthz', body => 'hunter2'),
    qr/\AStatus: 200 /, 'the body of a GET is not looked at');


# --- headers ----------------------------------------------------------------

for my $header (qw(COOKIE AUTHORIZATION ORIGIN HOST SEC_FETCH_SITE)) {
    refused("$header twice", 400, qr/a header came twice/,
        POST => '/auth/refresh', body => '{}',
        headers => ["HTTP_$header" => 'a', "HTTP_$header" => 'hunter2']);
}

my $answer = fcgi("$run/token.sock", GET => '/auth/session',
    headers => [HTTP_AUTHORIZATION => 'Bearer ' . 'x' x 100_000]);
like($answer, qr/\AStatus: 4\d\d /, 'a token of 100 KB is refused');

$answer = fcgi("$run/token.sock", GET => '/auth/session');
like($answer, qr/\AStatus: 401 .*^WWW-Authenticate: Bearer/ms,
    '401 asks for a bearer token');
unlike($answer, qr/Basic/, 'and for nothing that opens a window');


# --- how it arrives ---------------------------------------------------------

sub open_request {
    my ($length) = @_;

    my $connection = fcgi_connect("$run/token.sock") or die "connect: $!\n";
    return ($connection, begin() . params(REQUEST_METHOD => 'POST',
        DOCUMENT_URI => '/auth/refresh', REMOTE_ADDR => '192.0.2.7',
        CONTENT_TYPE => 'application/json', CONTENT_LENGTH => $length));
}

my ($connection, $request) = open_request(19);
for my $byte (split //, $request . stdin('{"refresh_token":1}')) {
    syswrite $connection, $byte;
    sleep 0.001;
}
like(fcgi_read($connection), qr/\AStatus: 4\d\d /, 'byte by byte');

($connection, $request) = open_request(16000);
syswrite $connection, $request . "\1\5\0\1\0\7\0\0hunter2";
close $connection;
my $line = $gate->login_says(qr/"event":"client_gone"/);
like($line, qr/cut short.*"path":"\/auth\/refresh"/,
    'a client that leaves in the middle is told of');
unlike($line, qr/hunter2/, 'without what it sent');

($connection, $request) = open_request(16000);
syswrite $connection, $request . "\1\5\0\1\0\7\0\0hunter2";
shutdown $connection, 1;
is(fcgi_read($connection), '', 'less than announced: closed');

($connection, $request) = open_request(16000);
syswrite $connection, $request . "\1\5\0\1\0\7\0\0hunter2";
is(fcgi_read($connection), '', 'and so is one that never goes on');


# --- public keys ------------------------------------------------------------

$answer = fcgi("$run/token.sock", GET => '/.well-known/jwks.json');
like($answer, qr/\AStatus: 200 .*^Cache-Control: public, max-age=300\r$/ms,
    'the public keys may be stored');
unlike($answer, qr/"d":|"k":|"p":/, 'and are public');

my ($etag) = $answer =~ /^ETag: (\S+)\r$/m;
ok($etag, 'they have an ETag');
for my $match ($etag, "W/$etag", qq("x", $etag), '*') {
    like(fcgi("$run/token.sock", GET => '/.well-known/jwks.json',
            headers => [HTTP_IF_NONE_MATCH => $match]),
        qr/\AStatus: 304 Not Modified\r\n(?!.*"keys")/s, "304 for $match");
}
for my $match ('"x"', '', $etag . 'x', substr($etag, 0, -1)) {
    like(fcgi("$run/token.sock", GET => '/.well-known/jwks.json',
            headers => [HTTP_IF_NONE_MATCH => $match]),
        qr/\AStatus: 200 /, "200 for '$match'");
}


open my $log, '<', $gate->login_log or die $!;
my $text = do { local $/; <$log> };
unlike($text, qr/worker_died/, 'no worker died of any of it');
unlike($text, qr/hunter2/, 'no secret is in the log');

$gate->finish;
done_testing();
