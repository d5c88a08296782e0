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
use Watch qw(within workers);

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
        location /a/ { add_header X-Sub "\$jwt_claim_sub" always; }
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
my $forged = Token::mint('ES256', $new, 'k');
my %client = map { $_ => load($_) } 1 .. 4;

ok(goes_on(), 'four clients, one request after the other');
Stack::replace($site->keys, Token::jwks(Token::jwk($site->{key}, kid => 'k'),
    Token::jwk($new, kid => 'n')));

for my $round (1 .. 3) {
    my $before = workers($site->pid('nginx'));
    kill HUP => $site->pid('nginx');
    ok(within(sub { !grep { my $old = $_; grep { $_ eq $old }
        split ' ', workers($site->pid('nginx')) } split ' ', $before }),
        "reload $round: the old workers are gone");
    ok(goes_on(), 'and the clients go on');
}

kill TERM => $_ for values %client;
waitpid $_, 0 for values %client;
my @lines = map { lines($_) } sort keys %client;
is(join('', grep { !/^right/ } @lines), '',
    'each of ' . @lines . ' answers is right, and none was lost');
cmp_ok(scalar @lines, '>=', 4 * 4 * 50, 'there were enough of them');
is($site->ask('/a/file.html', $new_token)->{status}, 200,
    'the new keys are in force');

$site->finish;
done_testing();


sub head {
    my ($method, $path, $token, $length, $keep) = @_;

    return "$method $path HTTP/1.1\r\nHost: a\r\n"
        . ($keep ? '' : "Connection: close\r\n")
        . ($length ? "Content-Length: $length\r\n" : '')
        . (defined $token ? "Authorization: Bearer $token\r\n" : '') . "\r\n";
}


# A process that asks, with each kind of token in turn, until it is ended; a
# line in its file for each answer.  A connection that nginx closed between two
# requests, as an old worker does, is no answer lost: the next one is tried.

sub load {
    my ($n) = @_;

    open my $file, '>>', $site->path("run/load$n") or die "load: $!\n";
    $file->autoflush(1);
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    $SIG{TERM} = 'DEFAULT';
    my @kind = ([$site->token(sub => "user$n"), qr/^200 user$n\z/],
        [$bad, qr/^401 \z/], [$forged, qr/^401 \z/], [undef, qr/^401 \z/],
        [$new_token, qr/^(?:401 |200 alice)\z/]);
    my $socket = connection();
    for (my $i = 0; ; $i++) {
        my ($token, $right) = @{ $kind[$i % @kind] };
        my $got = '';
        for my $try (1, 2) {
            local $SIG{PIPE} = 'IGNORE';
            print {$socket} head('GET', '/a/file.html', $token, 0, 1);
            my $text = read_answer($socket);
            $got = status($text) . ' ' . ($text =~ /^X-Sub: (\w+)/m ? $1 : '')
                if length $text;
            last if $got;
            close $socket;
            $socket = connection();
        }
        print {$file} $got =~ $right ? "right\n" : "request $i got: $got\n";
    }
}


sub lines {
    my ($n) = @_;
    open my $file, '<', $site->path("run/load$n") or die "load: $!\n";
    return <$file>;
}


# Whether each of them gets fifty answers more.

sub goes_on {
    my %at = map { $_ => scalar(() = lines($_)) } keys %client;
    return within(sub {
        !grep { (() = lines($_)) < $at{$_} + 50 } keys %client;
    });
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
