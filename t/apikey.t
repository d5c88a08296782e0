# API keys: a machine that acts for a user, for as long as both are in force.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64);
use Test::More;

use Command qw(portero refused);
use Gate;


my $gate = Gate->new(settings => { THROTTLE_NETWORK => 20 });
my $PASSWORD = 'correct horse battery';

$gate->start_all;
$gate->add_user($_, $PASSWORD, 'admin') for qw(ana bob);
my $ana = $gate->value("SELECT sub FROM portero.users
                        WHERE username = 'ana'");


# --- helpers ----------------------------------------------------------------

sub apikey { return portero($gate, ['apikey', @_]) }

sub create {
    my $run = apikey('create', @_);
    chomp(my $key = $run->{out});
    return $key;
}

sub exchange {
    my ($key) = @_;
    return $gate->post('/oauth/token', 'grant_type=client_credentials',
        'Content-Type' => 'application/x-www-form-urlencoded',
        Authorization => 'Basic ' . encode_base64($key, ''));
}

sub claims { return JSON::PP->new->decode(decode_base64url(
    (split /\./, $_[0]{json}{access_token})[1])) }

sub dead {
    my ($key, $name) = @_;
    my $answer = exchange($key);
    is("$answer->{status} $answer->{json}{error}", '401 invalid_client', $name);
    ok($gate->login_says(qr/"event":"client_refused".*wrong secret/),
        "$name: the log knows why");
}

sub listed {
    my ($id, @user) = @_;
    my $list = JSON::PP->new->decode(
        portero($gate, [qw(--json apikey list), @user])->{out});
    return (grep { $_->{client_id} eq $id } @$list)[0];
}

sub versions { return $gate->value("SELECT count(*) FROM portero.revocation
    WHERE kind = 'sub' AND value = '$ana'") }


# --- what a key is ----------------------------------------------------------

my $key = create('ana', '--scope', 'reports:read', '--scope', 'reports:write',
    '--description', 'the till');
like($key, qr/\Aak_[0-9a-f]{24}:[A-Za-z0-9_-]{43}\z/,
    'an ID that is recognised, and a secret');
my ($id, $secret) = split /:/, $key;
my $stored = $gate->sql('SELECT * FROM portero.client_secrets');
unlike($stored, qr/\Q$secret\E/, 'the secret is not kept');
like($stored, qr/@{[sha256_hex($secret)]}/, 'its SHA-256 is');

my $answer = exchange($key);
is($answer->{status}, 200, 'exchanged');
ok(!exists $answer->{json}{refresh_token}, 'for an access token alone');
is($answer->{json}{scope}, 'reports:read reports:write', 'with its scopes');

my $claims = claims($answer);
is("$claims->{sub} $claims->{client_id} $claims->{name}", "$ana $id ana",
    'of its owner, by this key');
ok(!exists $claims->{sid}, 'without a session');
is_deeply($claims->{roles}, [], 'and without the owner\'s roles');

my $whoami = $gate->get('/api/whoami',
    Authorization => "Bearer $answer->{json}{access_token}");
is("$whoami->{status} $whoami->{json}{user}", "200 $ana",
    'the gateway takes it');
is($whoami->{json}{roles}, '', 'a backend sees no role');

my $row = listed($id);
is("$row->{owner} $row->{name} $row->{description} $row->{secrets}",
    "$ana ana the till 1", 'apikey list');
is($row->{expires_at}, undef, 'no end');
ok(listed($id, 'ANA'), 'of one user');
ok(!listed($id, 'bob'), 'and not of another');
like(apikey('list')->{out}, qr/^$id\tana\treports:read reports:write\t/m,
    'for people, too');


# --- last use ---------------------------------------------------------------

sub last_used { return $gate->value("SELECT last_used_at FROM portero.clients
    WHERE client_id = '$id'") }

my $used = last_used();
ok($used, 'its use is recorded');
exchange($key);
is(last_used(), $used, 'at most once a minute');
$gate->sql("UPDATE portero.clients SET last_used_at = now()
            - interval '61 seconds' WHERE client_id = '$id'");
$used = last_used();
exchange($key);
isnt(last_used(), $used, 'and again after that');


# --- rotation ---------------------------------------------------------------

my $run = apikey('rotate', $id);
chomp(my $second = $run->{out});
like($second, qr/\A$id:/, 'a new secret for the same key');
isnt($second, $key, 'another one');
is(exchange($_)->{status}, 200, 'both serve') for $key, $second;
is(listed($id)->{secrets}, 2, 'two at once');
is($gate->value("SELECT count(*) FROM portero.client_secrets
    WHERE expires_at BETWEEN now() + interval '23 hours'
                         AND now() + interval '24 hours'"), 1,
    'the older one for 24 hours');

chomp(my $third = apikey('rotate', $id, '--overlap', '1')->{out});
dead($key, 'the oldest of three');
is(exchange($_)->{status}, 200, 'the other two serve') for $second, $third;
$gate->sql("UPDATE portero.client_secrets SET expires_at = now()
            WHERE expires_at IS NOT NULL");
dead($second, 'one whose time has come');
chomp($key = apikey('rotate', $id, '--overlap', '0')->{out});
dead($third, 'one that was to end at once');
is(exchange($key)->{status}, 200, 'the new one serves');


# --- revocation -------------------------------------------------------------

my $other = create('ana');
my $before = versions();
is(apikey('revoke', $id)->{status}, 0, 'revoked');
is(versions(), $before + 1, 'gateways hear of it');
dead($key, 'a revoked key');
is(exchange($other)->{status}, 200, 'another key of the owner serves');
ok(listed($id)->{revoked_at}, 'it is still listed');
refused(apikey('revoke', $id), qr/no API key "$id" in force/, 'only once');
refused(apikey('rotate', $id), qr/no API key "$id" in force/,
    'nothing brings it back');


# --- its end, and its owner's -----------------------------------------------

my $short = create('bob', '--expires', '1');
my ($short_id) = split /:/, $short;
is($gate->value("SELECT round(extract(epoch FROM expires_at - created_at))
    FROM portero.clients WHERE client_id = '$short_id'"), 86400, 'for a day');
$gate->sql("UPDATE portero.clients SET expires_at = now()
            + interval '100 seconds' WHERE client_id = '$short_id'");
$answer = exchange($short);
cmp_ok($answer->{json}{expires_in}, '<=', 100, 'no token outlives its key');
$gate->sql("UPDATE portero.clients SET expires_at = now()
            WHERE client_id = '$short_id'");
dead($short, 'past its end');

$gate->portero('user', 'disable', 'ana');
dead($other, 'of a disabled user');
$gate->portero('user', 'enable', 'ana');
is(exchange($other)->{status}, 200, 'it serves when the user does again');
$gate->sql("DELETE FROM portero.users WHERE username = 'ana'");
dead($other, 'of a user who is gone');


# --- what it is not for -----------------------------------------------------

my $bob = create('bob', '--scope', 'x');
$answer = $gate->post('/oauth/introspect', 'token=abc',
    'Content-Type' => 'application/x-www-form-urlencoded',
    Authorization => 'Basic ' . encode_base64($bob, ''));
is($answer->{status}, 401, 'a key may not introspect');
ok($gate->login_says(qr/"event":"client_refused".*API key may not/),
    'the log knows why');
is($gate->get('/api/whoami', Authorization => 'Basic '
    . encode_base64($bob, ''))->{status}, 401, 'the gateway takes no key');


# --- guessing ---------------------------------------------------------------

my $tries = 0;
do { $answer = exchange("$short_id:" . 'x' x 43) }
    while $answer->{status} == 401 && ++$tries < 40;
is($answer->{status}, 429, 'a network that guesses is slowed down');
cmp_ok($tries, '<=', 20, 'after twenty tries at most');
ok(Gate::header($answer, 'Retry-After'), 'it is told for how long');
is(exchange($bob)->{status}, 200, 'who has a key is not kept out by it');


# --- usage ------------------------------------------------------------------

refused(apikey('create', 'nobody'), qr/there is no user "nobody"/,
    'of nobody');
refused(apikey('create', 'bob', '--scope', 'a"b'), qr/a scope has to be/,
    'a scope of other characters');
refused(apikey(@$_), qr/usage: portero apikey/, "usage: @$_", 2)
    for ['create', '--scope', 'x'], ['create', 'bob', '--scope'],
        ['create', 'bob', '--expires', '0'], ['create', 'bob', '--expires',
        '1d'], ['create', 'bob', '--expires', '99999999999'],
        ['create', 'bob', '--dance', 'x'], ['rotate', $short_id, '--overlap'],
        ['rotate', $short_id, '--overlap', '-1'],
        ['rotate', $short_id, '--dance', '1'];

open my $log, '<', $gate->login_log or die $!;
my $text = do { local $/; <$log> };
unlike($text, qr/\Q$_\E/, 'no secret is in the log')
    for map { (split /:/)[1] } $key, $second, $third, $other, $short, $bob;

$gate->finish;
done_testing();
