# Several tabs of one browser agree on who is signed in, and how long.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Browser qw(drive short_warning);
use Gate;


my $gate = Gate->new(settings => { SESSION_IDLE_SECONDS => 60,
    ACCESS_TOKEN_EXPIRE_SECONDS => 60, REFRESH_GRACE_SECONDS => 20 });

$gate->start_all;
$gate->add_user($_, 'correct horse battery') for qw(ana bea);
short_warning($gate, 30);

drive($gate, 'tabs.mjs');

$gate->finish;
done_testing();
