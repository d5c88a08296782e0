#!/usr/bin/perl

# What an attacker may try with a token: each attempt is refused, and for the
# reason that it should be refused for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use Crypt::Mac::HMAC qw(hmac);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use Gate;
use Token;

my $es = Token::key('ES256');
my $rsa = Token::key('RS256');
my $evil = Token::key('ES256');
my $secret = Token::key('HS256');

my $gate = Gate->new;
$gate->create_folders;
Stack::replace($gate->path('run/public.json'), Token::jwks(
    Token::jwk($es, kid => 'k'), Token::jwk($rsa, kid => 'r')));
Stack::replace($gate->path('run/all.json'), Token::jwks(
    Token::jwk($es, kid => 'k'), Token::jwk($rsa, kid => 'r'),
    Token::jwk($secret, kid => 'h')));
Stack::replace($gate->path('web/file.html'), "inside\n");

$gate->start_nginx(<<"CONF");
@{[ $gate->nginx_preamble ]}
events {}
http {
    access_log off;
    large_client_header_buffers 4 64k;
@{[ $gate->nginx_http_preamble ]}
    auth_jwt_key_file $gate->{data}/run/public.json;
    server {
        listen 127.0.0.1:$gate->{port};
        add_header X-Status \$jwt_status always;
        location / { alias $gate->{data}/web/; auth_jwt a; }
        location /all/ {
            alias $gate->{data}/web/;
            auth_jwt a;
            auth_jwt_key_file $gate->{data}/run/all.json;
        }
        location /long/ {
            alias $gate->{data}/web/;
            auth_jwt a;
            auth_jwt_leeway 9223372036854775807s;
        }
        location /cookie/ {
            alias $gate->{data}/web/;
            auth_jwt a;
            auth_jwt_token_from header cookie=access;
        }
        location /user/ {
            alias $gate->{data}/web/;
            auth_jwt a;
            auth_jwt_identity_header X-User sub;
        }
    }
}
CONF

my $soon = time + 600;
my $good = signed(qq({"exp":$soon}));
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $!\n";
my $url = 'http://127.0.0.1:' . $listener->sockport . '/keys.json';

is(ask($good)->{status}, 200, 'a good token passes');


subtest 'none, in every spelling' => sub {
    my ($header, $payload, $signature) = split /\./, $good;

    for my $alg ('none', 'None', 'NONE', 'nOnE', ' none', "none ", 'none\t',
                 '\u006eone', '', 'null', 'ES256 ', 'es256', 'none,ES256') {
        my $input = join '.', map { encode_base64url($_) }
            qq({"alg":"$alg","kid":"k"}), qq({"exp":$soon});

        refused(qq("$alg" without a signature), "$input.", 'algorithm',
            'alg is unknown');
        refused(qq("$alg" with one), "$input.$signature", 'algorithm',
            'alg is unknown');
    }
    refused('alg null', Token::raw('{"alg":null}', '{}'), 'malformed',
        'alg is missing, or not a string');
    refused('alg false', Token::raw('{"alg":false}', '{}'), 'malformed',
        'alg is missing');
    refused('no alg', Token::raw('{"kid":"k"}', '{}'), 'malformed',
        'alg is missing');
    refused('ALG', Token::raw('{"ALG":"ES256","kid":"k"}', '{}'), 'malformed',
        'alg is missing');
    refused('without its signature', "$header.$payload.", 'signature',
        'not made by the key');
};


subtest 'a public key as the secret of an HMAC' => sub {
    my %public = (r => $rsa, k => $es);

    for my $kid (sort keys %public) {
        my $key = $public{$kid};
        my $type = $kid eq 'r' ? 'public_x509' : 'public';
        my @texts = ($key->export_key_pem($type), $key->export_key_der('public'),
            $key->export_key_jwk('public'),
            $key->export_key_pem($type) =~ s/\n\z//r);

        for my $i (0 .. $#texts) {
            for my $alg (qw(HS256 HS384 HS512)) {
                my $token = forged($alg, $texts[$i], $kid);

                refused("$alg, kid $kid, text $i", $token, 'algorithm',
                    'alg is not allowed here');
                refused("$alg, kid $kid, text $i, where HS is allowed", $token,
                    'algorithm', q(alg is not the key's), '/all/');
                refused("$alg, no kid, text $i, where HS is allowed",
                    forged($alg, $texts[$i]), 'signature',
                    'not made by the key', '/all/');
            }
        }
    }
    refused('RS256 by a key for EC', signed('{}', header('RS256', 'k')),
        'algorithm', q(alg is not the key's));
    refused('ES256 by a key for RSA', signed('{}', header('ES256', 'r')),
        'algorithm', q(alg is not the key's));
    refused('ES384 on P-256', signed('{}', header('ES384', 'k')), 'algorithm',
        q(alg is not the key's));
    refused('ES256K, which nobody listed', signed('{}', header('ES256K', 'k')),
        'algorithm', 'alg is not allowed here');
};


subtest 'a key that the token brings along' => sub {
    my $jwk = JSON::PP->new->canonical->encode(Token::jwk($evil, kid => 'e'));
    my %member = (
        jwk => $jwk, jku => qq("$url"), x5u => qq("$url"),
        x5c => '["' . ('MIIB' x 30) . '"]', 'x5t#S256' => '"AAAA"',
        jwks => qq({"keys":[$jwk]}), key => $jwk,
    );

    for my $name (sort keys %member) {
        my $more = qq(,"$name":$member{$name});

        refused("$name, and the kid of ours",
            signed(qq({"exp":$soon}), header('ES256', 'k', $more), $evil),
            'signature', 'not made by the key');
        refused("$name, and a kid of its own",
            signed(qq({"exp":$soon}), header('ES256', 'e', $more), $evil),
            'key', 'no key has this kid');
        refused("$name, without a kid",
            signed(qq({"exp":$soon}), header('ES256', undef, $more), $evil),
            'signature', 'not made by the key');
    }
    ok(!IO::Select->new($listener)->can_read(0), 'nobody was asked for a key');
};


subtest 'kid' => sub {
    my @kids = ('/dev/null', '../../../../dev/null', 'public.json',
        "$gate->{data}/run/public.json", "file://$gate->{data}/run/public.json",
        $url, q(k' OR '1'='1), q('; DROP TABLE keys; --), '', ' k', 'k ', 'K',
        'k' x 10240, '%6b', '|id', '$(id)', '*', '\\\\');

    refused('kid ' . substr($_, 0, 40),
        signed(qq({"exp":$soon}), header('ES256', $_)), 'key',
        'no key has this kid') for @kids;
    refused('kid with a NUL', signed('{}', header('ES256', 'k\u0000')),
        'malformed', 'JSON has a NUL character');
    refused("kid $_", signed('{}', qq({"alg":"ES256","kid":$_})), 'malformed',
        'kid is not a string') for '1', 'null', '["k"]', '{"k":1}', 'true';

    my $line = refused('kid with a line of the log',
        signed('{}', header('ES256', 'a\r\nauth_jwt: ok: \"\u001b[2J')), 'key',
        'no key has this kid');
    unlike($line, qr/[\x00-\x1f\x7f]/, 'is escaped there');
    is(ask(signed(qq({"exp":$soon}), header('ES256', '\u006b')))->{status},
        200, 'an escaped letter is that letter');
};


subtest 'r and s' => sub {
    my $n = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    my ($input, $signature) = $good =~ /\A(.*)\.(.*)\z/;
    my ($r, $s) = unpack 'a32a32', decode_base64url($signature);
    my %bad = (zero => "\0" x 32, one => ("\0" x 31) . "\1",
        'the order' => pack('H*', $n), 'all ones' => "\xff" x 32,
        'one above the order' => pack('H*', $n =~ s/551\z/552/r));

    for my $name (sort keys %bad) {
        my $value = $bad{$name};
        refused("r is $name", "$input." . encode_base64url($value . $s),
            'signature', 'not made by the key');
        refused("s is $name", "$input." . encode_base64url($r . $value),
            'signature', 'not made by the key');
        refused("both are $name", "$input." . encode_base64url($value x 2),
            'signature', 'not made by the key');
    }
    my %length = ('a byte short' => substr($r . $s, 0, 63),
        'a byte long' => "$r$s\0", 'a zero before each' => "\0$r\0$s",
        'half of it' => $r, 'twice' => "$r$s$r$s", 'empty' => '',
        'as DER' => $es->sign_message($input, 'SHA256'));

    refused("the signature is $_", "$input." . encode_base64url($length{$_}),
        'signature', 'not made by the key') for sort keys %length;
    is(ask($good)->{status}, 200, 'and the token is still good');
};


subtest 'crit and b64' => sub {
    my %crit = ('known' => '["exp"]', 'unknown' => '["x"]', 'empty' => '[]',
        'b64' => '["b64"]', 'a string' => '"exp"', 'null' => 'null',
        'alg' => '["alg"]', 'twice' => '["x","x"]');

    refused("crit: $_", signed(qq({"exp":$soon}),
        header('ES256', 'k', qq(,"crit":$crit{$_},"x":1))), 'malformed',
        'header has crit or b64') for sort keys %crit;

    for my $more (',"b64":false', ',"b64":true', ',"b64":false,"crit":["b64"]') {
        refused("header with $more",
            signed(qq({"exp":$soon}), header('ES256', 'k', $more)),
            'malformed', 'header has crit or b64');
    }
    my $input = encode_base64url(header('ES256', 'k',
        ',"b64":false,"crit":["b64"]')) . qq(.{"exp":$soon});
    refused('a payload that is not encoded',
        "$input." . encode_base64url(sign($input)), 'malformed', '');
};


subtest 'JSON that could be read in two ways' => sub {
    my $h = '"alg":"ES256","kid":"k"';
    my $p = qq("exp":$soon);
    my $twice = 'JSON has a member twice';
    my @cases = (
        ['alg twice', qq({"alg":"none",$h}), "{$p}", $twice],
        ['alg twice, escaped', qq({$h,"\\u0061lg":"none"}), "{$p}", $twice],
        ['kid twice', qq({$h,"kid":"r"}), "{$p}", $twice],
        ['exp twice', "{$h}", qq({"exp":1,$p}), $twice],
        ['sub twice', "{$h}", qq({$p,"sub":"a","sub":"root"}), $twice],
        ['a member twice within', "{$h}", qq({$p,"a":[{"b":1,"b":2}]}), $twice],
        ['NUL in a value', "{$h}", qq({$p,"sub":"root\\u0000x"}), 'NUL'],
        ['NUL in a name', "{$h}", qq({$p,"sub\\u0000":"root"}), 'NUL'],
        ['NUL as it is', "{$h}", qq({$p,"sub":"root\0"}), 'NUL'],
        ['NUL behind it', "{$h}", qq({$p}\0), 'NUL'],
        ['LF as it is', "{$h}", qq({$p,"sub":"a\nb"}), 'not JSON'],
        ['CR as it is', "{$h}", qq({$p,"sub":"a\rb"}), 'not JSON'],
        ['tab as it is', "{$h}", qq({$p,"sub":"a\tb"}), 'not JSON'],
        ['a byte of Latin-1', "{$h}", qq({$p,"sub":"\xe9"}), 'not UTF-8'],
        ['a long form of /', "{$h}", qq({$p,"sub":"\xc0\xaf"}), 'not UTF-8'],
        ['half of a pair', "{$h}", qq({$p,"sub":"\xed\xa0\x80"}), 'not UTF-8'],
        ['half of a pair, escaped', "{$h}", qq({$p,"sub":"\\ud800"}), ''],
        ['beyond Unicode', "{$h}", qq({$p,"a":"\xf4\x90\x80\x80"}), 'not UTF-8'],
        ['cut off', "{$h}", qq({$p,"sub":"\xf0\x9f\x98"}), 'not UTF-8'],
        ['Latin-1 in the header', qq({$h,"x":"\xe9"}), "{$p}", 'not UTF-8'],
        ['a byte order mark', "\xef\xbb\xbf{$h}", "{$p}", 'not JSON'],
        ['UTF-16', "{$h}", join('', map { "\0$_" } split //, "{$p}"), 'NUL'],
        ['17 levels', "{$h}", qq({$p,"a":) . '[' x 16 . ']' x 16 . '}',
            'nested too deep'],
        ['6,000 levels', "{$h}", '[' x 6000, 'nested too deep'],
        ['6,000 levels of objects', "{$h}", '{"a":' x 2000, 'nested too deep'],
        ['a deep header', qq({$h,"a":) . '[' x 6000, "{$p}", 'nested too deep'],
        ['an array', "{$h}", "[{$p}]", 'not a JSON object'],
        ['a string', "{$h}", '"a"', 'not'],
        ['nothing', "{$h}", '', 'JSON ends too early'],
        ['an array for a header', "[$h]", "{$p}", ''],
        ['two texts', "{$h}", "{$p}{}", 'something follows'],
        ['a comma too many', "{$h}", "{$p,}", 'not JSON'],
        ['a comment', "{$h}", "{$p/**/}", 'not JSON'],
        ['another quote', "{$h}", qq({$p,'sub':'a'}), 'not JSON'],
        ['NaN', "{$h}", '{"exp":NaN}', 'not JSON'],
        ['16 KB', "{$h}", qq({$p,"a":") . 'a' x 12_300 . '"}', 'longer than'],
        ['40 KB', "{$h}", qq({$p,"a":") . 'a' x 30_000 . '"}', 'longer than'],
        ['3,000 members', "{$h}", "{$p,"
            . join(',', map { qq("$_":1) } 1 .. 3_000) . '}', 'longer than'],
    );

    refused($_->[0], signed($_->[2], $_->[1]), 'malformed', $_->[3])
        for @cases;
    is(ask(signed(qq({$p,"a":) . '[' x 15 . ']' x 15 . '}'))->{status}, 200,
        '16 levels pass');
    is(ask(signed(qq({$p,"a":") . 'a' x 11_000 . '"}'))->{status}, 200,
        '15 KB pass');
};


subtest 'the text of a token' => sub {
    my ($header, $payload, $signature) = split /\./, $good;
    my $three = 'not three parts';

    refused('a dot in front', ".$good", 'malformed', $three);
    refused('a dot behind', "$good.", 'malformed', $three);
    refused('a dot twice', "$header..$payload.$signature", 'malformed', $three);
    refused('two parts', "$header.$payload", 'malformed', $three);
    refused('dots alone', '..', 'malformed', '');
    refused('one dot', '.', 'malformed', $three);
    refused('padding of the signature', "$good==", 'malformed',
        'signature is not base64url');
    refused('padding of the header', "$header=.$payload.$signature",
        'malformed', 'header is not base64url');
    refused('padding of the payload', "$header.$payload==.$signature",
        'malformed', 'payload is not base64url');
    refused("\"$_\" within", "$header.$payload.${_}$signature", 'malformed', '')
        for ' ', "\t", ',', '"', ';', '%20', '+', '/', "\x7f", "\x80", '=';

    my $last = substr $signature, -1;
    my ($value) = grep { encode_base64url(chr($_ << 2)) =~ /^\Q$last/ } 0 .. 63;
    for my $bits (1 .. 15) {
        my $other = substr encode_base64url(chr(($value ^ $bits) << 2)), 0, 1;
        refused("trailing bits $bits", substr($good, 0, -1) . $other,
            'malformed', 'signature is not base64url');
    }
    refused('JWE', encode_jwt(payload => { exp => $soon }, alg => 'dir',
        enc => 'A128GCM', key => 'k' x 16), 'malformed', $three);
    refused('JWE for our key', encode_jwt(payload => { exp => $soon },
        alg => 'RSA-OAEP', enc => 'A256GCM', key => $rsa), 'malformed', $three);
};


subtest 'times' => sub {
    my $number = 'is not a number from 0 and below 2\^53';

    for my $name (qw(exp nbf iat)) {
        refused("$name: $_", signed($name eq 'exp' ? qq({"exp":$_})
                : qq({"exp":$soon,"$name":$_})), 'malformed', "$name $number")
            for qq("$soon"), '"soon"', '-1', '-0.1', 'true', 'null',
                "[$soon]", '{}', '9007199254740992', '1e300',
                '9223372036854775807', '9223372036854775808',
                '18446744073709551617', '99999999999999999999999';
        refused("$name: 1e400", signed(qq({"$name":1e400})), 'malformed',
            'number that is too large');
        refused("$name: -1e400", signed(qq({"$name":-1e400})), 'malformed',
            'number that is too large');
    }
    my $past = time - 1;
    refused("exp: $_", signed(qq({"exp":$_})), 'expired', 'exp has passed')
        for 0, '0.5', '1e-400', $past, "$past.0", '-0';
    refused('no exp', signed('{}'), 'expired', 'exp is missing');
    refused('exp in the header only',
        signed('{}', header('ES256', 'k', qq(,"exp":$soon))), 'expired',
        'exp is missing');
    refused('Exp', signed(qq({"Exp":$soon})), 'expired', 'exp is missing');
    refused("nbf: $_", signed(qq({"exp":9007199254740991,"nbf":$_})),
        'not_yet', 'nbf is ahead')
        for time + 100, '9007199254740991', (time + 100) . '.5';

    is(ask(signed(qq({"exp":$_})))->{status}, 200, "exp: $_ passes")
        for "$soon.9", '9007199254740991', '9e15';

    refused("any leeway, exp: $_", signed(qq({"exp":$_})), 'malformed',
        $number, '/long/')
        for '9223372036854775807', '9007199254740992', -1;
    is(ask(signed($_), '/long/')->{status}, 200, "any leeway: $_ passes")
        for '{"exp":0}', '{"exp":1,"nbf":9007199254740991}';
};


subtest 'control characters in claims' => sub {
    my $backend = 'an identity claim has a control character';

    for my $c (qw(\r \n \t \u0001 \u001f \u007f), "\x7f", '\r\nX-Admin: 1') {
        my $token = signed(qq({"exp":$soon,"sub":"ann$c"}));
        my $shown = $c =~ s/[^\x20-\x7e]/DEL/gr;

        refused("sub with $shown", $token, 'claim', $backend, '/user/', 403);
    }
    my $line = refused('iss with a line of the log',
        signed(qq({"exp":1,"iss":"a\\r\\n[x] \\u007f\\"x"})),
        'expired', 'exp has passed');
    unlike($line, qr/[\x00-\x1f\x7f]/, 'is escaped there');
    like($line, qr/iss: "a[^"\n]{2,8}\[x\] [^"\n]{2,8}x"/, 'on one line');
};


subtest 'how a token is offered' => sub {
    my $other = signed(qq({"exp":$soon,"n":1}));

    for my $scheme (qw(bearer BEARER bEaReR), 'Bearer  ', ' Bearer') {
        is($gate->get('/file.html', Authorization => "$scheme $good")
            ->{status}, 200, "\"$scheme\" passes");
    }
    offered('another scheme', 401, 'missing', Authorization => "Basic $good");
    offered('no scheme', 401, 'missing', Authorization => $good);
    offered('a scheme with more letters', 401, 'missing',
        Authorization => "BearerX $good");
    offered('the scheme alone', 401, 'malformed', Authorization => 'Bearer');
    offered('a tab', 401, 'malformed', Authorization => "Bearer\t$good");
    offered('a tab behind the space', 401, 'malformed',
        Authorization => "Bearer \t$good");
    offered('a tab at the end', 401, 'malformed',
        Authorization => "Bearer $good\tx");
    offered('a comma', 401, 'malformed',
        Authorization => "Bearer $good,Bearer $other");
    offered('a comma and a space', 401, 'malformed',
        Authorization => "Bearer $good, Basic YTpi");
    offered('two in a line', 401, 'malformed',
        Authorization => "Bearer $good $other");

    # nginx refuses these itself, before a module sees them.
    for my $two (["Bearer $good", "Bearer $other"],
                 ['Bearer a.b.c', "Bearer $good"], ["Bearer $good", "Bearer $good"]) {
        is($gate->get('/file.html', Authorization => $two)->{status}, 400,
            'two headers');
    }
    offered('a second one by cookie', 400, 'malformed',
        Authorization => "Bearer $good", Cookie => "access=$other");
    offered('a bad one by cookie', 400, 'malformed',
        Authorization => "Bearer $good", Cookie => 'access=x');
    offered('two cookies', 400, 'malformed',
        Cookie => "access=$good; access=$other");
    offered('two lines of cookies', 400, 'malformed',
        Cookie => ["access=$good", "access=$other"]);
};


my @ours = grep { /auth_jwt: / }
    do { local @ARGV = $gate->nginx_log; <> };
unlike("@ours", qr/\Q$_\E/, 'the log never shows a token')
    for (split /\./, $good)[1, 2];

$gate->finish;
done_testing();


sub header {
    my ($alg, $kid, $more) = @_;

    return qq({"alg":"$alg") . (defined $kid ? qq(,"kid":"$kid") : '')
        . ($more // '') . '}';
}


sub sign {
    my ($input, $key) = @_;

    return ($key // $es)->sign_message_rfc7518($input, 'SHA256');
}


# Any two texts, signed with ES256.

sub signed {
    my ($payload, $header, $key) = @_;

    my $input = join '.', map { encode_base64url($_) }
        $header // header('ES256', 'k'), $payload;
    return "$input." . encode_base64url(sign($input, $key));
}


sub forged {
    my ($alg, $text, $kid) = @_;

    my $input = join '.', map { encode_base64url($_) } header($alg, $kid),
        qq({"exp":$soon});
    my ($bits) = $alg =~ /(\d+)/;
    return "$input." . encode_base64url(hmac("SHA$bits", $text, $input));
}


sub ask {
    my ($token, $path) = @_;

    return $gate->get(($path // '/') . 'file.html',
        Authorization => "Bearer $token");
}


# Returns the line in the log.

sub refused {
    my ($name, $token, $word, $detail, $path, $status) = @_;

    return judged($name, ask($token, $path), $status // 401, $word, $detail);
}


sub offered {
    my ($name, $status, $word, %header) = @_;

    my $path = $header{Cookie} ? '/cookie/file.html' : '/file.html';
    judged($name, $gate->get($path, %header), $status, $word, '');
}


sub judged {
    my ($name, $answer, $status, $word, $detail) = @_;

    my $line = $gate->nginx_says('auth_jwt: ');
    my $right = $answer->{status} == $status && $answer->{body} !~ /inside/
        && Gate::header($answer, 'X-Status') eq $word
        && $line =~ /auth_jwt: $word: [^,]*$detail/;

    ok($right, $name) or diag("status $answer->{status}, $line, "
        . Gate::header($answer, 'X-Status'));
    return $line;
}
