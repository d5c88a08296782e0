#!/usr/bin/perl

# What a refusal is for the connection, the error page and the log: methods,
# bodies, keep-alive and pipelining, clients that leave, a reload under load.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Test::More;

use Gate;
use Site;
use Token;

my $site = Site->new(qw(a page named));
my $log = $site->path('log/access.log');
Stack::replace($site->path('web/login.html'), "log in\n");

# A backend that answers nobody.

my $mute = IO::Socket::UNIX->new(Local => $site->path('run/mute.sock'),
    Type => SOCK_STREAM, Listen => 5) or die "mute: $!\n";
chmod 0666, $site->path('run/mute.sock');

$site->start_backend;
$site->run(http => <<'HTTP', server => <<"SERVER" =~ s/LOG/$log/r);
    log_format words '$request_method $uri $status '
                     '"$jwt_status" "$jwt_claim_sub"';
HTTP
        access_log LOG words;
        auth_jwt a;
        client_max_body_size 10m;
        location /a/ { }
        location /api { proxy_pass http://backend; }
        location /page/ {
            alias $site->{data}/web/a/;
            error_page 401 /login.html;
        }
        location = /login.html { auth_jwt off; }
        location /named/ {
            alias $site->{data}/web/a/;
            error_page 401 = \@login;
        }
        location \@login {
            auth_jwt off;
            return 302 "/login?\$jwt_status";
        }
        location /other/ {
            error_page 401 =403 /login.html;
            alias $site->{data}/web/a/;
        }
        location /mute { proxy_pass http://unix:$site->{data}/run/mute.sock; }
SERVER

my $good = $site->token;
my $bad = $site->token(sub => 'eve', exp => time - 1);


# --- methods and bodies -----------------------------------------------------

for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND)) {
    my $answer = $site->request($method, '/api', undef);
    is($answer->{status}, 401, "$method without a token");
    is(Gate::header($answer, 'WWW-Authenticate'), 'Bearer realm="a"',
        "$method: the challenge");
    is($answer->{body}, '', 'HEAD: nothing more') if $method eq 'HEAD';
    is($site->request($method, '/api', undef, Authorization => "Bearer $bad")
        ->{status}, 401, "$method with an old one");
    is($site->request($method, '/api', undef, Authorization => "Bearer $good")
        ->{status}, 200, "$method with a good one");
}

my $large = 'x' x (4 * 1024 * 1024);
is(status(send_all(head('POST', '/api', undef, length $large) . $large)), 401,
    'a large body');
is(status(send_all(head('POST', '/api', $good, length $large) . $large)), 200,
    'a large body and a token');
is(status(send_all("POST /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n"
    . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $large, $large))), 401,
    'one in chunks');
is(status(send_all("POST /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    . "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n")), 401,
    'a body that was announced is not asked for');


# --- the connection after a refusal -----------------------------------------

my @tokens = (undef, $good, $bad, $site->token(sub => 'bo'), 'x', $good);
my @statuses = (401, 200, 401, 200, 401, 200);
my @users = ('', 'alice', '', 'bo', '', 'alice');

my $socket = connection();
for (0 .. $#tokens) {
    print {$socket} head('GET', '/a/file.html', $tokens[$_], 0, 1);
    is(status(read_answer($socket)), $statuses[$_], "keep-alive, request $_");
}
close $socket;

$socket = connection();
print {$socket} map { head('GET', '/a/file.html', $_, 0, 1) } @tokens;
is(status(read_answer($socket)), $statuses[$_], "pipelining, answer $_")
    for 0 .. $#tokens;
close $socket;

$socket = connection();
print {$socket} head('POST', '/a/file.html', undef, 65536, 1), 'x' x 65536,
    head('GET', '/a/file.html', $good, 0, 1);
is(status(read_answer($socket)), 401, 'a body that nobody reads');
is(status(read_answer($socket)), 200, 'is not the next request');
close $socket;

# What is refused must not leave a request behind in its body.

$socket = connection();
my $inner = head('GET', '/a/file.html', $good, 0, 1);
print {$socket} head('POST', '/a/file.html', undef, length $inner, 1), $inner,
    head('GET', '/a/none', $good, 0, 1);
is(status(read_answer($socket)), 401, 'a request in a body');
is(status(read_answer($socket)), 404, 'is not answered');
close $socket;

$site->{read}{$log} = -s $log;


# --- error pages ------------------------------------------------------------

my $answer = $site->ask('/page/file.html', $bad);
is($answer->{status}, 401, 'a login page: the status');
is($answer->{body}, "log in\n", 'the page');
is(Gate::header($answer, 'WWW-Authenticate'),
    'Bearer realm="a", error="invalid_token"', 'the challenge');
is(logged(), 'GET /login.html 401 "expired" "-"', 'the log');
$answer = $site->ask('/named/file.html', undef);
is($answer->{status}, 302, 'a named location: its status');
like(Gate::header($answer, 'Location'), qr{/login\?missing$}, 'what it knows');
is(logged(), 'GET /named/file.html 302 "missing" "-"', 'the log');
$answer = $site->ask('/other/file.html', $bad);
is($answer->{status}, 403, 'another status');
is(logged(), 'GET /login.html 403 "expired" "-"', 'the log');
is($site->ask('/page/file.html', $good)->{body}, "inside\n", 'or no page');
is(logged(), 'GET /page/file.html 200 "ok" "alice"', 'the log');


# --- who leaves -------------------------------------------------------------

for ([$good, 'ok', 'alice'], [$site->token(sub => 'bo'), 'ok', 'bo']) {
    my ($token, $word, $user) = @$_;
    $socket = connection();
    print {$socket} head('GET', '/mute', $token, 0, 1);
    my $held = $mute->accept;
    close $socket;
    is(logged(), "GET /mute 499 \"$word\" \"$user\"", "a client left: $user");
    close $held;
}


# --- a reload under load ----------------------------------------------------

my $new = Token::key('ES256');
my $new_token = Token::mint('ES256', $new, 'n');
my ($wrong, $asked, $reloads) = (0, 0, 0);

Stack::replace($site->keys, Token::jwks(Token::jwk($site->{key}, kid => 'k'),
    Token::jwk($new, kid => 'n')));

for my $round (1 .. 4) {
    kill HUP => $site->pid('nginx') if $round > 1;
    for (1 .. 60) {
        my $known = $site->ask('/a/file.html', $new_token)->{status};
        $reloads ||= $known == 200;
        $wrong++ if $site->ask('/a/file.html', $good)->{status} != 200
            || $site->ask('/a/file.html', $bad)->{status} != 401
            || $site->ask('/a/file.html', undef)->{status} != 401
            || $known != 200 && $known != 401;
        $asked += 4;
    }
}
is($wrong, 0, "$asked requests during reloads are answered as ever");
ok($reloads, 'and with the new keys in the end');

$site->finish;
done_testing();


sub head {
    my ($method, $path, $token, $length, $keep) = @_;

    return "$method $path HTTP/1.1\r\nHost: a\r\n"
        . ($keep ? '' : "Connection: close\r\n")
        . ($length ? "Content-Length: $length\r\n" : '')
        . (defined $token ? "Authorization: Bearer $token\r\n" : '') . "\r\n";
}


sub connection {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $site->{port}, Timeout => 10) || die "connect: $!\n";
}


# One answer, which says how long it is.

sub read_answer {
    my ($socket) = @_;

    local $SIG{ALRM} = sub { die "no answer within 30 seconds\n" };
    alarm 30;
    my $text = '';
    while (defined(my $line = <$socket>)) {
        $text .= $line;
        last if $line eq "\r\n";
    }
    my ($length) = $text =~ /^Content-Length: (\d+)/mi;
    read $socket, $text, $length, length $text if $length;
    alarm 0;
    return $text;
}


# All of it, whether the other side reads on or not.

sub send_all {
    my ($text) = @_;

    my $socket = connection();
    my $child = fork // die "fork: $!\n";
    if ($child == 0) {
        local $SIG{PIPE} = 'DEFAULT';
        print {$socket} $text;
        close $socket;
        POSIX::_exit(0);
    }
    my $answer = read_answer($socket);
    close $socket;
    waitpid $child, 0;
    return $answer;
}


sub status { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : "nothing: $_[0]" }


sub logged { return $site->log_line($log, '\S') }
