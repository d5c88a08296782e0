#!/usr/bin/perl

# docs/keys.md: its configurations are such that nginx takes them, and its
# words are those of the log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Examples qw(check_example examples);
use Gate;
use Site;

my $page = text("$FindBin::Bin/../docs/keys.md");
my $site = Site->new;

my @examples = grep { /^ *(?:auth_jwt|proxy)_\w+ .*;$/m } examples($page);
cmp_ok(scalar @examples, '>=', 4, 'configurations are found');
for my $example (@examples) {
    my ($status, $said) = check_example($site, $example);
    my ($first) = $example =~ /^(.*)/;
    is("$status $said", '0 ', "nginx -t of: $first");
}

my $code = join '', map { text($_) } glob "$FindBin::Bin/../{module,jot}/*.c";
my @words = $page =~ /^\| `\w+: ([^`]+)` \|/mg;
cmp_ok(scalar @words, '>=', 3, 'lines of the log are found');
ok(index($code, "\"$_\"") >= 0, "the code says \"$_\"") for @words;

$site->finish;
done_testing();


sub text {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    return do { local $/; <$file> };
}
