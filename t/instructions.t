#!/usr/bin/perl

# What a request costs, in instructions: none of the gateway's rows has grown by
# more than 5 % over bench/instructions.  "bench/count > bench/instructions"
# writes that anew, for a change that is worth it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../bench/lib";

use Test::More;

use Count qw(count rows);
use Gate;

use constant GROWTH => 1.05;

plan skip_all => 'a build with the sanitizers costs more'
    if $ENV{PORTERO_BUILD} =~ m{/sanitize$};

open my $file, '<', "$FindBin::Bin/../bench/instructions"
    or die "bench/instructions: $!\n";
my %committed = map { /^(.*\S)\s+(\d+)$/ ? ($1 => $2) : () } <$file>;

my $gate = Gate->new;
$gate->create_folders;
my %count = count($gate);

is(join("\n", sort keys %committed), join("\n", sort(rows())),
    'bench/instructions has each row');
for my $row (rows()) {
    my $limit = int(($committed{$row} // 0) * GROWTH);
    cmp_ok($count{$row}, '<=', $limit, "$row: $committed{$row} committed");
    note("$row: $count{$row}");
    diag("$row costs $count{$row} instructions only: let bench/count write "
        . 'that down') if $count{$row} * GROWTH < $committed{$row};
}

# The row that matters most, against the one that does nothing.

cmp_ok($count{'remembered ES256'}, '<', 2 * $count{plain},
    'a remembered token costs less than the request itself');

$gate->finish;
done_testing();
