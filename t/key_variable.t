#!/usr/bin/perl

# Variables in auth_jwt_key_file and auth_jwt_key_request: each host its own
# keys, in bounded memory, and no way out of the folder.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path);
use Test::More;
use Time::HiRes qw(sleep time);

use Gate;
use Site;
use Source;
use Token;
use Watch qw(resident within workers);

my $source = Source->new;
my $site = Site->new('fetched', 'map', 'both', 'free', 'token', 'secret');
my $dir = $site->path('run/keys');
my %key = map { $_ => Token::key('ES256') } qw(a.example b.example outside);
my $secret = 's' x 64;

make_path("$dir/deep");
Stack::replace("$dir/$_.jwks", set($_)) for qw(a.example b.example);
Stack::replace($site->path('run/outside.jwks'), set('outside'));
Stack::replace("$dir/deep/x.jwks", set('b.example'));
Stack::replace("$dir/secret.jwks",
    Token::jwks(Token::jwk($secret, kid => 'k')));
$source->serve(set('a.example'));

my $conf = $site->conf(keys => 0, http => <<"HTTP", server => <<"CONF");
    map \$arg_k \$chosen {
        a       $dir/a.example.jwks;
        rel     run/none.jwks;
        default "";
    }
    auth_jwt_token_cache off;       # which would grow for a while
HTTP
        location ~ ^/_jwks/(?<of>.+)\$ {
            internal;
            proxy_pass http://127.0.0.1:@{[ $source->port ]}/\$of;
        }
        auth_jwt portero;
        auth_jwt_key_file $dir/\$host.jwks;
        add_header X-Status \$jwt_status always;
        location / { }
        location /fetched/ { auth_jwt_key_request /_jwks/\$host; }
        location /map/ { auth_jwt_key_file \$chosen; }
        location /both/ {
            auth_jwt_key_file $dir/\$host.jwks;
            auth_jwt_key_file $dir/secret.jwks;
        }
        location /free/ { auth_jwt_key_file $dir/\$arg_k; }
        location /token/ { auth_jwt_key_file $dir/\$jwt_header_kid.jwks; }
        location /secret/ { auth_jwt_key_file $dir/secret.jwks; }
CONF
$conf =~ s/worker_processes auto/worker_processes 1/;
$site->start_nginx($conf);


# --- each host its own ------------------------------------------------------

for my $path ('/', '/both/', '/fetched/') {
    for my $host ('a.example', 'b.example') {
        $source->serve(set($host));
        is(ask($path, $host, $host), '200 ok', "$path: keys of $host");
    }
    for my $time (1, 2) {
        is(ask($path, 'a.example', 'b.example'), '401 signature',
            "a token of another host, time $time");
        is(ask($path, 'b.example', 'a.example'), '401 signature',
            'and the other way round');
        is(ask($path, 'a.example', 'a.example'), '200 ok',
            'the right one again');
    }
}
is(join(' ', map { m{\AGET (\S+)} } $source->requests),
    '/a.example /b.example', 'each was fetched by its own name');

is(ask('/', 'c.example', 'a.example'), '500 unavailable',
    'a host without a file');
like($site->nginx_says(qr/key file ".*c\.example\.jwks"/),
    qr/\[error\].*cannot be looked at.*2: No such file/, 'the log says so');
is(ask('/both/', 'c.example', 'a.example'), '500 unavailable',
    'not by another source either');
is(status('/both/file.html', 'c.example',
    Token::mint('HS256', $secret, 'k')), '200 ok', 'which serves its own');
Stack::replace("$dir/c.example.jwks", set('a.example'));
ok(within(sub { ask('/', 'c.example', 'a.example') eq '200 ok' }),
    'a file that came later is found');


# --- no way out -------------------------------------------------------------

my $outside = Token::mint('ES256', $key{outside}, 'k');
is(status("/free/file.html?k=deep/x.jwks", 'x',
    Token::mint('ES256', $key{'b.example'}, 'k')), '200 ok',
    'a folder below is inside');
for my $k ('../outside.jwks', 'deep/../../outside.jwks', '..', '../',
           './../outside.jwks', 'deep/..', '/../outside.jwks')
{
    is(status("/free/file.html?k=$k", 'x', $outside), '500 unavailable',
        "\"$k\" is refused");
    like($site->nginx_says(qr/leaves its folder/), qr/\[error\].*\Q$k\E"/,
        'the log says why');
}
is(status('/free/file.html?k=' . $site->path('run/outside.jwks'), 'x',
    $outside), '500 unavailable', 'a path from the root stays below');
is(status('/free/file.html?k=%2e%2e/outside.jwks', 'x', $outside),
    '500 unavailable', 'encoded dots are no dots');
is(status('/free/file.html?k=', 'x', $outside), '500 unavailable',
    'the folder itself is no file');
is(status('/free/file.html?k=a.example.jwks%00', 'x', $outside),
    '500 unavailable', 'an encoded NUL is none');

is(status('/map/file.html?k=a', 'x',
    Token::mint('ES256', $key{'a.example'}, 'k')), '200 ok',
    'a map may name any file');
is(status('/map/file.html?k=x', 'x', $outside), '500 unavailable',
    'but none is none');
like($site->nginx_says(qr/has no name/), qr/\[error\]/, 'the log says so');

is(status('/token/file.html', 'x',
    Token::mint('ES256', $key{'a.example'}, 'a.example')), '500 unavailable',
    'a token does not choose its keys');


# --- as many as clients like ------------------------------------------------

# The first of them takes what memory 64 sets take; later ones no more.

sweep(1 .. 200);
my $before = resident(workers($site->pid('nginx')));
sweep(1 .. 200) for 1 .. 5;
my $after = resident(workers($site->pid('nginx')));
SKIP: {
    skip('what is freed is kept for a while by the sanitizer', 1)
        if $site->{build} =~ m{/sanitize$};
    cmp_ok($after - $before, '<', 256, '1,000 more names take no memory')
        or diag("from $before to $after KiB");
}
is(ask('/', 'a.example', 'a.example'), '200 ok', 'the others are found again');
is(ask('/', 'a.example', 'b.example'), '401 signature', 'and not mixed up');
is(status('/secret/file.html', 'x', Token::mint('HS256', $secret, 'k')),
    '200 ok', 'a file of the configuration makes no room');

$source->stop;
$site->finish;
done_testing();


sub set { return Token::jwks(Token::jwk($key{$_[0]}, kid => 'k')) }


sub ask {
    my ($path, $host, $whose) = @_;
    return status("${path}file.html", $host,
        Token::mint('ES256', $key{$whose}, 'k'));
}


sub status {
    my ($path, $host, $token) = @_;
    my $answer = $site->ask($path, $token, Host => $host);
    return "$answer->{status} " . Gate::header($answer, 'X-Status');
}


# Hosts that have keys, one after the other.

sub sweep {
    my $token = Token::mint('ES256', $key{'a.example'}, 'k');
    for my $n (@_) {
        my $file = "$dir/h$n.example.jwks";
        Stack::replace($file, set('a.example')) unless -e $file;
        my $said = status('/file.html', "h$n.example", $token);
        is($said, '200 ok', "h$n") if $said ne '200 ok';
    }
}
