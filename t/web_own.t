# The page that docs/dialog.md tells how to make, as it stands there: what
# start() offers, and the browser's way back to such a page.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path);
use Test::More;

use Browser qw(blocks drive not_sanitized);
use Gate;


not_sanitized();

my ($page, $script) = blocks('dialog.md');
cmp_ok(scalar(split /\n/, $page), '<=', 10, 'ten lines');

my $gate = Gate->new(settings => { SESSION_IDLE_SECONDS => 600,
    ACCESS_TOKEN_EXPIRE_SECONDS => 600 });

$gate->start_all;
$gate->add_user('ana', 'correct horse battery');
make_path($gate->path('web/own'));
Stack::replace($gate->path('web/own/index.html'), $page);
Stack::replace($gate->path('web/own/own.js'), $script);
Stack::replace($gate->path('web/own/bare.html'),
    "<!doctype html><title>bare</title><main hidden>inside</main>\n");

drive($gate, 'own.mjs');

$gate->finish;
done_testing();
