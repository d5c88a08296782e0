# portero key: the keys on disk, as an operator handles them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::PK::ECC;
use Crypt::PK::RSA;
use File::Path qw(remove_tree);
use JSON::PP;
use Test::More;

use Command qw(portero portero_end portero_start refused);
use Gate;


my $gate = Gate->new;
my $dir = $gate->path('keys');
my $file = $gate->path('run/gateway-keys.json');

$gate->create_folders;
$gate->write_config;


# --- helpers ----------------------------------------------------------------

sub key {
    my ($words, %env) = @_;
    return portero($gate, [split / /, $words],
        env => { map { ("PORTERO_$_" => $env{$_}) } keys %env });
}

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', $path or return '';
    local $/;
    return scalar <$in>;
}

sub mode { return sprintf '%04o', (stat $_[0])[2] & 07777 }

# Name and text of all that is in the directory.
sub content {
    return join "\n", map { my ($name) = m{([^/]+)$}; "$name " . slurp($_) }
                      sort glob "$dir/* $dir/.[a-z]*";
}

sub list {
    return JSON::PP->new->utf8->decode(key('--json key list', @_)->{out});
}

sub empty { unlink glob("$dir/* $dir/.[a-z]*"), $file }


# --- made -------------------------------------------------------------------

refused(key('key list'), qr/portero key generate/,
    'without keys it is said what makes them');

my $run = key('key generate');
is($run->{status}, 0, 'keys are made');
is($run->{out}, "3 new in $dir\n", 'three of them');
is(mode($dir), '0700', 'the directory is closed');
is(join(' ', map { mode($_) } glob "$dir/*"), '0600 ' x 3 . '0600',
    'each file, too');
is(join(' ', map { m{([a-z]+)[^/]*$} } glob "$dir/*"),
    'refresh sign sign state', 'keys and their state');
is((stat $_)[4], (stat $dir)[4], "$_ belongs to the directory's owner")
    for glob("$dir/*"), $file;
is(mode($file), '0640', 'gateways get a file');

my $before = content();
$run = key('key generate');
is($run->{out}, "0 new in $dir\n", 'a second time makes nothing');
is(content(), $before, 'and changes nothing');

my @keys = @{ list() };
is(join(' ', sort map { $_->{state} } @keys), 'active next', 'list: states');
is(join(' ', map { $_->{alg} } @keys), 'ES256 ES256', 'list: algorithms');
like($_->{since}, qr/\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/, 'list: since')
    for @keys;
like(key('key list')->{out}, qr/^$_->{kid}\tES256\t$_->{state}\t20/m,
    'list, for people') for @keys;

for my $key (@keys) {
    my $pk = Crypt::PK::ECC->new("$dir/sign-$key->{kid}.pem");
    is($pk->export_key_jwk_thumbprint('SHA256'), $key->{kid},
        'another reader finds the key, and that kid is its thumbprint');
    like(slurp("$dir/sign-$key->{kid}.pem"), qr/\A-----BEGIN PRIVATE KEY-----/,
        'it is PKCS #8');
}

my $set = JSON::PP->new->decode(slurp($file));
is(join(' ', sort map { $_->{kid} } @{ $set->{keys} }),
    join(' ', sort map { $_->{kid} } @keys), 'the file has both');
is((grep { exists $_->{d} || exists $_->{k} } @{ $set->{keys} }), 0,
    'and nothing private');
unlike($run->{out} . $run->{err} . key('key list')->{out}, qr/PRIVATE/,
    'no command shows a key');


# --- what is missing ----------------------------------------------------------

unlink $file;
is(key('key generate')->{status}, 0, 'a file for gateways that is gone');
ok(-s $file, 'is written again');

my $state = slurp("$dir/state");
my ($next) = map { $_->{kid} } grep { $_->{state} eq 'next' } @keys;
my ($active) = map { $_->{kid} } grep { $_->{state} eq 'active' } @keys;
rewrite(grep { !/ next / } lines());
is(key('key generate')->{out}, "1 new in $dir\n", 'a next key that is missing');
my @again = @{ list() };
is(join(' ', map { $_->{kid} } grep { $_->{state} eq 'active' } @again),
    $active, 'the active one stays');
isnt(join(' ', map { $_->{kid} } grep { $_->{state} eq 'next' } @again),
    $next, 'the next one is new');

sub lines { return map { "$_\n" } split /\n/, $state }

sub rewrite {
    open my $out, '>', "$dir/state" or die "state: $!\n";
    print {$out} @_;
    close $out;
}


# --- refused ------------------------------------------------------------------

rewrite(lines());
my %refused = (
    'a key that others read' => [
        sub { chmod 0644, "$dir/sign-$active.pem" },
        sub { chmod 0600, "$dir/sign-$active.pem" },
        qr{sign-$active\.pem: mode 0644 lets others in} ],
    'a directory that others enter' => [
        sub { chmod 0755, $dir }, sub { chmod 0700, $dir },
        qr{\Q$dir\E: mode 0755 lets others in} ],
    'two active keys' => [
        sub { rewrite(map { s/ next / active /r } lines()) },
        sub { rewrite(lines()) }, qr{state: names two keys} ],
    'a state that nobody can read' => [
        sub { rewrite("dance\n") }, sub { rewrite(lines()) },
        qr{state: line 1: has to be} ],
    'a refresh key cut short' => [
        sub { rename "$dir/refresh-1.key", "$dir/away";
              open my $out, '>', "$dir/refresh-1.key"; print {$out} 'x';
              chmod 0600, "$dir/refresh-1.key";
              chown +(stat $dir)[4, 5], "$dir/refresh-1.key" },
        sub { rename "$dir/away", "$dir/refresh-1.key" },
        qr{refresh-1\.key: has 1 bytes; it has to have 32} ],
);

for my $name (sort keys %refused) {
    my ($break, $mend, $reason) = @{ $refused{$name} };
    $break->();
    my $content = content();
    refused(key('key list'), $reason, "$name: list");
    refused(key('key generate'), $reason, "$name: generate");
    is(content(), $content, "$name: nothing is changed");
    $mend->();
    is(key('key list')->{status}, 0, "$name: until it is mended");
}

refused(key('key generate', ALGORITHM => 'RS256'),
    qr/is a key for ES256, but ALGORITHM is RS256/, 'another algorithm');
rename "$dir/state", $gate->path('run/state');
refused(key('key generate'), qr/state: is missing, and there are keys/,
    'keys without their state');
rename $gate->path('run/state'), "$dir/state";
refused(key('key generate', KEY_DIR => '/proc/keys/x'), qr/cannot be created/,
    'a directory that cannot be made');
refused(key('key generate', GATEWAY_KEYS_FILE => '/proc/keys.json'),
    qr{GATEWAY_KEYS_FILE /proc/keys\.json: cannot be written},
    'a file that cannot be written');
refused(key("key $_"), qr/usage: portero key/, "usage: key $_", 2)
    for 'generate now', 'list all';


# --- other algorithms ---------------------------------------------------------

empty();
is(key('key generate', ALGORITHM => 'RS256')->{status}, 0, 'RS256');
ok(Crypt::PK::RSA->new($_)->size >= 256, 'keys of 2048 bits or more')
    for glob "$dir/sign-*.pem";
is(join(' ', map { $_->{alg} } @{ list(ALGORITHM => 'RS256') }),
    'RS256 RS256', 'are listed as such');

empty();
my $secret = 'fZ3q8Lw0xN5vB1mK7tR9yU2sD4gH6jPc';
my %hs = (ALGORITHM => 'HS256', SECRET_KEY => $secret);
is(key('key generate', %hs)->{out}, "1 new in $dir\n",
    'HS256 needs no key of its own, but one for refresh tokens');
is(mode($file), '0640', 'the file with the secret is closed');
my ($oct) = @{ JSON::PP->new->decode(slurp($file))->{keys} };
is("$oct->{kty} $oct->{alg}", 'oct HS256', 'and gateways find it there');
my ($listed) = @{ list(%hs) };
is("$listed->{kid} $listed->{alg} $listed->{state}",
    "$oct->{kid} HS256 active", 'list: the secret has a name');
is($listed->{since}, undef, 'list: and no age');
my $said = key('key list', %hs);
unlike($said->{out} . $said->{err}, qr/\Q$secret\E/, 'but is not shown');


# --- at once, and as root -----------------------------------------------------

empty();
my @runs = map { portero_end($_) }
           map { portero_start($gate, [qw(key generate)]) } 1 .. 4;
is(join(' ', map { $_->{status} } @runs), '0 0 0 0', 'four at once, all well');
is(join(' ', sort map { $_->{out} =~ /^(\d)/ } @runs), '0 0 0 3',
    'one of them makes the keys');

SKIP: {
    skip 'only root makes files for others', 2 if $>;
    my $new = $gate->path('run/new');
    my $made = key('key generate', KEY_DIR => $new);
    like($made->{err}, qr/belongs to root: .*chown/,
        'root is told that the service cannot read what root made');
    remove_tree($new);
    unlike(key('key generate')->{err}, qr/chown/,
        'and nothing is said where it can');
}

$gate->finish;
done_testing();
