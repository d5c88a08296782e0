# portero user: who may log in.  And what all commands share: options, usage,
# and how a password comes in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Command qw(portero prompted refused);
use Gate;


my $gate = Gate->new(settings => { PASSWORD_MIN => 12 });
my $good = 'hvXq3,kTzr.w';

$gate->start_database;


# --- helpers ----------------------------------------------------------------

sub user {
    my ($words, %option) = @_;
    return portero($gate, ['user', split / /, $words], %option);
}

sub add {
    my ($words, $password) = @_;
    return user("add $words", input => $password // "$good\n");
}

sub hash { return $gate->sql(
    "SELECT password_hash FROM portero.users WHERE username = '$_[0]'") }

sub listed {
    my ($name) = @_;
    my $list = JSON::PP->new->utf8->decode(
        portero($gate, [qw(--json user list)])->{out});
    return (grep { $_->{username} eq $name } @$list)[0];
}

# The first word of the hash, and whether crypt(3) says that it fits.
sub fits {
    my ($name, $password) = @_;
    chomp(my $hash = hash($name));
    return $hash =~ /\A\$y\$jAT\$/ && crypt($password, $hash) eq $hash;
}


# --- usage ------------------------------------------------------------------

for my $words ([], ['dance'], ['user'], ['user', 'dance'], ['--dance'],
               ['--config'], ['key', 'user'], [''])
{
    my $run = portero($gate, $words);
    is("$run->{status} $run->{out}", '2 ', "usage: portero @$words");
    like($run->{err}, qr/usage: portero .*user add NAME/s, 'it is told');
}

refused(user($_), qr/usage: portero user/, "usage: user $_", 2)
    for 'add', 'add ann --email', 'add ann --role', 'add ann --rule x',
        'add ann bob', 'add --role x', 'disable', 'disable ann bob', 'enable',
        'role ann', 'role ann add', 'role ann put x', 'list ann', 'password',
        'password ann secret-in-an-argument';

my $help = portero($gate, ['--help'], config => undef);
is($help->{status}, 0, '--help is no mistake');
like($help->{out}, qr/^  \Q$_\E/m, "--help shows: $_")
    for 'migrate', 'check', 'user add', 'user list', 'user disable',
        'user enable', 'user role', 'user password', 'key generate',
        'key list';

refused(portero($gate, [qw(user list)], config => '/nowhere'),
    qr{/nowhere: .*No such file}, 'a file of settings that is not there');
is(portero($gate, [qw(user list)], config => undef,
    env => { PORTERO_CONFIG => $gate->config })->{status}, 0,
    'PORTERO_CONFIG names it, too');
refused(portero($gate, [qw(user list)], env => { PORTERO_DANCE => 1 }),
    qr/there is no setting DANCE/, 'an unknown setting');
refused(portero($gate, [qw(user list)], env =>
        { PORTERO_ADMIN_DATABASE_URL => 'postgresql:///portero?host=/nowhere' }),
    qr{the database does not answer: .*/nowhere}, 'no database');
refused(portero($gate, [qw(user list)], env => {
        PORTERO_ADMIN_DATABASE_URL => $gate->database_url('portero_service') }),
    qr/permission denied/, 'the role of the service may not ask');


# --- add --------------------------------------------------------------------

my $ann = add('ann --email ann@example.org --role staff --role ops');
is($ann->{status}, 0, 'a user is added');
like($ann->{out}, qr/\A[0-9a-f]{8}-[0-9a-f-]{27}\n\z/, 'and its sub printed');
ok(fits('ann', $good), 'the password is kept as yescrypt');

my $row = listed('ann');
chomp $ann->{out};
is($row->{sub}, $ann->{out}, 'list: sub');
is($row->{email}, 'ann@example.org', 'list: email');
is("@{ $row->{roles} }", 'ops staff', 'list: roles');
ok(!$row->{disabled}, 'list: not disabled');
ok($row->{created_at}, 'list: when');
is($row->{last_login_at}, undef, 'list: no login yet');
like(user('list')->{out}, qr/^ann\t$ann->{out}\tops,staff\t$/m,
    'list, for people');

is(add('bob', "$good\r\nanother line\n")->{status}, 0, 'one without more');
ok(fits('bob', $good), 'the first line is the password, without its end');
is(listed('bob')->{email}, undef, 'without an address');
is(add('eve', $good)->{status}, 0, 'a line without an end');

refused(add('Ann'), qr/there is a user of that name already/,
    'a name that differs in case only');
refused(add($_), qr/a name has to be 1 to 64/, "a name: $_")
    for 'a/b', "b\xc3\xa9b\xc3\xa9", 'x' x 65, "a'b", 'a"b', 'a;b';
refused(portero($gate, ['user', 'add', $_], input => "$good\n"),
    qr/a name has to be 1 to 64/, 'a name, empty or with blanks')
    for '', ' ', 'a b', "a\nb";
refused(add("carl --email $_"), qr/an e-mail address has to be/,
    "an address: $_") for 'carl', '@', 'a@b@c';
refused(portero($gate, ['user', 'add', 'carl', '--role', $_],
    input => "$good\n"), qr/a role has to be/, "a role: $_")
    for '', 'a b', 'a,b', 'x' x 65;
is(listed('carl'), undef, 'of these none is left behind');


# --- passwords --------------------------------------------------------------

refused(add('carl', $_->[0]), $_->[1], "password: $_->[2]") for
    ['', qr/there is no password/, 'nothing'],
    ["\n$good\n", qr/there is no password/, 'an empty line'],
    ["short\n", qr/too short \(PASSWORD_MIN\); at least 12/, 'short'],
    [("x" x 257) . "\n", qr/too long/, '257 characters'],
    [("\xc3\xa9" x 251) . "\n", qr/too long/, '502 bytes'],
    [("x" x 5000) . "\n", qr/too long/, '5000 characters'],
    ["Password1234\n", qr/most common/, 'common'],
    ["password\n", qr/too short .*, one of the most common/, 'two reasons'],
    ["$good\0more\n", qr/NUL/, 'with a NUL, which is not a shorter one'];
refused(add('carl.the.great', "Carl.the.Great\n"), qr/the user's name/,
    'password: the name');
is(listed('carl'), undef, 'none of them is kept');

is(add('umlaut', ("\xc3\xbc" x 12) . "\n")->{status}, 0,
    'characters are counted, not bytes');

my $asked = prompted($gate, [qw(user add dora)], $good, $good);
is($asked->{status}, 0, 'on a terminal it is asked for twice');
like($asked->{err}, qr/\APassword: \nAgain: \n\z/, 'by prompts');
unlike($asked->{echo}, qr/hvXq/, 'and not shown');
ok($asked->{echoes}, 'afterwards the terminal echoes again');
ok(fits('dora', $good), 'it is the one typed');

$asked = prompted($gate, [qw(user add emil)], $good, "$good.");
is($asked->{status}, 1, 'two that differ');
like($asked->{err}, qr/^portero: the two are not the same$/m, 'are refused');
unlike($asked->{echo} . $asked->{err}, qr/hvXq/, 'and neither is shown');

$asked = prompted($gate, [qw(user add emil)], \'INT');
is($asked->{signal}, 2, 'an interrupt ends it');
ok($asked->{echoes}, 'with the echo back');
is(listed('emil'), undef, 'and no user');


# --- change -----------------------------------------------------------------

refused(user("$_->[0] nobody$_->[1]", input => "$good\n"),
    qr/there is no user "nobody"/, "$_->[0]: no such user")
    for ['disable', ''], ['enable', ''], ['password', ''],
        ['role', ' add staff'], ['role', ' remove staff'];

is(user('disable ANN')->{status}, 0, 'disable, in any case');
ok(listed('ann')->{disabled}, 'she is');
like(user('list')->{out}, qr/^ann\t.*\tdisabled$/m, 'which people can read');
is(user('disable ann')->{status}, 0, 'twice is no mistake');
is(user('enable ann')->{status}, 0, 'enable');
ok(!listed('ann')->{disabled}, 'she is not');

is(user('role ann add audit')->{status}, 0, 'a role more');
is("@{ listed('ann')->{roles} }", 'audit ops staff', 'is there');
is(user('role ann add audit')->{status}, 0, 'twice is no mistake');
is(user('role ann remove ops')->{status}, 0, 'a role less');
is("@{ listed('ann')->{roles} }", 'audit staff', 'is gone');
refused(portero($gate, ['user', 'role', 'ann', 'add', 'a b']),
    qr/a role has to be/, 'a role with a blank');

my $before = hash('ann');
refused(user('password ann', input => "short\n"), qr/too short/,
    'a weak new password');
is(hash('ann'), $before, 'the old one stays');
is(user('password ann', input => "another,$good\n")->{status}, 0,
    'a good one');
ok(fits('ann', "another,$good") && !fits('ann', $good), 'takes its place');

unlike($gate->sql("SELECT string_agg(a::text, ' ') FROM portero.audit a"),
    qr/hvXq|\$y\$/, 'the audit has no password and no hash');

$gate->finish;
done_testing();
