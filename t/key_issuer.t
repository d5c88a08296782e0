#!/usr/bin/perl

# issuer=: keys of one identity provider never verify a token of another, in
# one location with both, also if their kids are equal; and keyval.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Gate;
use Site;
use Source;
use Token;

use constant { A => 'https://a.example', B => 'https://b.example' };

my %source = map { $_ => Source->new } qw(a b);
my $site = Site->new('any', 'fetched', 'file', 'inherits', 'own');
my %key = map { $_ => Token::key('ES256') } qw(a b any);
my %file = map { $_ => $site->path("run/$_.json") } keys %key;

Stack::replace($file{$_}, Token::jwks(Token::jwk($key{$_}, kid => 'k')))
    for keys %key;
$source{$_}->serve(Token::jwks(Token::jwk($key{$_}, kid => 'k')))
    for qw(a b);
Stack::replace($site->path('run/keyval.json'), JSON::PP->new->encode({
    map { $_ => $key{$_}->export_key_pem('public') } qw(a b) }));

my $fetched = join '', map { "location = /_$_ { internal;"
    . " proxy_pass http://127.0.0.1:" . $source{$_}->port . "/; }\n" } qw(a b);
my @both = ("auth_jwt_key_file $file{a} issuer=@{[ A ]};",
            "auth_jwt_key_file $file{b} jwks issuer=@{[ B ]};");

$site->run(keys => 0, server => <<"CONF");
        $fetched
        auth_jwt portero;
        add_header X-Status \$jwt_status always;
        @both
        location /inherits/ { }
        location /own/ { auth_jwt_key_file $file{a}; }
        location /any/ { @both auth_jwt_key_file $file{any}; }
        location /fetched/ {
            auth_jwt_key_request /_a issuer=@{[ A ]};
            auth_jwt_key_request /_b issuer=@{[ B ]};
        }
        location /file/ {
            auth_jwt_key_request /_a issuer=@{[ A ]};
            auth_jwt_key_file $file{any};
        }
CONF

for my $path ('/inherits/', '/fetched/', '/any/') {
    is(ask($path, 'a', A), '200 ok', "$path: a token of A by A's key");
    is(ask($path, 'b', B), '200 ok', "of B by B's");
    for (1, 2) {
        is(ask($path, 'a', B), '401 issuer', "of B by A's key, time $_");
        is(ask($path, 'b', A), '401 issuer', "of A by B's key, time $_");
    }
    is(ask($path, 'a', undef), '401 issuer', 'without iss');
    is(ask($path, 'a', ''), '401 issuer', 'an empty iss');
    is(ask($path, 'a', [A]), '401 issuer', 'iss as an array');
    is(ask($path, 'a', [A, B]), '401 issuer', 'iss as an array of both');
    is(ask($path, 'a', { A, 1 }), '401 issuer', 'iss as an object');
    is(ask($path, 'a', A . '/'), '401 issuer', 'a slash at its end');
    is(ask($path, 'a', uc A), '401 issuer', 'in another case');
    is(ask($path, 'a', ' ' . A), '401 issuer', 'with a space');
    is(ask($path, 'a', 'https://c.example'), '401 issuer', 'of a third');
}

is(ask('/any/', 'any', 'https://c.example'), '200 ok',
    "keys of nobody in particular: a third one's token");
is(ask('/any/', 'any', undef), '200 ok', "nobody's token");
is(ask('/any/', 'any', A), '401 issuer', 'not one of A, who has keys');
is(ask('/any/', 'any', B), '401 issuer', 'nor of B');
is(ask('/own/', 'a', B), '200 ok', 'without issuer= a key is for all');
is(ask('/inherits/', 'any', A), '401 signature', 'a key of nobody');

# The same, while the keys of A cannot be had.

is(ask('/file/', 'any', 'https://c.example'), '200 ok', 'keys of a file');
is(ask('/file/', 'any', A), '401 issuer', 'not for A');
$site->stop_part('nginx');
$source{a}->serve('', way => 'close');
$site->start_nginx($site->conf(keys => 0, server => <<"CONF"));
        $fetched
        auth_jwt portero;
        add_header X-Status \$jwt_status always;
        auth_jwt_key_request /_a issuer=@{[ A ]};
        auth_jwt_key_file $file{any};
CONF
is(ask('/', 'any', 'https://c.example'), '200 ok', 'the source of A is gone');
is(ask('/', 'any', A), '500 unavailable',
    'a token of A by the other key still does not pass');
$site->stop_part('nginx');

$site->start_nginx($site->conf(keys => 0, server => <<"CONF"));
        auth_jwt portero;
        add_header X-Status \$jwt_status always;
        auth_jwt_key_file @{[ $site->path('run/keyval.json') ]} keyval;
CONF
is(ask('/', 'a', undef, 'a'), '200 ok', 'keyval: a key');
is(ask('/', 'b', undef, 'b'), '200 ok', 'another one');
is(ask('/', 'a', undef, 'b'), '401 signature', 'under the wrong kid');
is(ask('/', 'any', undef, 'a'), '401 signature', 'a forged one');
is(ask('/', 'a', undef, 'c'), '401 key', 'under none of them');

$_->stop for values %source;
$site->finish;
done_testing();


sub ask {
    my ($path, $who, $iss, $kid) = @_;

    my $answer = $site->ask("${path}file.html",
        Token::mint('ES256', $key{$who}, $kid // 'k', iss => $iss));
    return "$answer->{status} " . Gate::header($answer, 'X-Status');
}
