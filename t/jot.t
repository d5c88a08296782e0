#!/usr/bin/perl

# Tokens and keys against another implementation: what Crypt::JWT signs, jot
# verifies, and the other way round; and what an attacker may try with them.

use strict;
use warnings;

use Crypt::JWT qw(encode_jwt decode_jwt);
use Crypt::Mac::HMAC qw(hmac);
use Crypt::PK::ECC;
use Crypt::PK::Ed25519;
use Crypt::PK::RSA;
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);
use Test::More;

my $build = $ENV{PORTERO_BUILD} || 'build';
my $dir = tempdir(CLEANUP => 1);
my $json = JSON::PP->new->canonical;
our $now = 1_700_000_000;


# Judges tokens with a set of keys.  Returns an array of "status: detail" and
# one of warnings; or, for a set that is refused, its reason alone.

sub judge {
    my ($keys, $tokens, @algs) = @_;

    write_file("$dir/keys", ref $keys ? $json->encode({ keys => $keys })
                                      : $keys);
    write_file("$dir/tokens", join '', map { "$_\n" } @$tokens);

    my @lines = `$build/tools/jot-verify $dir/keys $now @algs < $dir/tokens`;
    my (@results, @warnings);

    for (@lines) {
        chomp;
        my ($word, $text) = split /\t/, $_, 2;

        return $text if $word eq 'refused';

        if ($word eq 'warning') {
            push @warnings, $text;

        } else {
            push @results, $text eq '' ? $word : "$word: $text";
        }
    }

    return (\@results, \@warnings);
}


sub verdict {
    my ($keys, $token, @algs) = @_;
    my ($results) = judge($keys, [$token], @algs);

    return ref $results ? $results->[0] : "refused: $results";
}


sub write_file {
    my ($path, $text) = @_;

    open my $file, '>:raw', $path or die "$path: $!";
    print $file $text;
    close $file;
}


sub token {
    my ($alg, $key, %args) = @_;

    return encode_jwt(
        alg => $alg, key => $key,
        payload => $args{payload} || { sub => 'ana', exp => $now + 60 },
        extra_headers => $args{header} || {},
        allow_none => 1,
    );
}


# A token of any two texts, signed by a function.

sub raw_token {
    my ($header, $payload, $sign) = @_;
    my $input = encode_base64url($header) . '.' . encode_base64url($payload);

    return "$input." . encode_base64url($sign->($input));
}


sub hs256 {
    my ($secret) = @_;

    return sub { hmac('SHA256', $secret, $_[0]) };
}


sub jwk {
    my ($key, %more) = @_;
    my $jwk = $key->export_key_jwk('public', 1);

    # CryptX calls it by the name of an early draft.
    $jwk->{crv} = 'secp256k1' if ($jwk->{crv} || '') eq 'P-256K';

    return { %$jwk, %more };
}


sub rsa {
    my $key = Crypt::PK::RSA->new;

    $key->generate_key($_[0] / 8, $_[1] || 65537);
    return $key;
}


sub ec {
    my $key = Crypt::PK::ECC->new;

    $key->generate_key($_[0]);
    return $key;
}


my $secret = join '', map { chr(33 + $_) } 0 .. 63;
my $rsa = rsa(2048);
my $other_rsa = rsa(2048);
my $ed = Crypt::PK::Ed25519->new->generate_key;
my $other_ed = Crypt::PK::Ed25519->new->generate_key;
my $oct = { kty => 'oct', k => encode_base64url($secret) };
my $other_oct = { kty => 'oct', k => encode_base64url('x' x 64) };

my %curve = (
    ES256 => 'secp256r1', ES384 => 'secp384r1', ES512 => 'secp521r1',
    ES256K => 'secp256k1',
);
my %ec = map { $_ => ec($curve{$_}) } keys %curve;
my %other_ec = map { $_ => ec($curve{$_}) } keys %curve;

# alg => [ key that signs, JWK, JWK of another key of that type ]

my %keys = (
    (map { $_ => [$secret, $oct, $other_oct] } qw(HS256 HS384 HS512)),
    (map { $_ => [$rsa, jwk($rsa), jwk($other_rsa)] }
         qw(RS256 RS384 RS512 PS256 PS384 PS512)),
    (map { $_ => [$ec{$_}, jwk($ec{$_}), jwk($other_ec{$_})] } keys %ec),
    EdDSA => [$ed, jwk($ed), jwk($other_ed)],
);
my @algs = sort keys %keys;


subtest 'vectors of the RFCs' => sub {
    my $vectors = do {
        local (@ARGV, $/) = 't/data/jws.json';
        decode_json(<>);
    };

    local $now = 1300819379;

    for my $v (@$vectors) {
        my $good = $v->{status} eq 'ok' ? 'ok' : 'malformed: not JSON';

        is(verdict([$v->{key}], $v->{token}), $good, $v->{name});

        (my $bad = $v->{token}) =~ s/(.)(?=..\z)/$1 eq 'A' ? 'B' : 'A'/e;
        is(verdict([$v->{key}], $bad), 'signature: not made by the key',
           '  with another signature');

        ($bad = $v->{token}) =~ s/(?<=.\.)(.)/$1 eq 'A' ? 'B' : 'A'/e;
        is(verdict([$v->{key}], $bad), 'signature: not made by the key',
           '  with another payload');
    }

    $now++;
    is(verdict([$vectors->[0]{key}], $vectors->[0]{token}),
       'expired: exp has passed', 'a second later');
};


subtest 'every algorithm' => sub {
    for my $alg (@algs) {
        my ($key, $jwk, $other) = @{ $keys{$alg} };
        my $token = token($alg, $key);

        is(verdict([$jwk], $token), 'ok', $alg);
        is(verdict([{ %$jwk, alg => $alg }], $token), 'ok', '  of its key');
        is(verdict([$jwk], $token, $alg), 'ok', '  alone allowed');
        is(verdict([$jwk], $token, grep { $_ ne $alg } @algs),
           'algorithm: alg is not allowed here', '  alone not allowed');
        is(verdict([$other], $token), 'signature: not made by the key',
           '  by another key');
        is(verdict([$other, $jwk], $token), 'ok', '  by the second key');
        is(verdict([{ %$jwk, kid => 'a' }],
                   token($alg, $key, header => { kid => 'b' })),
           'key: no key has this kid', '  with another kid');
    }
};


subtest 'Ed448, and the names of RFC 9864' => sub {
    my ($results) = judge([jwk($ed), jwk($ed, alg => 'Ed25519', kid => 'n')], [
        raw_token('{"alg":"Ed25519"}', qq({"exp":$now.5}),
                  sub { $ed->sign_message($_[0]) }),
        raw_token('{"alg":"EdDSA","kid":"n"}', qq({"exp":$now.5}),
                  sub { $ed->sign_message($_[0]) }),
        raw_token('{"alg":"Ed448"}', qq({"exp":$now.5}),
                  sub { $ed->sign_message($_[0]) }),
    ]);

    is_deeply($results, ['ok', "algorithm: alg is not the key's",
                         'key: no key does this alg'], 'Ed25519');

    system("openssl genpkey -algorithm ED448 -out $dir/ed448.pem") == 0
        or die 'openssl genpkey';
    my $der = `openssl pkey -in $dir/ed448.pem -pubout -outform DER`;
    my $jwk = { kty => 'OKP', crv => 'Ed448',
                x => encode_base64url(substr $der, -57) };

    my $sign = sub {
        write_file("$dir/input", $_[0]);
        my $command = 'openssl pkeyutl -sign -rawin -in input -inkey ed448.pem';
        return scalar `cd $dir && $command`;
    };

    for my $alg (qw(EdDSA Ed448)) {
        my $token = raw_token(qq({"alg":"$alg"}), qq({"exp":$now.5}), $sign);

        is(verdict([$jwk], $token), 'ok', "Ed448 as $alg");
        is(verdict([jwk($ed)], $token),
           $alg eq 'EdDSA' ? 'signature: not made by the key'
                           : 'key: no key does this alg',
           '  by an Ed25519 key');
    }
};


subtest 'a token with any one bit changed' => sub {
    for my $alg (qw(HS256 RS256 PS256 ES256 ES512 EdDSA)) {
        my ($key, $jwk) = @{ $keys{$alg} };
        my $token = token($alg, $key, payload => { exp => $now + 60 });
        my @changed;

        for my $i (0 .. length($token) - 1) {
            for my $bit (0 .. 7) {
                my $copy = $token;
                substr($copy, $i, 1) ^= chr(1 << $bit);
                push @changed, $copy if index($copy, "\n") < 0;
            }
        }

        my ($results) = judge([$jwk], [$token, @changed]);

        is(shift @$results, 'ok', "$alg: as it was");
        is(scalar @$results, scalar @changed, '  all were judged');
        is(scalar(grep { !/^(malformed|algorithm|key|signature): / } @$results),
           0, '  changed: each is refused');
        ok((grep { $_ eq 'signature: not made by the key' } @$results) > 100,
           '  most of them by their signature');
        is(scalar(grep { /queue/ } @$results), 0,
           "  and OpenSSL's error queue is empty");
    }
};


# The classic: a public key used as the secret of an HMAC.

subtest 'one type of key for another' => sub {
    my $rsa_pem = $rsa->export_key_pem('public_x509');
    my $ec_pem = $ec{ES256}->export_key_pem('public_short');
    my @secrets = (
        $rsa_pem, $rsa_pem =~ s/\n\z//r, $rsa->export_key_pem('public'),
        $rsa->export_key_der('public'), decode_base64url(jwk($rsa)->{n}),
        jwk($rsa)->{n}, $json->encode(jwk($rsa)),
        $ec_pem, $ec{ES256}->export_key_der('public'),
        $ec{ES256}->export_key_raw('public'), $json->encode(jwk($ec{ES256})),
        "\0" x 32,         # the same as an empty one
    );
    my $set = [jwk($rsa, kid => 'r'), jwk($ec{ES256}, kid => 'e')];

    for my $i (0 .. $#secrets) {
        my ($results) = judge($set, [
            raw_token('{"alg":"HS256"}', '{}', hs256($secrets[$i])),
            raw_token('{"alg":"HS256","kid":"r"}', '{}', hs256($secrets[$i])),
            raw_token('{"alg":"HS256","kid":"e"}', '{}', hs256($secrets[$i])),
        ]);

        is_deeply($results, ['key: no key does this alg',
                             ("algorithm: alg is not the key's") x 2],
                  "an HMAC with public text $i");
    }

    for my $alg (@algs) {
        my $token = token($alg, $keys{$alg}[0]);
        my (undef, $payload, $sig) = split /\./, $token;
        my @others = map {
            encode_base64url(qq({"alg":"$_"})) . ".$payload.$sig"
        } grep { $_ ne $alg } @algs;
        my ($results) = judge([map { $keys{$_}[1] } @algs[0 .. $#algs]],
                              \@others);

        is(scalar(grep { !/^signature: / } @$results), 0,
           "$alg: its signature under the other names");
    }

    is(verdict([{ %{ jwk($rsa) }, alg => 'RS256', kid => 'r' }],
               token('PS256', $rsa, header => { kid => 'r' })),
       "algorithm: alg is not the key's", 'PS256 with a key for RS256');
    is(verdict([{ %{ jwk($rsa) }, alg => 'RS256', kid => 'r' }],
               token('RS512', $rsa, header => { kid => 'r' })),
       "algorithm: alg is not the key's", 'RS512 with a key for RS256');
};


subtest 'none' => sub {
    my @spellings = ('none', 'None', 'NONE', 'nOnE', ' none', 'none ', '',
                     "none\\u0000", '\\u006eone', 'null', 'HS256,none');

    for my $alg (@spellings) {
        my $token = encode_base64url(qq({"alg":"$alg"})) . '.'
                    . encode_base64url(qq({"exp":$now.5}));
        my ($results) = judge([$oct, jwk($rsa)],
                              ["$token.", "$token.AAAA", $token]);

        is($results->[0], $alg =~ /0000/ ? 'malformed: JSON has a NUL character'
                                         : 'algorithm: alg is unknown',
           "\"$alg\"");
        is($results->[1], $results->[0], '  with a signature');
        like($results->[2], qr/^malformed: not three parts/, '  with one dot');
    }

    is(verdict([$oct], token('none', undef)), 'algorithm: alg is unknown',
       'as Crypt::JWT makes it');
};


subtest 'lengths of signatures' => sub {
    for my $alg (@algs) {
        my ($key, $jwk) = @{ $keys{$alg} };
        my ($input, $sig) = token($alg, $key) =~ /\A(.*)\.(.*)\z/;
        my $bytes = decode_base64url($sig);
        my @wrong = ('', substr($bytes, 0, -1), substr($bytes, 1),
                     "$bytes\0", "\0$bytes", $bytes x 2,
                     substr($bytes, 0, length($bytes) / 2), "\0" x 2048,
                     "\0" x length $bytes, "\xff" x length $bytes);
        my @tokens = map { "$input." . encode_base64url($_) } @wrong;
        my ($results) = judge([$jwk], \@tokens);

        is_deeply($results, [('signature: not made by the key') x @wrong],
                  $alg);
    }

    # One PSS signature in 256 begins with a zero, and OpenSSL would take it
    # without.  So it would take two texts as one signature.

    my ($input, $sig);

    for (1 .. 5000) {
        ($input, $sig) = token('PS256', $rsa) =~ /\A(.*)\.(.*)\z/;
        last if $sig =~ /\AA[A-D]/;
    }

    my $bytes = decode_base64url($sig);

    is(ord $bytes, 0, 'a PSS signature that begins with a zero');
    is(verdict([jwk($rsa)], "$input.$sig"), 'ok', '  is good');
    is(verdict([jwk($rsa)], "$input." . encode_base64url(substr $bytes, 1)),
       'signature: not made by the key', '  without it is not');
};


subtest 'PSS with another salt' => sub {
    for my $salt (0, 20, 31, 33, 64) {
        my $token = raw_token('{"alg":"PS256"}', qq({"exp":$now.5}),
            sub { $rsa->sign_message($_[0], 'SHA256', 'pss', $salt) });

        is(verdict([jwk($rsa)], $token), 'signature: not made by the key',
           "of $salt bytes");
    }

    is(verdict([jwk($rsa)], raw_token('{"alg":"PS256"}', qq({"exp":$now.5}),
           sub { $rsa->sign_message($_[0], 'SHA256', 'pss', 32) })), 'ok',
       'of 32 bytes, as it has to be');
};


subtest 'JSON that two parsers might read in two ways' => sub {
    my $deep = sub { '{"a":' . '[' x $_[0] . ']' x $_[0] . '}' };
    my $good = qq("exp":$now.5);
    my @cases = (
        ['{"alg":"HS256"}', qq({$good}), 'ok'],
        ["{\"alg\":\"HS256\",\"alg\":\"none\"}", qq({$good}),
         'malformed: JSON has a member twice'],
        ['{"alg":"HS256"}', qq({"exp":1,$good}),
         'malformed: JSON has a member twice'],
        ['{"alg":"HS256"}', qq({$good,"\\u0065xp":1}),
         'malformed: JSON has a member twice'],
        ['{"alg":"HS256"}', qq({$good,"sub":"ana\\u0000"}),
         'malformed: JSON has a NUL character'],
        ['{"alg":"HS256"}', qq({$good,"sub":"\xe9"}),
         'malformed: JSON is not UTF-8'],
        ['{"alg":"HS256"}', qq({$good,"sub":"\xc0\xaf"}),
         'malformed: JSON is not UTF-8'],
        ['{"alg":"HS256"}', qq({$good,"sub":"\xed\xa0\x80"}),
         'malformed: JSON is not UTF-8'],
        ["\xef\xbb\xbf{\"alg\":\"HS256\"}", qq({$good}), 'malformed: not JSON'],
        ['{"alg":"HS256"}', qq({$good}{}),
         'malformed: something follows the JSON text'],
        ['{"alg":"HS256"}', qq({$good,}), 'malformed: not JSON'],
        ['{"alg":"HS256"}', qq([$now]), 'malformed: not a JSON object'],
        ['{"alg":"HS256"}', $deep->(15), 'expired: exp is missing'],
        ['{"alg":"HS256"}', $deep->(16), 'malformed: nested too deep'],
        ['{"alg":"HS256"}', $deep->(5000), 'malformed: nested too deep'],
        ['{"alg":"HS256"}', '[' x 10000, 'malformed: nested too deep'],
        ['{"alg":"HS256","a":' . '[' x 10000, '{}',
         'malformed: nested too deep'],
        ['{"alg":"HS256"}', qq({$good,"a":") . 'a' x 11_000 . '"}', 'ok'],
        ['{"alg":"HS256"}', qq({$good,"a":") . 'a' x 12_300 . '"}',
         'malformed: longer than 16384 bytes'],
        ['{"alg":"HS256"}', qq({$good,"a":") . 'a' x 100_000 . '"}',
         'malformed: longer than 16384 bytes'],
        ['{"alg":"HS256"}', '{"exp":1e999}',
         'malformed: JSON has a number that is too large'],
        ['{"alg":"HS256","crit":["b64"],"b64":false}', qq({$good}),
         'malformed: header has crit or b64'],
        ['{"alg":"HS256","crit":[]}', qq({$good}),
         'malformed: header has crit or b64'],
        ['{"alg":"HS256","kid":["a"]}', qq({$good}),
         'malformed: kid is not a string'],
        ['{"alg":["HS256"]}', qq({$good}),
         'malformed: alg is missing, or not a string'],
        ['{"alg":"HS256","jwk":' . $json->encode($other_oct) . '}', qq({$good}),
         'ok'],
    );
    my ($results) = judge([$oct], [map {
        raw_token($_->[0], $_->[1], hs256($secret))
    } @cases]);

    for my $i (0 .. $#cases) {
        is($results->[$i], $cases[$i][2],
           substr("$cases[$i][0] $cases[$i][1]", 0, 60)
           =~ s/[^\x20-\x7e]/?/gr);
    }

    # A key that the token brings itself.

    my $evil = rsa(2048);

    is(verdict([jwk($rsa)],
               token('RS256', $evil,
                     header => { jwk => jwk($evil), jku => 'http://127.0.0.1/',
                                 x5u => 'file:///dev/null' })),
       'signature: not made by the key', 'its own key in jwk');
};


subtest 'key sets' => sub {
    my ($results, $warnings) = judge(
        [$rsa->export_key_jwk('private', 1), jwk($ec{ES256}, use => 'enc'),
         { %$oct, kid => "a\nb\"" , k => 'AAAA' }, jwk($ed)],
        [token('RS256', $rsa), token('EdDSA', $ed), token('ES256', $ec{ES256})]
    );

    is_deeply($results, ['ok', 'ok', 'key: no key does this alg'],
              'what can be used is used');
    is_deeply($warnings, [
        'key 1 holds its private part, which is ignored and does not belong '
        . 'here',
        'key 2 is not used: use is not "sig"',
        'key 3 (kid "a\x0ab\x22") is not used: k is shorter than the hash '
        . '(RFC 7518, 3.2)',
    ], 'and what cannot is named');

    is(judge([jwk($rsa, kid => 'a'), jwk($other_rsa, kid => 'a')], []),
       'key 2 (kid "a") has the kid of another RSA', 'one kid, two keys');
    is(judge([jwk(rsa(1024))], []), 'none of its 1 keys is usable',
       'RSA of 1024 bits');
    is(judge($rsa->export_key_pem('public'), []), 'not JSON, line 1', 'a PEM');
    is(judge("{\"keys\":[\n\n{]}", []), 'not JSON, line 3', 'a line is named');
    is(judge('', []), 'JSON ends too early, line 1', 'an empty file');
    is(judge(' ' x 300_000, []), '300000 bytes, more than 262144',
       'a huge file');
    is(judge([($oct) x 257], []), '257 keys, more than 256', 'many keys');

    my $rsa3 = rsa(2048, 3);

    is(verdict([jwk($rsa3)], token('RS256', $rsa3)), 'ok', 'e is 3');
};


subtest 'what jot signs' => sub {
    for my $alg (grep { !/^HS|K$|EdDSA/ } @algs) {
        write_file("$dir/payloads",
                   join '', map { qq({"n":$_,"exp":9999999999}\n) } 1 .. 20);
        my @lines = `$build/tools/jot-sign $alg - < $dir/payloads`;
        my $pem = join '', splice @lines, 0,
                  1 + (grep { $lines[$_] =~ /^-----END/ } 0 .. $#lines)[0];
        my $jwk = decode_json(shift @lines);
        my $key = $alg =~ /^E/ ? Crypt::PK::ECC->new(\$pem)
                               : Crypt::PK::RSA->new(\$pem);

        is($jwk->{kid}, $key->export_key_jwk_thumbprint('SHA256'),
           "$alg: kid is the thumbprint");
        is_deeply({ map { $_ => $jwk->{$_} } keys %{ jwk($key) } }, jwk($key),
                  '  the JWK is the key');
        is("$jwk->{alg} $jwk->{use}", "$alg sig", '  with alg and use');

        my @payloads = map {
            chomp;
            eval { decode_jwt(token => $_, key => $jwk)->{n} } // $@
        } @lines;

        is_deeply(\@payloads, [1 .. 20], '  its tokens are good');
    }

    # Keys as openssl has written them over the years.

    for my $case (
        ['EC with its parameters', 'ES256',
         'ecparam -name prime256v1 -genkey'],
        ['EC', 'ES384', 'ecparam -name secp384r1 -genkey -noout'],
        ['PKCS #8', 'ES512',
         'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521'],
        ['RSA', 'RS256', 'genrsa -traditional 2048'],
        ['RSA in PKCS #8', 'PS512', 'genrsa 2048'],
    ) {
        my ($name, $alg, $command) = @$case;

        system("openssl $command > $dir/key.pem 2> /dev/null") == 0
            or die "openssl $command";
        write_file("$dir/payloads", qq({"n":1}\n));
        my ($jwk, $token) =
            `$build/tools/jot-sign $alg $dir/key.pem < $dir/payloads`;

        like($jwk, qr/^\{/, "$name is read");
        is(eval { decode_jwt(token => $token =~ s/\n//r,
                             key => decode_json($jwk))->{n} }, 1,
           '  and signs');
    }

    for my $case (
        ['another curve', 'ES256', 'an EC key on another curve',
         'ecparam -name brainpoolP256r1 -genkey -noout'],
        ['a passphrase', 'RS256', 'not an unencrypted private key in PEM',
         'genrsa -aes128 -passout pass:secret 2048'],
    ) {
        my ($name, $alg, $reason, $command) = @$case;

        system("openssl $command > $dir/key.pem 2> /dev/null") == 0
            or die "openssl $command";
        is(`$build/tools/jot-sign $alg $dir/key.pem < /dev/null`,
           "refused\t$reason (it is to sign with $alg)\n", "refused: $name");
    }
};


done_testing();
