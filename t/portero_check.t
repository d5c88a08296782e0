# portero check: what is wrong with an installation, and what to change.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Command qw(portero refused);
use Gate;


my $gate = Gate->new(settings => { INSECURE_COOKIES => 'off' });
my $keys = $gate->path('keys');
my $file = $gate->path('run/gateway-keys.json');

$gate->start_database;


# --- helpers ----------------------------------------------------------------

sub check {
    my (%env) = @_;
    return portero($gate, ['check'],
        env => { map { ("PORTERO_$_" => $env{$_}) } keys %env });
}

# That line alone says "wrong".  The time of a hash is not asked for here:
# under a sanitizer, or on a busy machine, it is another.
sub wrong {
    my ($run, $line, $name) = @_;

    my @wrong = grep { /^wrong/ && !/^wrong +hash/ } split /\n/, $run->{out};
    my $right = $run->{status} == 1 && @wrong == 1 && $wrong[0] =~ $line;
    ok($right, $name) or diag("status $run->{status}\n$run->{out}$run->{err}");
}

sub rewrite {
    my ($path, $change) = @_;
    open my $in, '<', $path or die "$path: $!\n";
    my @lines = <$in>;
    open my $out, '>', $path or die "$path: $!\n";
    print {$out} map { $change->() // () } @lines;
    close $out;
    return sub {
        open my $back, '>', $path or die "$path: $!\n";
        print {$back} @lines;
        close $back;
    };
}


# --- all is well ------------------------------------------------------------

my $run = check();
my @wrong = grep { /^wrong/ && !/^wrong +hash/ } split /\n/, $run->{out};
is("@wrong", '', 'a good installation has nothing wrong');
like($run->{out}, qr/^ok +$_ /m, "$_ is looked at")
    for qw(settings database role migrations clock keys gateway sockets);
like($run->{out}, qr/^(?:ok|wrong) +hash +\d+ ms/m, 'so is the time of a hash');
is($run->{status}, $run->{out} =~ /^wrong/m ? 1 : 0, 'the status says the same');
is($run->{err}, '', 'nothing else is said');
like($run->{out}, qr/^ok +role +portero_service/m, 'it asks as the service');
unlike($run->{out}, qr/BEGIN|"k"/, 'no secret is shown');
refused(portero($gate, [qw(check all)]), qr/usage: portero check/, 'usage', 2);


# --- as the service alone ---------------------------------------------------

my $owner = rewrite($gate->config,
    sub { /^ADMIN_DATABASE_URL=/ ? undef : $_ });
$run = check();
like($run->{out}, qr/^ok +migrations +not looked at.*ADMIN_DATABASE_URL/m,
    'without the owner, migrations cannot be looked at');
@wrong = grep { /^wrong/ && !/^wrong +hash/ } split /\n/, $run->{out};
is("@wrong", '', 'which is nothing wrong');
$owner->();


# --- settings ---------------------------------------------------------------

my $back = rewrite($gate->config, sub { /^ISSUER=/ ? undef : $_ });
wrong(check(), qr/settings .*ISSUER/, 'no ISSUER');
$back->();

$back = rewrite($gate->config, sub { s/^ISSUER=.*/ISSUER=http:\/\/x.example/r });
refused(check(), qr{^portero: \Q${\ $gate->config}\E:\d+: ISSUER},
    'an unsafe one: file and line');
$back->();

$back = rewrite($gate->config, sub { s/^ISSUER=/ISUER=/r });
refused(check(), qr{^portero: \Q${\ $gate->config}\E:\d+: there is no s},
    'a misspelt one: file and line');
$back->();


# --- database ---------------------------------------------------------------

wrong(check(DATABASE_URL => 'postgresql:///portero?host=/nowhere'),
    qr{database .*/nowhere}, 'no database');
wrong(check(DATABASE_URL => $gate->database_url('portero_owner')),
    qr/role .*"portero_owner".*let it be portero_service/,
    'the owner in the place of the service');
wrong(check(DATABASE_URL => $gate->database_url('postgres')),
    qr/role .*"postgres".*let it be portero_service/, 'or even a superuser');

$gate->sql('INSERT INTO portero.migration (version, name) '
    . "VALUES (999, 'later')");
wrong(check(), qr/migrations .*999/, 'a database that is newer');
$gate->sql('DELETE FROM portero.migration WHERE version = 999');
$gate->sql('UPDATE portero.migration SET version = -4 WHERE version = 4');
wrong(check(), qr/migrations .*-4/, 'one that has another');
$gate->sql('DELETE FROM portero.migration WHERE version = -4');
wrong(check(), qr/migrations .*4 admin is missing: run portero migrate/,
    'one that misses some');
$gate->sql("INSERT INTO portero.migration (version, name) VALUES (4, 'admin')");


# --- keys -------------------------------------------------------------------

my ($pem) = glob "$keys/sign-*.pem";
chmod 0644, $pem;
wrong(check(), qr{keys .*\Q$pem\E: mode 0644}, 'a key that others read');
chmod 0600, $pem;

chmod 0711, $keys;
wrong(check(), qr{keys .*mode 0711.*0700}, 'a directory that others enter');
chmod 0700, $keys;

$back = rewrite("$keys/state", sub { / active ES256 / ? undef : $_ });
wrong(check(), qr{keys .*no active key; .*key generate}, 'no active key');
$back->();

$back = rewrite("$keys/state", sub { / next / ? undef : $_ });
my $next = check();
like($next->{out}, qr/^wrong +keys .*no next key: run portero key generate/m,
    'no next key');
like($next->{out}, qr/^wrong +gateway .*holds other keys/m,
    'and gateways have another set');
$back->();

wrong(check(KEY_DIR => '/nowhere'), qr{keys .*/nowhere: .*key generate},
    'no directory');

$back = rewrite($file, sub { s/"keys"/"keyz"/r });
wrong(check(), qr/gateway .*holds other keys.*run portero key generate/,
    'other keys for gateways');
$back->();
chmod 0666, $file;
wrong(check(), qr/gateway .*0640/, 'a file that all may write');
chmod 0640, $file;
unlink $file;
wrong(check(), qr/gateway .*is not there: run portero key generate/,
    'no keys for gateways');
$gate->portero('key', 'generate');
ok(-s $file, 'which that command puts right');


# --- sockets ----------------------------------------------------------------

wrong(check(SOCKET_DIR => '/nowhere'), qr{sockets .*/nowhere}, 'no directory');
wrong(check(SOCKET_DIR => $gate->config), qr{sockets .*portero\.conf},
    'a file in its place');

$run = check();
@wrong = grep { /^wrong/ && !/^wrong +hash/ } split /\n/, $run->{out};
is("@wrong", '', 'in the end nothing is wrong again');

$gate->finish;
done_testing();
