# docs/runbook.md: each command of it runs, each event, alert and setting that it
# names is there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Command qw(portero);
use Gate;
use Secrets qw(note);

my $ROOT = "$FindBin::Bin/..";
my $page = text("$ROOT/docs/runbook.md");
my @commands = $page =~ /^    \$ (.*)$/mg;

# Keys of a new installation may be rotated at once here, for KEY_PUBLISH is 0.

my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';
$gate->start_all;
$gate->add_user('ana', $PASSWORD, 'reader');
my $session = $gate->login({ username => 'ana', password => $PASSWORD })
    ->{json}{session}{id};
$gate->login({ username => 'nobody', password => $PASSWORD });
my $apikey = (split /:/, $gate->portero('apikey', 'create', 'ana'))[0];
chomp $apikey;
is($gate->login_says(qr/"event":"login_refused"/) ne '', 1, 'a log to read');

# What a host has and a test has not: where the log is, who starts and stops.

my $psql = Stack::pg('psql') . ' -X -h ' . $gate->pgsocket
    . ' -U portero_owner';
my %stands_for = (
    'portero --config /etc/portero.conf' =>
        "$gate->{build}/portero --config " . $gate->config,
    'psql -d' => "$psql -v ON_ERROR_STOP=1 -d",
    'nginx -s reload' => 'kill -HUP ' . $gate->pid('nginx'),
    'systemctl status portero-login' => 'kill -0 ' . $gate->pid('login'),
    'systemctl restart portero-login' => 'true',
    'timedatectl status' => 'date',
    'http://127.0.0.1:8080' => $gate->url,
);
my @no_match = (qr/start_refused/, qr/database_lost/, qr/refresh_\(/,
                qr/-v '"level":"info"'/);

cmp_ok(scalar @commands, '>', 25, 'commands are found');
for my $command (@commands) {
    my $run = $command;
    $run =~ s/journalctl -u portero-login -o cat(?: --since \S+)?(?: -n \d+)?/
              'cat ' . $gate->login_log/e;
    $run =~ s/\Q$_\E/$stands_for{$_}/ for keys %stands_for;
    unlike($run, qr/journalctl|systemctl|\/etc\//, "$command: is run as such");

    local $ENV{SESSION} = $session;
    local $ENV{APIKEY} = $apikey;
    local $ENV{RETIRED} = retired() if $command =~ /\$RETIRED/;
    my $said = qx({ $run; } 2>&1);
    note($said);

    # grep found nothing, which is well; check says what is wrong in a test's
    # installation.
    my $status = $? >> 8;
    $status = 0 if $status == 1 && grep { $command =~ $_ } @no_match;
    $status = 0 if $status == 1 && $command =~ / check$/
        && $said =~ /^ok /m;
    is($status, 0, '  and does what it should') or diag($said);
}

is($gate->login({ username => 'ana', password => $PASSWORD })->{status}, 200,
    'after all of it the user is there, and enabled');


# --- names ------------------------------------------------------------------

my $operations = text("$ROOT/docs/operations.md");
my @alerts = text("$ROOT/docs/monitoring/alerts.yml") =~ /- alert: (\w+)/g;
cmp_ok(scalar @alerts, '>', 8, 'alerts are found');
like($page, qr/^## .*\[[^]]*\b$_\b/m, "$_ has its part") for @alerts;
is_deeply([grep { my $name = $_; !grep { $_ eq $name } @alerts }
    map { split /, / } $page =~ /^## .*\[(.*)\]$/mg], [], 'and no other');
my %named = map { $_ => 1 } $page =~ /"event":"\(?([a-z_|()]+?)\)?"/g;
my @events = map { /^refresh_\((.*)/ ? map({ "refresh_$_" } split /\|/, $1 =~
    s/\)//r) : split /\|/ } keys %named;
cmp_ok(scalar @events, '>', 5, 'events are found');
like($operations, qr/^\| `$_` \|/m, "the service logs $_") for sort @events;
like($operations, qr/^\| `$_(?:_SECONDS)?` \|/m, "$_ is a setting")
    for $page =~ /`([A-Z]+_[A-Z_]+)`/g;

$gate->finish;
done_testing();


sub retired {
    my $list = JSON::PP->new->decode(portero($gate,
        ['--json', 'key', 'list'])->{out});
    my ($key) = grep { $_->{state} eq 'retired' } @$list;
    return $key->{kid};
}


sub text {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    return do { local $/; <$file> };
}
