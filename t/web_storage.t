# The lines of docs/token-storage.md, in a browser: what they do, and what the
# page says that they risk.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path);
use Test::More;

use Browser qw(blocks drive not_sanitized);
use Gate;


not_sanitized();

my ($session, $local) = blocks('token-storage.md');
my $gate = Gate->new;

$gate->start_all;
$gate->add_user('ana', 'correct horse battery');

my %app = (session => $session,
    local => $session =~ s/\Aconst store = sessionStorage;\n/$local/r);
isnt($app{local}, $session, 'localStorage has lines of its own');

for my $way (sort keys %app) {
    make_path($gate->path("web/$way"));
    Stack::replace($gate->path("web/$way/tokens.js"), $app{$way});
    Stack::replace($gate->path("web/$way/index.html"),
        "<!doctype html><title>$way</title><main>$way</main>\n");
}

drive($gate, 'storage.mjs');

$gate->finish;
done_testing();
