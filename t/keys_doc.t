#!/usr/bin/perl

# docs/keys.md: its configurations are such that nginx takes them, and its
# words are those of the log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Examples qw(check_examples examples text);
use Gate;
use Site;

my $page = text("$FindBin::Bin/../docs/keys.md");
my $site = Site->new;

my @examples = grep { /^ *(?:auth_jwt|proxy)_\w+ .*;$/m } examples($page);
cmp_ok(scalar @examples, '>=', 4, 'configurations are found');
check_examples($site, @examples);

my $code = join '', map { text($_) } glob "$FindBin::Bin/../{module,jot}/*.c";
my @words = $page =~ /^\| `\w+: ([^`]+)` \|/mg;
cmp_ok(scalar @words, '>=', 3, 'lines of the log are found');
ok(index($code, "\"$_\"") >= 0, "the code says \"$_\"") for @words;

$site->finish;
done_testing();
