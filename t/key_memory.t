#!/usr/bin/perl

# Keys that change, again and again, from a file and from another server, take
# no memory: what was replaced is gone, and so are the tokens that it verified.
#
# PORTERO_REQUESTS says how many requests there are between two rotations.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use Gate;
use Site;
use Source;
use Token;
use Watch qw(resident workers);

use constant { ROTATIONS => 50, REQUESTS => $ENV{PORTERO_REQUESTS} // 200 };

my $source = Source->new;
my $site = Site->new('fetched');
my $file = $site->path('run/rotate.json');
my @key = map { Token::key('ES256') } 1 .. 8;
my @padding = map { Token::jwk(Token::key('ES256'), kid => "p$_") } 1 .. 40;

rotate(0);
my $conf = $site->conf(keys => 0, server => <<"CONF");
        location = /_jwks {
            internal;
            proxy_pass http://127.0.0.1:@{[ $source->port ]}/;
        }
        keepalive_requests 1000000;
        auth_jwt portero;
        auth_jwt_key_file $file;
        auth_jwt_key_cache 100ms min_refresh=0;
        location / { }
        location /fetched/ { auth_jwt_key_request /_jwks; }
CONF
$conf =~ s/worker_processes auto/worker_processes 1/;
$site->start_nginx($conf);

my (@resident, %said);
for my $n (1 .. ROTATIONS) {
    rotate($n);
    my $token = token($n);
    my $refused = token($n + 1);

    for my $path ('/file.html', '/fetched/file.html') {
        my $socket = connection();
        ok(within($path, $token), "rotation $n: $path has the new key")
            if $n <= 2;
        within($path, $token) if $n > 2;
        for (1 .. REQUESTS / 2) {
            $said{ask($socket, $path, $token)}++;
            $said{ask($socket, $path, $refused)}++ if $_ % 10 == 0;
        }
        close $socket;
    }
    push @resident, resident(workers($site->pid('nginx')));
}

is(join(' ', sort keys %said), '200 401', 'tokens passed, others did not');
cmp_ok($said{200}, '==', ROTATIONS * REQUESTS, 'none was refused that was good');
SKIP: {
    skip('what is freed is kept for a while by the sanitizer', 1)
        if $site->{build} =~ m{/sanitize$};
    cmp_ok($resident[-1] - $resident[9], '<', 256,
        'the worker has not grown since the tenth rotation')
        or diag("@resident");
}
note("@resident KiB");

$source->stop;
$site->finish;
done_testing();


sub rotate {
    my ($n) = @_;

    my $set = Token::jwks(Token::jwk($key[$n % @key], kid => "k$n"), @padding);
    Stack::replace($file, $set);
    chmod 0644, $file;
    $source->serve($set);
}


sub token {
    my ($n) = @_;
    return Token::mint('ES256', $key[$n % @key], "k$n");
}


sub connection {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $site->{port}) || die "connect: $!\n";
}


# A status; refused ones too leave the connection open.

sub ask {
    my ($socket, $path, $token) = @_;

    syswrite $socket, "GET $path HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $token\r\n\r\n";
    my $text = '';
    while ($text !~ /\r\n\r\n/) {
        sysread($socket, $text, 4096, length $text) or return 'closed';
    }
    my ($status) = $text =~ m{\AHTTP/1.1 (\d+)};
    my ($length) = $text =~ /^Content-Length: (\d+)/mi;
    my ($body) = $text =~ /\r\n\r\n(.*)\z/s;
    while (length $body < $length) {
        sysread($socket, $body, 4096, length $body) or return 'closed';
    }
    return $status;
}


sub within {
    my ($path, $token) = @_;

    my $end = time + 20;
    while (time < $end) {
        return 1 if $site->ask($path, $token)->{status} == 200;
        sleep 0.02;
    }
    return 0;
}
