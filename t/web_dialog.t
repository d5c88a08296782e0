# The dialog before a session ends, in a browser: it warns, renews, signs out,
# and is silent when it may be.  Sessions are short: 24 s, the warning 12 s
# before their end; and where even that is long, time is moved in the rows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Browser qw(drive short_warning);
use Gate;


my $file = "$FindBin::Bin/../web/portero/session.js";
my $size = length `gzip -9c $file`;
cmp_ok($size, '<=', 8192, 'session.js has at most 8 KB compressed');

my $gate = Gate->new(settings => { SESSION_IDLE_SECONDS => 24,
    ACCESS_TOKEN_EXPIRE_SECONDS => 24, REFRESH_GRACE_SECONDS => 20 });

$gate->start_all;
$gate->add_user('ana', 'correct horse battery');
short_warning($gate, 12);

drive($gate, 'dialog.mjs');

$gate->finish;
done_testing();
