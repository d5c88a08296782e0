# The start page in a browser.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Browser qw(drive);
use Gate;


my $gate = Gate->new;

$gate->start_all;
$gate->add_user('ana', 'correct horse battery');

drive($gate, 'start.mjs');

$gate->finish;
done_testing();
