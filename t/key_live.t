# Keys are rotated while the gateway runs and people are signed in: nginx is
# not reloaded, old tokens pass, new ones are signed by the new key, nobody is
# logged out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

use Command qw(portero);
use Gate;
use Watch qw(within workers);


my $gate = Gate->new(settings => { REFRESH_GRACE_SECONDS => 0 });
my %WHO = (username => 'ana', password => 'correct horse battery');

$gate->start_database;
$gate->start_login;
$gate->start_backend;
$gate->start_nginx($gate->demo_conf =~
    s/^(http \{\n)/$1    auth_jwt_key_cache 10m min_refresh=1s;\n/mr);
$gate->wait_until_ready;
$gate->add_user('ana', $WHO{password});

my $workers = workers($gate->pid('nginx'));
my $first = $gate->login({ %WHO })->{json};
my $session = $first;
my %kid = (kid($first->{access_token}) => 1);
is(whoami($first->{access_token}), '200', 'signed in');

# The next key is known to the gateway before it signs; the one after it is
# not, and the first token that names it has the file looked at.

for my $n (1 .. 3) {
    my $run = portero($gate, ['key', 'rotate', '--now']);
    is($run->{status}, 0, "rotation $n") or diag($run->{err});
    ok(within(sub {
        $session = renew($session);
        return !$kid{kid($session->{access_token})}++;
    }), 'the service signs with a new key');
    ok(within(sub { whoami($session->{access_token}) == 200 }),
        'which the gateway knows');
    is(whoami($first->{access_token}), '200',
        'a token of the first key passes');
}

is(portero($gate, ['key', 'retire', (kid($first->{access_token})), '--now'])
    ->{status}, 0, 'the first key is removed');
$session = renew($session);
ok(within(sub {
    $session = renew($session);
    return whoami($session->{access_token}) == 200;
}), 'who has a newer token goes on');
is(workers($gate->pid('nginx')), $workers,
    'the workers are those of the beginning');

$gate->finish;
done_testing();


sub whoami {
    my ($token) = @_;
    my $answer = $gate->get('/api/whoami', Authorization => "Bearer $token");
    return $answer->{status};
}


sub renew {
    my ($session) = @_;
    my $answer = $gate->post('/auth/refresh',
        { refresh_token => $session->{refresh_token} });
    is($answer->{status}, 200, 'nobody is logged out')
        if $answer->{status} != 200;
    return $answer->{json};
}


sub kid {
    my ($token) = @_;
    return JSON::PP->new->decode(decode_base64url((split /\./, $token)[0]))
        ->{kid};
}
