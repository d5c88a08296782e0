#!/usr/bin/perl

# What is remembered of a token for one location is for that location: many with
# other rules and other identity headers, more than are noted for one token, in
# any order, give each its own; and with little room nothing is mixed up either.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Site;
use Token;

use constant { PLACES => 7, USERS => 40 };

my $site = Site->new(map { "p$_" } 0 .. PLACES - 1);
my %user = map { my $u = $_; ($u => $site->token(sub => "user$u",
    iss => "iss" . $u % 2, map { ("c$_" => "c$_-of-user$u") }
        0 .. PLACES - 1)) } 1 .. USERS;

# Each asks for another claim, and every second one for an issuer.

my $places = join '', map { my $issuer = $_ % 2 ? 'auth_jwt_issuer iss1;' : '';
    "        location /p$_/ { auth_jwt a; $issuer
            auth_jwt_identity_header X-Own c$_;
            auth_jwt_identity_header X-User sub;
            auth_jwt_identity_header X-None nothing;
            add_header X-Got \"\$http_x_own|\$http_x_user|\$http_x_none\"; }\n" }
    0 .. PLACES - 1;

for my $cache ('', 'auth_jwt_token_cache 4096 size=64k;',
               'auth_jwt_token_cache 10;', 'auth_jwt_token_cache off;') {
    my $conf = $site->conf(http => $cache, server => $places);
    $conf =~ s/worker_processes auto/worker_processes 1/;
    $site->start_nginx($conf);

    srand 7;
    my %wrong;
    for (1 .. 1500) {
        my ($u, $p) = (1 + int rand USERS, int rand PLACES);
        my $answer = $site->ask("/p$p/file.html", $user{$u},
            'X-Own' => 'forged', 'X-User' => 'forged', 'X-None' => 'forged');
        my $refused = $p % 2 && $u % 2 == 0;
        my $expected = $refused ? '401 '
                                : "200 c$p-of-user$u|user$u|";
        my $got = "$answer->{status} " . Gate::header($answer, 'X-Got');
        $wrong{"p$p user$u: $got, not $expected"}++ if $got ne $expected;
    }
    is(join("\n", sort keys %wrong), '', 'each place its own, with "'
        . ($cache || 'the cache as it is') . '"');
    $site->stop_part('nginx');
}

$site->finish;
done_testing();
