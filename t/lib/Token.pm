package Token;

# Keys and tokens by Crypt::JWT, another implementation than ours.

use strict;
use warnings;

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use Crypt::PK::RSA;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);

my %CURVE = (ES256 => 'nistp256', ES384 => 'nistp384', ES512 => 'nistp521');


sub key {
    my ($alg) = @_;

    return join '', map { chr 33 + int rand 90 } 1 .. 64 if $alg =~ /^HS/;
    if ($alg =~ /^[RP]S/) {
        my $key = Crypt::PK::RSA->new;
        $key->generate_key(256, 65537);
        return $key;
    }
    my $key = Crypt::PK::ECC->new;
    $key->generate_key($CURVE{$alg});
    return $key;
}


# The public JWK of a key, or the "oct" one.

sub jwk {
    my ($key, %more) = @_;

    return { kty => 'oct', k => encode_base64url($key), %more } unless ref $key;
    return { %{ JSON::PP->new->decode($key->export_key_jwk('public')) },
             %more };
}


sub jwks { return JSON::PP->new->canonical->encode({ keys => [@_] }) }


# _typ is the header's.

sub mint {
    my ($alg, $key, $kid, %claims) = @_;

    my %all = (sub => 'alice', exp => time + 600, %claims);
    my $typ = delete $all{_typ};
    delete $all{$_} for grep { !defined $all{$_} } keys %all;
    return encode_jwt(payload => \%all, alg => $alg, key => $key,
        extra_headers => { defined $kid ? (kid => $kid) : (),
                           defined $typ ? (typ => $typ) : () });
}


# Any header and payload, and a signature of anybody's.

sub raw {
    my ($header, $payload, $signature) = @_;
    return join '.', (map { encode_base64url($_) } $header, $payload),
        encode_base64url($signature // '');
}


1;
