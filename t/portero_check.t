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

sub slurp {
    my ($path) = @_;
    open my $in, '<', $path or die "$path: $!\n";
    return do { local $/; <$in> };
}

# The group that nginx's workers are in here, and one that they are not in.
sub shared_group { return scalar getgrgid($> ? $( + 0 : (getgrnam 'www-data')[2]) }
sub other_group {
    return 'root' if $> == 0;
    my ($other) = grep { $_ != $( + 0 } split ' ', $(;
    return $other && scalar getgrgid $other;
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

refused(check(ALGORITHM => 'HS256', SECRET_KEY => 'x' x 31),
    qr/PORTERO_SECRET_KEY: shorter than 32 bytes; "openssl rand -base64 48"/,
    'a short SECRET_KEY');

$back = rewrite($gate->config, sub { s/^ISSUER=/ISUER=/r });
refused(check(), qr{^portero: \Q${\ $gate->config}\E:\d+: there is no s},
    'a misspelt one: file and line');
$back->();


# --- database ---------------------------------------------------------------

wrong(check(DATABASE_URL => 'postgresql:///portero?host=/nowhere'),
    qr{database .*/nowhere.*: start it, or correct DATABASE_URL},
    'no database');
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

# A clock of its own comes before the server's.
$gate->psql('postgres', 'portero', $_) for
    'CREATE SCHEMA late',
    'CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql '
    . "AS \$\$ SELECT pg_catalog.clock_timestamp() - interval '60 s' \$\$",
    'GRANT USAGE ON SCHEMA late TO portero_service',
    'ALTER ROLE portero_service SET search_path = late, pg_catalog';
wrong(check(), qr/clock .*-60 seconds off: .*let NTP/, 'a clock 60 s away');
$gate->psql('postgres', 'portero',
    'ALTER ROLE portero_service RESET search_path');


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
my $old = slurp($file);
$gate->portero('key', 'rotate');
$gate->portero('key', 'generate');
my $new = slurp($file);
isnt($new, $old, 'a rotation changes the keys for gateways');
Stack::replace($file, $old);
wrong(check(), qr/gateway .*holds other keys.*run portero key generate/,
    'a file for gateways that is older than the keys');
Stack::replace($file, $new);

chmod 0666, $file;
wrong(check(), qr/gateway .*0640/, 'a file that all may write');
chmod 0640, $file;
unlink $file;
wrong(check(), qr/gateway .*is not there: run portero key generate/,
    'no keys for gateways');
$gate->portero('key', 'generate');
ok(-s $file, 'which that command puts right');

my $group = shared_group();
my $other = other_group();
SKIP: {
    skip 'a user has no other group to give', 3 if !$other;

    chown -1, (getgrnam $other)[2], $file;
    wrong(check(), qr/gateway .*cannot be read by the group \Q$group\E: chgrp/,
        'a file for gateways that nginx cannot read');
    chown -1, (getgrnam $group)[2], $file;

    my $folder = $gate->path('closed');
    mkdir $folder, 0700;
    wrong(check(GATEWAY_KEYS_FILE => "$folder/keys.json"),
        qr/gateway .*is not there/, 'none in another folder');
    rename $file, "$folder/keys.json";
    wrong(check(GATEWAY_KEYS_FILE => "$folder/keys.json"),
        qr/gateway .*\Q$folder\E cannot be written by \S+, .*chown/,
        'a folder in which the service cannot renew it');
    rename "$folder/keys.json", $file;
}


# --- sockets ----------------------------------------------------------------

wrong(check(SOCKET_DIR => '/nowhere'), qr{sockets .*/nowhere}, 'no directory');
wrong(check(SOCKET_DIR => $gate->config), qr{sockets .*portero\.conf},
    'a file in its place');

my $sockets = $gate->path('sockets');
$gate->folder('sockets', 'www_user', 0700);
sub sockets { return check(SOCKET_DIR => $sockets, @_) }

wrong(sockets(), qr{sockets .*closed to the group \Q$group\E: chgrp \S+ \S+, chm},
    'a directory that is closed to the group');
chmod 0770, $sockets;
chown -1, (getgrnam $other)[2], $sockets if $other;
SKIP: {
    skip 'a user has no other group to give', 1 if !$other;
    wrong(sockets(), qr{sockets .*closed to the group \Q$group\E},
        'or open to another one');
}
chown -1, (getgrnam $group)[2], $sockets;
chmod 0777, $sockets;
wrong(sockets(), qr{sockets .*written by anybody: chmod 750},
    'or open to anybody');
chmod 0550, $sockets;
wrong(sockets(), qr{sockets .*cannot be written by \S+: chown},
    'or not to be written by the service');
chmod 0750, $sockets;
my @groups = grep { /^wrong +(?:sockets|gateway) .*SOCKET_GROUP/ }
    split /\n/, sockets(SOCKET_GROUP => 'nobody-has-this')->{out};
is(scalar @groups, 2, 'a group that is not there');
like($groups[0], qr/there is no group nobody-has-this/, 'and which');
SKIP: {
    skip 'root is in every group', 1 if !$gate->{www_user};
    like(sockets(SOCKET_GROUP => 'shadow')->{out},
        qr/^wrong +sockets .*www-data is not in the group shadow: usermod -aG/m,
        'a group that the service is not in');
}


# --- the time of a hash -----------------------------------------------------

# A libcrypt whose hashes are as cheap as yescrypt can make them.

my $cheap = $gate->path('cheap.so');
Stack::replace("$cheap.c", <<'C');
#define _GNU_SOURCE
#include <crypt.h>
#include <dlfcn.h>

char *
crypt_gensalt_rn(const char *prefix, unsigned long count, const char *bytes,
    int nbytes, char *out, int size)
{
    char *(*real)(const char *, unsigned long, const char *, int, char *, int);

    real = (__typeof__(real)) dlsym(RTLD_NEXT, "crypt_gensalt_rn");
    return real(prefix, 1, bytes, nbytes, out, size);
}
C
is(system('cc', '-shared', '-fPIC', '-o', $cheap, "$cheap.c"), 0,
    'a cheap libcrypt');
$run = portero($gate, ['check'], env => { LD_PRELOAD => $cheap,
    ASAN_OPTIONS => 'verify_asan_link_order=0' });
like($run->{out}, qr/^wrong +hash +\d ms for a password, 20 or more/m,
    'hashes that cost some 5 ms');

$run = check();
@wrong = grep { /^wrong/ && !/^wrong +hash/ } split /\n/, $run->{out};
is("@wrong", '', 'in the end nothing is wrong again');

$gate->finish;
done_testing();
