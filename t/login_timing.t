# Whoever asks cannot tell a name that nobody has, a disabled user and one
# without a password from a wrong password: not by a byte, and not by the
# time that it takes.
#
# Hashes are made cheap here, which takes seconds instead of minutes and shows
# more of what else may differ.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(time);

use CheapHash qw(cheap_hashes);
use FastCGI qw(fcgi);
use Gate;


use constant ROUNDS => 200;

my $gate = Gate->new(settings => { THROTTLE_NETWORK => 10000,
    THROTTLE_ACCOUNT_NETWORK => 10000, THROTTLE_ACCOUNT => 10000 });
my $PASSWORD = 'correct horse battery';
my $tries = 0;

$gate->start_database;
{
    local $ENV{LD_PRELOAD} = cheap_hashes($gate);
    $gate->add_user($_, $PASSWORD) for qw(somebody disabled nothing);
    $gate->start_login;
}
$gate->portero(qw(user disable disabled));
$gate->sql("UPDATE portero.users SET password_hash = NULL
            WHERE username = 'nothing'");
like($gate->value("SELECT password_hash FROM portero.users
                   WHERE username = 'somebody'"), qr/^\$y\$j85\$/,
    'hashes are cheap here');


# --- helpers ----------------------------------------------------------------

# The answer and the seconds that it took.
sub try {
    my ($name, $password) = @_;
    my $body = JSON::PP->new->canonical->encode({ username => $name,
        password => $password // sprintf 'a wrong one, %05d', $tries++ });
    my $start = time;
    my $answer = fcgi($gate->path('run/password.sock'),
        POST => '/auth/login', body => $body);
    return ($answer, time - $start);
}

# How probable it is that one of the first takes longer than one of the others.
sub longer {
    my ($first, $others) = @_;
    my $n = 0;
    for my $x (@$first) {
        $n += $x > $_ ? 1 : $x == $_ ? .5 : 0 for @$others;
    }
    return $n / (@$first * @$others);
}


# --- bytes and time ---------------------------------------------------------

my %name = (wrong => 'somebody', unknown => 'nobody.x',
            disabled => 'disabled', passwordless => 'nothing');
my (%answers, %seconds);

try($_) for (values %name) x 3;
for (1 .. ROUNDS) {
    for my $kind (shuffle keys %name) {
        my ($answer, $seconds) = try($name{$kind});
        $answers{$answer}++;
        push @{ $seconds{$kind} }, $seconds;
    }
}

is(scalar keys %answers, 1, 'all answers are the same to the byte')
    or diag(explain(\%answers));
like((keys %answers)[0], qr/\AStatus: 401 .*"invalid_grant"/s,
    'and a refusal');
is((try('disabled', $PASSWORD))[0], (keys %answers)[0],
    'that of a disabled user who knows the password, too');

for my $kind (qw(unknown disabled passwordless)) {
    my $p = longer($seconds{$kind}, $seconds{wrong});
    cmp_ok(abs($p - .5), '<=', .1,
        sprintf '%s: takes longer than a wrong password with probability %.2f',
        $kind, $p);
}
is((try('somebody', $PASSWORD))[0] =~ /\AStatus: 200/, 1,
    'the right password is right');

$gate->finish;
done_testing();
