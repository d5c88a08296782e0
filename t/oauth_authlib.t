# Authlib, a client library that knows nothing of us but the RFCs, gets, renews,
# inspects and revokes tokens.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempfile);
use JSON::PP;
use Test::More;

use Command qw(portero);
use Gate;


my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';

$gate->start_all;
$gate->add_user('ana', $PASSWORD);

my $client = JSON::PP->new->decode(portero($gate,
    [qw(--json client add batch --scope orders:read)])->{out});
my $session = $gate->login({ username => 'ana', password => $PASSWORD,
    delivery => 'token' })->{json};


my ($in, $name) = tempfile(UNLINK => 1);
print {$in} JSON::PP->new->encode({ %$client,
    refresh_token => $session->{refresh_token} });
close $in;

my $out = do {
    local $ENV{AUTHLIB_INSECURE_TRANSPORT} = 1;
    my $url = $gate->url;
    `/usr/bin/python3 -W ignore $FindBin::Bin/clients/authlib_session.py $url < $name`;
};
is($?, 0, 'it finds what it asks for, and the metadata valid')
    or die "Authlib got no answers\n";
my $got = JSON::PP->new->decode($out);

is($got->{issuer}, $gate->url, 'the issuer is where it looked');

for my $way (qw(basic post)) {
    my $answer = $got->{$way};
    is($answer->{token}{token_type}, 'Bearer', "$way: a token");
    is($answer->{token}{scope}, 'orders:read', "$way: its scope");
    is($gate->get('/api/whoami',
        Authorization => "Bearer $answer->{token}{access_token}")
        ->{json}{user}, 'client:batch', "$way: which the gateway takes");
    ok($answer->{seen}{active}, "$way: active");
    is($answer->{seen}{client_id}, 'batch', "$way: and whose it is");
    is($answer->{revoked}, 200, "$way: revoked");
    ok(!$answer->{gone}{active}, "$way: active no longer");
}

is($gate->get('/auth/session',
    Authorization => "Bearer $got->{person}{token}{access_token}")->{status},
    401, 'the session that was renewed');
is($got->{person}{revoked}, 200, 'was revoked by its refresh token');
is($got->{person}{after}, 'invalid_grant', 'and is not renewed again');
is($got->{wrong}, 'invalid_client', 'a wrong secret');
is($got->{more}, 'invalid_scope', 'more than was granted');
is($got->{password}, 'unsupported_grant_type', 'no password grant');

$gate->finish;
done_testing();
