# How the pages look, to people and to axe-core: each of them, light and dark,
# on a phone, at 400 % and in forced colours.  PICTURES=docs/pictures has the
# pictures of the documentation made anew.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path);
use Test::More;

use Browser qw(drive not_sanitized);
use Gate;


not_sanitized();

my $gate = Gate->new;
my $root = "$FindBin::Bin/..";
my $pictures = $ENV{PICTURES} // "$root/build/pictures";

$gate->start_all;
$gate->add_user('ana', 'correct horse battery');
make_path($pictures);

drive($gate, 'look.mjs', {}, $pictures);

for my $name (qw(start protected dialog)) {
    my $picture = "$root/docs/pictures/$name.png";
    cmp_ok(-s "$pictures/$name.png", '<', 40_000, "$name.png is small");
    ok(-s $picture, 'and the documentation has one');
}

$gate->finish;
done_testing();
