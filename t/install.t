# What "make install" leaves, what systemd and mandoc say of it, and that the
# manual pages name every command and every setting.

use strict;
use warnings;

use FindBin;

use File::Temp qw(tempdir);
use Test::More;


my $root = tempdir('portero-t-XXXXXX', DIR => '/var/tmp', CLEANUP => 1);
my $source = "$FindBin::Bin/..";
my $build = $ENV{PORTERO_BUILD} // "$source/build";
my @sanitize = $build =~ m{/sanitize$} ? ('SANITIZE=1') : ();

sub run {
    my (@command) = @_;
    my $pid = open my $out, '-|';
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @command or exit 127;
    }
    my $text = do { local $/; <$out> } // '';
    close $out;
    return ($? >> 8, $text);
}

sub slurp { open my $file, '<', $_[0] or return ''; local $/; return <$file> }


# --- what is there ----------------------------------------------------------

my ($status, $text) = run('make', '-s', '-C', $source, 'install', @sanitize,
    "DESTDIR=$root", 'prefix=/usr');
is($status, 0, 'make install') or diag $text;

for (qw(sbin/portero-login bin/portero lib/nginx/modules/ngx_http_auth_jwt_module.so
        share/portero/sql/roles.sql share/portero/nginx-conf/portero-site.conf
        share/portero/web/index.html share/portero/web/portero/session.js
        share/man/man1/portero.1 share/man/man5/portero.conf.5
        share/man/man8/portero-login.8 lib/systemd/system/portero-login.service
        lib/sysusers.d/portero.conf lib/tmpfiles.d/portero.conf))
{
    ok(-s "$root/usr/$_", $_);
}

my ($others) = run('find', $root, '!', '-type', 'l', '-perm', '/022');
is((run('find', $root, '-type', 'f', '-perm', '/022'))[1], '',
    'only its owner writes to any of it');


# --- systemd ----------------------------------------------------------------

my $unit = "$root/usr/lib/systemd/system/portero-login.service";
like(slurp($unit), qr{^ExecStart=/usr/sbin/portero-login }m,
    'the unit has the prefix');

# What it starts has to be there to be verified.
my $copy = "$root/portero-login.service";
{
    my $unit_text = slurp($unit);
    $unit_text =~ s{ExecStart=/usr}{ExecStart=$root/usr};
    $unit_text =~ s{^Documentation=.*\n}{}m;    # the pages are not in man's path
    open my $file, '>', $copy or die $!;
    print {$file} $unit_text;
}
($status, $text) = run('systemd-analyze', 'verify', $copy);
is($status, 0, 'systemd-analyze verify');
unlike($text, qr/portero-login/, 'has nothing to say') or diag $text;

($status, $text) = run('systemd-analyze', 'security', '--offline=yes',
    '--threshold=20', $copy);
is($status, 0, 'systemd-analyze security: 2.0 at most')
    or diag((split /\n/, $text)[-1]);

like((run('systemd-sysusers', '--dry-run',
    "$root/usr/lib/sysusers.d/portero.conf"))[1],
    qr/portero|^$/, 'systemd-sysusers takes its file');
unlike((run('systemd-tmpfiles', '--create', "--root=$root",
    "$root/usr/lib/tmpfiles.d/portero.conf"))[1],
    qr/syntax|Unknown (?:line|command)|Duplicate/i,
    'systemd-tmpfiles takes its file');


# --- manual pages -----------------------------------------------------------

for (glob "$source/docs/man/*") {
    my ($name) = m{([^/]+)$};
    ($status, $text) = run('mandoc', '-Tlint', '-W', 'warning', $_);
    is("$status$text", '0', "mandoc: $name");
}

# As people read it: without marks and line breaks.
sub page {
    my ($name) = @_;
    my $text = (run('mandoc', '-Tascii', '-O', 'width=200',
        "$source/docs/man/$name"))[1];
    $text =~ s/.\x08//g;
    $text =~ s/\s+/ /g;
    return $text;
}

my $page = page('portero.1');
my $usage = (run("$build/portero", '--help'))[1];
my @commands = $usage =~ /^  (\w.*)$/mg;
cmp_ok(scalar @commands, '>', 20, 'commands');
for my $command (@commands) {
    my ($words) = $command =~ /^((?:[a-z-]+ ?)+)/;
    $words =~ s/ $//;
    like($page, qr/ \Q$words\E /, "portero(1): $words");
    like($page, qr/\Q$_\E/, "portero(1): $_") for $command =~ /(--[a-z]+)/g;
}
my @told = slurp("$source/docs/man/portero.1")
    =~ /^\.It Cm ([a-z]+(?: [a-z]+(?:-[a-z]+)?)?)(?= (?:Ar|Op|Oo)|$)/mg;
for my $told (@told) {
    like($usage, qr/^  \Q$told\E\b/m, "there is such a command: $told");
}

my $table = slurp("$source/login-service/config_table.c");
my @settings = $table =~ /^    \{ "([A-Z_]+)", CONFIG_(?!DURATION)/mg;
my @durations = $table =~ /^    \{ "([A-Z_]+)", CONFIG_DURATION/mg;
cmp_ok(@settings + @durations, '>', 20, 'settings');
my $conf = slurp("$source/docs/man/portero.conf.5");
like($conf, qr/^\.It Cm $_$/m, "portero.conf(5): $_") for @settings;
like($conf, qr/^\.It Cm ${_}_(?:SECONDS|MINUTES|HOURS|DAYS)$/m,
    "portero.conf(5): $_, a duration") for @durations;
my %known = map { $_ => 1 } @settings, @durations;
for my $name ($conf =~ /^\.It Cm ([A-Z_]+)$/mg) {
    my $base = $name =~ s/_(?:SECONDS|MINUTES|HOURS|DAYS)$//r;
    ok($known{$name} || $known{$base}, "there is such a setting: $name");
}

done_testing();
