#!/usr/bin/perl

# The three algorithms that the login service signs with, each the whole way;
# two of them side by side, with the same users' names and nothing in common.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(decode_jwt);
use JSON::PP;
use Test::More;

use Gate;

my %gates = (
    RS256 => Gate->new(settings => { ALGORITHM => 'RS256' }),
    HS256 => Gate->new(settings => { ALGORITHM => 'HS256',
        SECRET_KEY => 'Nf3x9Qw7Zr2Lk8Tp5Vb1Yc6Hd4Gj0Ms-uA' }),
    ES256 => Gate->new,
);
my %token;

for my $alg (sort keys %gates) {
    my $gate = $gates{$alg};
    $gate->start_all;
    $gate->add_user('ana', 'correct horse battery', 'reader');

    my $login = $gate->post('/auth/login', { username => 'ana',
        password => 'correct horse battery', delivery => 'token' });
    is($login->{status}, 200, "$alg: a login");
    $token{$alg} = $login->{json}{access_token};

    my $jwks = $gate->get('/.well-known/jwks.json');
    if ($alg eq 'HS256') {
        is_deeply($jwks->{json}, { keys => [] }, "$alg: no key is served");
        unlike($jwks->{raw}, qr/Nf3x9/, "$alg: least of all the secret");
    } else {
        my $claims = decode_jwt(token => $token{$alg},
            kid_keys => $jwks->{json}, accepted_alg => $alg,
            verify_exp => 1);
        is($claims->{iss}, $gate->url, "$alg: Crypt::JWT verifies the token");
        unlike($jwks->{body}, qr/"(?:d|p|q|k)"/, "$alg: public keys only");
    }
    unlike(slurp($gate->login_log), qr/Nf3x9|correct horse/,
        "$alg: the log has no secret");
}

for my $here (sort keys %gates) {
    for my $from (sort keys %gates) {
        my $answer = $gates{$here}->get('/api/whoami',
            Authorization => "Bearer $token{$from}");
        is($answer->{status}, $here eq $from ? 200 : 401,
            "the token of $from at $here");
        next if $here eq $from;
        like($gates{$here}->nginx_says('auth_jwt: '),
            qr/auth_jwt: (?:key|algorithm): /, 'for its key or algorithm');
    }
}

$_->finish for values %gates;
done_testing();


sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return <$file>;
}
