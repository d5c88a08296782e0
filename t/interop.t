#!/usr/bin/perl

# Tokens of every algorithm by another implementation, python3-jwcrypto, which
# writes and orders things in its own way, pass the gateway; with any one bit
# changed none does, nor by another's key.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Gate;
use Secrets qw(note_value);
use Site;
use Token;

my @made = map { JSON::PP->new->decode($_) }
    qx(/usr/bin/python3 $FindBin::Bin/clients/mint_jwcrypto);
my $site = Site->new('each', 'listed');
my $verify = "$ENV{PORTERO_BUILD}/tools/jot-verify";

note_value($_->{key}{k}) for grep { $_->{key}{k} } @made;
my $all = $site->path('run/all.json');
Stack::replace($all, Token::jwks(map { $_->{key} } @made));
my %algs = map { $_->{alg} => 1 } @made;
is(scalar keys %algs, 16, 'every algorithm is there');


# --- through the gateway ----------------------------------------------------

my $listed = 'auth_jwt_algorithms ' . join(' ', sort keys %algs) . ';';
$site->run(keys => 0, server => <<"CONF");
        auth_jwt interop;
        auth_jwt_key_file $all;
        add_header X-Status \$jwt_status always;
        add_header X-Sub \$jwt_claim_sub always;
        location /listed/ { $listed }
        location /each/ { }
CONF

for my $made (@made) {
    my ($alg, $kid) = ($made->{alg}, $made->{key}{kid});

    is(said('/listed/', $made->{token}), '200 ok jwcrypto', "$kid");
    is(said('/each/', $made->{token}),
        $alg eq 'ES256K' ? '401 algorithm ' : '200 ok jwcrypto',
        $alg eq 'ES256K' ? '  only where it is listed' : '  by default too');

    # The same header, claims and key's name with another's signature.

    my ($other) = grep { $_->{alg} eq $alg && $_ != $made } @made;
    my @part = split /\./, $made->{token};
    my $sig = (split /\./, ($other // $made)->{token})[2];
    $sig = reverse $sig unless $other;
    like(said('/listed/', join '.', @part[0, 1], $sig),
        qr/^401 (?:signature|malformed) $/, '  not with another signature');
}


# --- any one bit ------------------------------------------------------------

for my $made (@made) {
    my $keys = $site->path('run/one.json');
    Stack::replace($keys, Token::jwks($made->{key}));

    my $token = $made->{token};
    my @changed;
    for my $i (0 .. length($token) - 1) {
        for my $bit (0 .. 7) {
            my $copy = $token;
            substr($copy, $i, 1) ^= chr 1 << $bit;
            push @changed, $copy if index($copy, "\n") < 0;
        }
    }

    Stack::replace($site->path('run/tokens'), join "\n", $token, @changed, '');
    my ($first, @others) = map { chomp; $_ }
        qx($verify $keys @{[ time ]} < @{[ $site->path('run/tokens') ]});
    my %said;
    $said{(split /\t/)[0]}++ for @others;

    like($first, qr/^ok\t/, "$made->{key}{kid}: as it was");
    is(@others, @changed, '  all were judged');
    is(join(' ', grep { !/^(?:malformed|algorithm|key|signature)$/ }
        sort keys %said), '', '  with any one bit changed: refused');
    cmp_ok($said{signature}, '>', 100, '  most of them by their signature');
}

$site->finish;
done_testing();


sub said {
    my ($path, $token) = @_;
    my $answer = $site->ask("${path}file.html", $token);
    return join ' ', $answer->{status}, map { Gate::header($answer, $_) }
        'X-Status', 'X-Sub';
}
