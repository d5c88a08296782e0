package Resign;

# An access token with other claims or another header, signed by Crypt::JWT
# with the service's own key: what only a judgement of the claims can refuse.
#
#     my $late = resign($gate, $access, { exp => time - 60 });
#     my $kind = resign($gate, $access, {}, { typ => 'JWT' });
#
# A claim that is undef is left out.

use strict;
use warnings;

use Crypt::JWT qw(decode_jwt encode_jwt);
use Crypt::PK::ECC;
use Exporter 'import';

our @EXPORT_OK = qw(opened resign);


# Its header and its claims.

sub opened {
    my ($access) = @_;

    return decode_jwt(token => $access, ignore_signature => 1,
        decode_header => 1, verify_exp => 0);
}


sub resign {
    my ($gate, $access, $claims, $headers) = @_;

    my ($header, $payload) = opened($access);
    my %payload = (%$payload, %{ $claims || {} });
    delete @payload{ grep { !defined $payload{$_} } keys %payload };

    return encode_jwt(payload => \%payload, alg => 'ES256',
        key => own_key($gate, $header->{kid}),
        extra_headers => { kid => $header->{kid}, typ => $header->{typ},
                           %{ $headers || {} } });
}


sub own_key {
    my ($gate, $kid) = @_;

    my ($jwk) = grep { $_->{kid} eq $kid }
        @{ $gate->get('/.well-known/jwks.json')->{json}{keys} };

    for my $path (glob $gate->path('keys') . '/*.pem') {
        my $key = Crypt::PK::ECC->new($path);
        return $key if $key->export_key_jwk('public', 1)->{x} eq $jwk->{x};
    }
    die "the service's key $kid is not there\n";
}


1;
