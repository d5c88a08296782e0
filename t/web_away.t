# What is not an end: no network, a server that is away, slow or somebody
# else's, sleep, another clock, the way back.  And that nothing stays on the
# screen meanwhile.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Browser qw(drive not_sanitized short_warning);
use Gate;


not_sanitized();

my $gate = Gate->new(settings => { SESSION_IDLE_SECONDS => 60,
    ACCESS_TOKEN_EXPIRE_SECONDS => 60, REFRESH_GRACE_SECONDS => 20 });

$gate->start_all;
$gate->add_user('ana', 'correct horse battery');
short_warning($gate, 30);

drive($gate, 'away.mjs', {
    stop  => sub {
        $gate->stop_part('login', 'KILL');
        sleep 0.05 while Stack::listening($gate->path('run/token.sock'));
    },
    start => sub { $gate->start_login },
});

$gate->finish;
done_testing();
