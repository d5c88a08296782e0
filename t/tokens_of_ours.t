# The access tokens that the service makes, judged by another implementation
# than ours: with each algorithm, by the keys that are served or written for
# gateways (RFC 9068, RFC 7517).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(decode_jwt encode_jwt);
use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use FastCGI qw(fcgi);
use Gate;


my $secret = 'fZ3q8Lw0xN5vB1mK7tR9yU2sD4gH6jPc';
my $password = 'hvXq3,kTzr.w';
my $uuid = qr/\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}
              -[0-9a-f]{12}\z/x;
my $gate = Gate->new(settings => { AUDIENCE => 'https://api.example',
                                   CLIENT_ID => 'web',
                                   ACCESS_TOKEN_EXPIRE_SECONDS => 77 });

$gate->start_database;
$gate->add_user('ann', $password, 'staff', 'ops');

for my $alg (qw(ES256 RS256 HS256)) {
    subtest $alg => sub { tokens_of($alg) };
}

$gate->finish;
done_testing();


sub tokens_of {
    my ($alg) = @_;

    unlink glob($gate->path('keys/*')), $gate->path('run/gateway-keys.json');
    $gate->write_config(ALGORITHM => $alg,
        $alg eq 'HS256' ? (SECRET_KEY => $secret) : ());
    $gate->portero('key', 'generate');
    $gate->portero('key', 'adopt');
    $gate->start_login;

    my $served = body(fcgi($gate->path('run/token.sock'),
        GET => '/.well-known/jwks.json'));
    my $written = JSON::PP->new->utf8->decode(
        slurp($gate->path('run/gateway-keys.json')));

    if ($alg eq 'HS256') {
        is_deeply($served, { keys => [] }, 'a secret is not served');
    } else {
        is_deeply($served, $written, 'gateways get what is served');
        is(scalar @{ $served->{keys} }, 2, 'an active and a next key');
        is((grep { exists $_->{d} } @{ $served->{keys} }), 0,
            'and no private one');
    }

    my $first = login();
    my $second = login();
    judge($alg, $first, $written);
    isnt(claims($first)->{jti}, claims($second)->{jti}, 'jti serves once');
    isnt(claims($first)->{sid}, claims($second)->{sid}, 'so does sid');
    refuse($alg, $first, $written);

    $gate->stop_part('login');
}


sub judge {
    my ($alg, $login, $keys) = @_;

    my ($header, $claims) = decode_jwt(token => $login->{access_token},
        kid_keys => $keys, accepted_alg => $alg, decode_header => 1,
        verify_iss => $gate->url, verify_aud => 'https://api.example',
        verify_exp => 1, verify_iat => 1);

    is_deeply([sort keys %$header], [qw(alg kid typ)], 'the header');
    is($header->{typ}, 'at+jwt', 'typ');
    is($header->{alg}, $alg, 'alg');
    is((grep { $_->{kid} eq $header->{kid} } @{ $keys->{keys} }), 1, 'kid');

    my %names = map { $_ => 1 } keys %$claims;
    delete $names{scope};
    is(join(' ', sort keys %names),
        'aud client_id exp iat iss jti name roles sid sub ver', 'the claims');
    is($claims->{sub}, $login->{user}{sub}, 'sub');
    is($claims->{sid}, $login->{session}{id}, 'sid');
    is($claims->{client_id}, 'web', 'client_id');
    is($claims->{name}, 'ann', 'name');
    is_deeply([sort @{ $claims->{roles} }], [qw(ops staff)], 'roles');
    is($claims->{exp} - $claims->{iat}, 77, 'exp');
    like($claims->{jti}, $uuid, 'jti');
    like($claims->{sid}, $uuid, 'sid is a UUID');

    my ($head, $payload) = split /\./, $login->{access_token};
    like(decode_base64url($payload), qr/"$_":[1-9][0-9]*[,}]/,
        "$_ is a whole number") for qw(exp iat ver);
}


# What differs from a token of ours in one thing is none to the service.

sub refuse {
    my ($alg, $login, $keys) = @_;

    my $token = $login->{access_token};
    my ($head, $payload, $signature) = split /\./, $token;
    my $header = JSON::PP->new->decode(decode_base64url($head));
    my $claims = claims($login);
    my $root = encode_base64url(JSON::PP->new->encode(
        { %$claims, sub => 'root' }));
    my $none = encode_base64url(JSON::PP->new->encode(
        { %$header, alg => 'none' }));

    is(session($token), 200, 'the service takes its own');
    for (["$head.$root.$signature", 'signature', 'another payload'],
         ["$none.$payload.", 'algorithm', 'alg none'],
         ["$head.$payload.", 'signature|malformed', 'no signature'],
         [encode_jwt(payload => $claims, alg => 'HS256', key => 'x' x 32,
              extra_headers => { typ => 'at+jwt', kid => $header->{kid} }),
          'signature|algorithm', 'a key of somebody else'])
    {
        my ($other, $reason, $name) = @$_;
        is(session($other), 401, "but not: $name");
        ok($gate->login_says(qr/"token_refused".*"(?:$reason)"/),
            'and says why in the log');
    }

    return if $alg ne 'HS256';
    my %own = (alg => 'HS256', key => $secret);
    is(session(encode_jwt(%own, payload => $claims,
        extra_headers => { typ => 'JWT', kid => $header->{kid} })), 401,
        'but not: by the secret, of another typ');
    ok($gate->login_says(qr/"token_refused".*"typ"/),
        'and says why in the log');
}


sub login {
    return body(fcgi($gate->path('run/password.sock'), POST => '/auth/login',
        body => JSON::PP->new->encode({ username => 'ann',
            password => $password, delivery => 'token' })));
}


sub session {
    my ($token) = @_;
    my $answer = fcgi($gate->path('run/token.sock'), GET => '/auth/session',
        headers => [HTTP_AUTHORIZATION => "Bearer $token"]);
    return $answer =~ /\AStatus: (\d+)/ ? $1 : $answer;
}


sub claims {
    my ($login) = @_;
    return JSON::PP->new->decode(decode_base64url(
        (split /\./, $login->{access_token})[1]));
}


sub body {
    my ($answer) = @_;
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    die "$answer\n" unless $head =~ /\AStatus: 200 /;
    return JSON::PP->new->utf8->decode($body);
}


sub slurp {
    my ($path) = @_;
    open my $in, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$in>;
}
