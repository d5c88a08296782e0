#!/usr/bin/perl

# The whole way: log in, call a protected backend, be refused without a valid
# token, renew, log out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt decode_jwt);
use Crypt::PK::ECC;
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);
use Test::More;

use Gate;

my $gate = Gate->new;
$gate->start_all;
$gate->add_user('ana', 'correct horse battery', 'reader', 'writer');

my %browser = ('Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors');
my %who = (username => 'ana', password => 'correct horse battery');
my $port = $gate->{port};

# By token.

my $login = $gate->post('/auth/login', { %who, delivery => 'token' });
is($login->{status}, 200, 'a login');
my $token = $login->{json}{access_token};
my $refresh = $login->{json}{refresh_token};
my $sub = $login->{json}{user}{sub};
like($sub, qr/^[0-9a-f-]{36}$/, 'a user has an identifier');

my $call = whoami(bearer($token));
is($call->{status}, 200, 'a call with the token');
is($call->{json}{user}, $sub, 'the backend knows the user');
is($call->{json}{roles}, 'reader,writer', 'and the roles');
is($call->{json}{session}, $login->{json}{session}{id}, 'and the session');

$call = $gate->get('/open/whoami', bearer($token), 'X-User' => 'root',
    'x_user_roles' => 'admin', 'X-USER-SESSION' => '1');
is($call->{status}, 200, 'an open location answers');
is($call->{json}{$_}, '', "and drops a client's own $_")
    for qw(user roles session);

$call = whoami(bearer($token), 'X-User' => 'root', 'X_User_Roles' => 'admin');
is($call->{json}{user}, $sub, "a client's own X-User does not count");
is($call->{json}{roles}, 'reader,writer', "nor its X_User_Roles");

# Refusals.

my $jwks = $gate->get('/.well-known/jwks.json')->{json};
my ($head, $body, $sig) = split /\./, $token;
my $header = JSON::PP->new->decode(decode_base64url($head));
my $claims = JSON::PP->new->decode(decode_base64url($body));
my $kid = $header->{kid};
my ($public) = grep { $_->{kid} eq $kid } @{ $jwks->{keys} };
my $other = Crypt::PK::ECC->new;
$other->generate_key('nistp256');

is($header->{typ}, 'at+jwt', 'an access token says what it is (RFC 9068)');

refused('no token', 'missing', undef);
refused('an altered signature', 'signature',
    "$head.$body." . flip(decode_base64url($sig)));
refused('an altered payload', 'signature',
    join '.', $head, encode_base64url(JSON::PP->new->encode(
        { %$claims, sub => 'root' })), $sig);
refused("another key's token", 'signature', encode_jwt(payload => $claims,
    alg => 'ES256', key => $other, extra_headers => $header));
refused('an unknown kid', 'key', encode_jwt(payload => $claims,
    alg => 'ES256', key => $other,
    extra_headers => { %$header, kid => 'nobody' }));
refused("alg $_", 'algorithm', join '.', encode_base64url(
    JSON::PP->new->encode({ %$header, alg => $_ })), $body, '')
    for qw(none None NONE nOnE);
refused('HS256 made from the public key', 'algorithm',
    encode_jwt(payload => $claims, alg => 'HS256',
        key => Crypt::PK::ECC->new($public)->export_key_pem('public'),
        extra_headers => $header));
refused('garbage', 'malformed', 'a.b.c');

# Our own key, in another's hands: claims that are not to pass.

my ($pem) = map { slurp($_) } glob $gate->path('keys') . '/*.pem';
my @private = map { Crypt::PK::ECC->new(\slurp($_)) }
              glob $gate->path('keys') . '/*.pem';
my ($ours) = grep { my $x = JSON::PP->new->decode(
                        $_->export_key_jwk('public'))->{x};
                    $x eq $public->{x} } @private;

sub ours { return encode_jwt(payload => { %$claims, @_ }, alg => 'ES256',
                             key => $ours, extra_headers => $header) }

is(whoami(bearer(ours()))->{status}, 200, 'the same, signed by Crypt::JWT');
refused('an expired token', 'expired', ours(exp => time - 60));
refused('one that expires now', 'expired', ours(exp => time));
refused('a token of another issuer', 'issuer', ours(iss => 'https://x.test'));
refused('a token for another audience', 'audience', ours(aud => 'x'));
refused('a token of the future', 'not_yet', ours(nbf => time + 600));
refused('exp as a string', 'malformed', ours(exp => 'tomorrow'));

# Renew, log out.

my $renewed = $gate->post('/auth/refresh', { refresh_token => $refresh });
is($renewed->{status}, 200, 'a refresh');
isnt($renewed->{json}{refresh_token}, $refresh, 'gives a new refresh token');
is(whoami(bearer($renewed->{json}{access_token}))->{json}{user}, $sub,
    'and an access token that passes');

my $logout = $gate->post('/auth/logout',
    { refresh_token => $renewed->{json}{refresh_token} });
is($logout->{status}, 204, 'a logout');

my $after = $gate->post('/auth/refresh',
    { refresh_token => $renewed->{json}{refresh_token} });
is($after->{status}, 401, 'its refresh token is refused');
is($after->{json}{error}, 'invalid_grant', 'as RFC 6749 names it');
is($after->{json}{reason}, 'revoked', 'and says why');
like(Gate::header($after, 'WWW-Authenticate'), qr/^Bearer/, 'never Basic');

# By cookie.

$login = $gate->post('/auth/login', { %who }, %browser);
is($login->{status}, 200, 'a login as a browser');
ok(!exists $login->{json}{access_token}, 'shows no token to scripts');
my $cookies = Gate::cookies($login);
for my $name ("access-$port", "refresh-$port") {
    ok($cookies->{$name}, "sets the cookie $name");
    like($cookies->{$name}{attributes}, qr/HttpOnly/, 'for no script');
}
my $jar = join '; ', map { "$_=$cookies->{$_}{value}" }
          grep { /^access/ } sort keys %$cookies;
my $refresh_jar = join '; ', map { "$_=$cookies->{$_}{value}" }
                  sort keys %$cookies;

is(whoami(Cookie => $jar)->{json}{user}, $sub, 'the cookie passes');
is($gate->post('/api/whoami', '', Cookie => $jar, %browser)->{status}, 200,
    'a POST from the same origin passes');
is($gate->post('/api/whoami', '', Cookie => $jar,
    'Sec-Fetch-Site' => 'cross-site')->{status}, 403,
    'a POST from another site does not');
is($gate->post('/api/whoami', '', Cookie => $jar,
    'Sec-Fetch-Site' => 'same-site')->{status}, 403, 'nor a neighbour');
is($gate->post('/api/whoami', '', Cookie => $jar,
    Origin => 'https://evil.test')->{status}, 403, 'nor another Origin');
is($gate->post('/api/whoami', '', Cookie => $jar,
    Origin => "http://127.0.0.1:$port")->{status}, 200, 'our own Origin does');

is(whoami(Cookie => $jar, bearer(ours(jti => 'x')))->{status}, 400,
    'two different tokens are one too many');

my $cross = $gate->post('/auth/login', { %who },
    'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'cors');
is($cross->{status}, 403, 'another site cannot log a browser in');

$renewed = $gate->post('/auth/refresh', '', Cookie => $refresh_jar, %browser);
is($renewed->{status}, 200, 'a refresh by cookie');
my $new = Gate::cookies($renewed);
isnt($new->{"refresh-$port"}{value}, $cookies->{"refresh-$port"}{value},
    'sets a new one');

$logout = $gate->post('/auth/logout', '', %browser, Cookie =>
    join '; ', map { "$_=$new->{$_}{value}" } keys %$new);
is($logout->{status}, 204, 'a logout by cookie');
like($_->{attributes}, qr/Max-Age=0/, 'clears the cookie')
    for values %{ Gate::cookies($logout) };

$after = $gate->post('/auth/refresh', '', Cookie => $refresh_jar, %browser);
is($after->{status}, 401, 'and its refresh cookie is refused');

is($gate->post('/auth/login', { %who, password => 'wrong horse battery' })
    ->{json}{error}, 'invalid_grant', 'a wrong password');
is($gate->post('/auth/login', { %who, username => 'nobody' })
    ->{json}{error}, 'invalid_grant', 'an unknown user');

$gate->finish;
done_testing();


sub bearer { return (Authorization => "Bearer $_[0]") }
sub whoami { return $gate->get('/api/whoami', @_) }


# A refusal, its challenge, and its reason in the log.

sub refused {
    my ($name, $word, $offered) = @_;

    my $answer = whoami(defined $offered ? bearer($offered) : ());
    is($answer->{status}, 401, "$name: refused");
    like(Gate::header($answer, 'WWW-Authenticate'),
        $word eq 'missing' ? qr/^Bearer realm="Portero"$/
                           : qr/^Bearer realm="Portero", error="invalid_token"$/,
        "$name: the challenge");
    like($gate->nginx_says('auth_jwt: '), qr/auth_jwt: $word: /,
        "$name: the reason");
}


sub flip {
    my ($bytes) = @_;
    substr($bytes, 9, 1) ^= "\x10";
    return encode_base64url($bytes);
}


sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return <$file>;
}
