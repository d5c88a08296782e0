#!/usr/bin/perl

# auth_jwt beside nginx's own ways to let a request in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Site;

my $site = Site->new(qw(any all));
Stack::replace($site->path('nginx/users'), "ana:{PLAIN}secret\n");
my %locations = (
    'jwt allow'      => 'allow all;',
    'jwt deny'       => 'deny all;',
    'jwt basic'      => 'auth_basic b; auth_basic_user_file users;',
    'jwt yes'        => 'auth_request /yes;',
    'jwt no'         => 'auth_request /no;',
    'jwt basic yes'  => 'auth_basic b; auth_basic_user_file users;
                         auth_request /yes;',
    'jwt deny basic' => 'deny all; auth_basic b; auth_basic_user_file users;',
);

$site->run(server => <<'SERVER' . join '', map { locations($_) } %locations);
        add_header X-Status "$jwt_status" always;
        location = /yes { return 204; }
        location = /no { return 403; }
SERVER

my $good = $site->token;
my $bad = $site->token(exp => time - 10);
my $ana = 'Basic YW5hOnNlY3JldA==';
my ($ours, $theirs) = ('Bearer realm="j"', 'Basic realm="b"');
my $invalid = "$ours, error=\"invalid_token\"";

# Under "satisfy any" one who agrees is enough, and no challenge is left.

for (sort keys %locations) {
    answers("any: $_, a good token", 'any', $_, $good, 200, '');
}
answers("any: $_", 'any', $_, undef, 200, '')
    for 'jwt allow', 'jwt yes', 'jwt basic yes';
answers("any: $_, a bad token", 'any', $_, $bad, 200, '')
    for 'jwt allow', 'jwt yes', 'jwt basic yes';
answers("any: $_", 'any', $_, undef, 401, $ours) for 'jwt deny', 'jwt no';
answers("any: $_, a bad token", 'any', $_, $bad, 401, $invalid)
    for 'jwt deny', 'jwt no';
answers("any: $_", 'any', $_, undef, 401, "$ours, $theirs")
    for 'jwt basic', 'jwt deny basic';
answers("any: $_, a password", 'any', $_, undef, 200, '',
    Authorization => $ana) for 'jwt basic', 'jwt basic yes', 'jwt deny basic';

# Under "satisfy all" all have to.

answers("all: $_, a good token", 'all', $_, $good, 200, '')
    for 'jwt allow', 'jwt yes';
answers("all: $_, a good token", 'all', $_, $good, 403, '')
    for 'jwt deny', 'jwt no';
answers('all: jwt basic, a good token', 'all', 'jwt basic', $good, 401,
    $theirs);
answers("all: $_", 'all', $_, undef, 401, $ours) for sort keys %locations;
answers("all: $_, a bad token", 'all', $_, $bad, 401, $invalid)
    for sort keys %locations;
answers("all: $_, a password", 'all', $_, undef, 401, $ours,
    Authorization => $ana) for 'jwt basic', 'jwt basic yes';

$site->finish;
done_testing();


sub locations {
    my ($name) = @_;

    return '' unless exists $locations{$name};
    return join '', map { <<"CONF" } qw(any all);
        location "/$_ $name/" {
            alias $site->{data}/web/;
            satisfy $_;
            auth_jwt j;
            $locations{$name}
        }
CONF
}


sub answers {
    my ($name, $satisfy, $location, $token, $status, $challenge, @more) = @_;

    my $path = "/$satisfy $location/file.html" =~ s/ /%20/gr;
    my $answer = $site->ask($path, $token, @more);
    is($answer->{status}, $status, "$name: $status");
    is(Gate::header($answer, 'WWW-Authenticate'), $challenge,
        "$name: the challenge");
    is($answer->{body} eq "inside\n", $status == 200, "$name: what is sent");
}
