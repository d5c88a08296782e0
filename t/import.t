# Users from elsewhere: "portero user import", and hashes that other software
# made, which are verified, bounded in cost, and replaced at the first login.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Command qw(portero refused);
use Gate;


my $HEADER = 'username,password_hash,email,roles';
my $PASSWORD = 'correct horse battery';
my $gate = Gate->new(settings => { PASSWORD_WORKERS => 2 });

$gate->start_all;
$gate->psql('postgres', 'portero', 'CREATE EXTENSION pgcrypto');


# --- helpers ----------------------------------------------------------------

sub file {
    my (@lines) = @_;
    my $path = $gate->path('users.csv');
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} map { /\n\z/ ? $_ : "$_\n" } @lines;
    close $file;
    return $path;
}

sub import_of { return portero($gate, ['user', 'import', file($HEADER, @_)]) }

sub count { return $gate->value('SELECT count(*) FROM portero.users') }

sub hash_of {
    my ($name) = @_;
    return $gate->value("SELECT password_hash FROM portero.users
                         WHERE username = '$name'");
}

sub login {
    my ($name, $password) = @_;
    return $gate->login({ username => $name, password => $password })
        ->{status};
}

# By Debian's own Python, whatever else is installed.
sub python {
    my ($code) = @_;
    open my $pipe, '-|', '/usr/bin/python3', '-W', 'ignore', '-c', $code
        or die "python3: $!\n";
    chomp(my $text = do { local $/; <$pipe> } // '');
    close $pipe or die "python3: $code\n";
    return $text;
}


# --- hashes that others made ------------------------------------------------

my %hash = (
    passlib_bcrypt => python("from passlib.hash import bcrypt\n"
        . "print(bcrypt.using(rounds=5).hash('$PASSWORD'))"),
    python_bcrypt => python("import bcrypt\nprint(bcrypt.hashpw("
        . "b'$PASSWORD', bcrypt.gensalt(5)).decode())"),
    pgcrypto_bcrypt => $gate->psql('postgres', 'portero',
        "SELECT crypt('$PASSWORD', gen_salt('bf', 5))") =~ s/\n//r,
    passlib_sha512crypt => python("from passlib.hash import sha512_crypt\n"
        . "print(sha512_crypt.using(rounds=4000).hash('$PASSWORD'))"),
    passlib_sha256crypt => python("from passlib.hash import sha256_crypt\n"
        . "print(sha256_crypt.using(rounds=4000).hash('$PASSWORD'))"),
    openssl_sha512crypt => `openssl passwd -6 '$PASSWORD'` =~ s/\n//r,
    scrypt => crypt($PASSWORD, '$7$86..../....abcdefghijklmnop$'),
    yescrypt => crypt($PASSWORD, '$y$j75$abcdefghijklmnopqrst.0'),
    same_cost => crypt($PASSWORD, '$y$jAT$abcdefghijklmnopqrst.0'),
);
my @names = sort keys %hash;

my $run = import_of(map { "$_,$hash{$_},$_\@example.com,reader  writer" }
                    @names);
is($run->{status}, 0, 'an import') or diag($run->{err});
is($run->{out}, scalar @names . " users\n", 'says how many');
is($gate->value("SELECT string_agg(DISTINCT roles::text, ' ')
                 FROM portero.admin_user_list()"), '{reader,writer}',
    'with their roles');
is($gate->value("SELECT email FROM portero.users
                 WHERE username = 'yescrypt'"), 'yescrypt@example.com',
    'and addresses');

for my $name (@names) {
    is(hash_of($name), $hash{$name}, "$name: as it was");
    is(login($name, "$PASSWORD."), 401, "$name: a wrong password");
    is(hash_of($name), $hash{$name}, "$name: changes nothing");
    is(login($name, $PASSWORD), 200, "$name: the right one");

    if ($name eq 'same_cost') {
        is(hash_of($name), $hash{$name}, "$name: needs no other hash");
        next;
    }
    like(hash_of($name), qr/^\$y\$jAT\$/, "$name: has one of ours after it");
    is(login($name, $PASSWORD), 200, "$name: which is right, too");
}


# --- the form of the file ---------------------------------------------------

my $n = count();
$run = import_of(qq("quo""ted",,,), qq("quoted","","a\@example.com","r1"\r\n),
                 'last,,,');
refused($run, qr/users\.csv:2: a username/, 'a quote is no name');
$run = import_of(qq("quoted","","a\@example.com","r1 r2"\r\n), "\n",
                 'no.hash,,,', "last,$hash{scrypt},,\r\n");
is($run->{status}, 0, 'quotes, CRLF, an empty line') or diag($run->{err});
is(count(), $n + 3, 'three users');
is($gate->value("SELECT count(*) FROM portero.users
                 WHERE password_hash IS NULL AND email IS NULL"), 1,
    'what is empty is not there');
is(login('no.hash', ''), 401, 'who has no hash cannot log in');

$run = portero($gate, ['user', 'import',
    file("\xef\xbb\xbf$HEADER", 'bom,,,')]);
is($run->{status}, 0, 'a mark of UTF-8 in front');
$run = portero($gate, ['--json', 'user', 'import', file($HEADER)]);
is_deeply(decode_json($run->{out}), { users => 0 }, 'nobody, as JSON');


# --- refused, and nothing is changed ----------------------------------------

$n = count();
my $rest = ",$hash{yescrypt},,";

for my $bad (
    ['no header', 1, qr/first line has to be $HEADER/, undef, "ann$rest"],
    ['another header', 1, qr/first line/, 'username,email', 'ann,a@b'],
    ['an empty file', 1, qr/empty/, undef],
    ['three fields', 3, qr/not four/, $HEADER, "ann$rest", 'bob,,'],
    ['five fields', 2, qr/more than four/, $HEADER, "ann$rest,"],
    ['a name with a space', 2, qr/username/, $HEADER, "ann b$rest"],
    ['a name of 65 bytes', 2, qr/username/, $HEADER, 'a' x 65 . $rest],
    ['no name', 2, qr/username/, $HEADER, $rest],
    ['a formula for a name', 2, qr/username/, $HEADER,
     qq("=cmd|'/c calc'!A1"$rest)],
    ['a name that is not ASCII', 2, qr/username/, $HEADER,
     "\xc3\xa1na$rest"],
    ['an open quote', 2, qr/quoted field/, $HEADER, qq("ann$rest)],
    ['text after a quote', 2, qr/quoted field/, $HEADER, qq("ann"x$rest)],
    ['a quote within', 2, qr/quote within/, $HEADER, qq(an"n$rest)],
    ['a line break in quotes', 2, qr/quoted field/, $HEADER,
     qq("an\nn,,,)],
    ['a NUL', 2, qr/NUL/, $HEADER, "ann\0$rest"],
    ['a line of 5000 bytes', 2, qr/4096/, $HEADER, 'a' x 5000],
    ['an address that is none', 2, qr/NAME\@HOST/, $HEADER, 'ann,,ann,'],
    ['two addresses', 2, qr/NAME\@HOST/, $HEADER, 'ann,,a@b@c,'],
    ['a role that is none', 2, qr/role has to be/, $HEADER, 'ann,,,"a,b"'],
    ['bytes that are no UTF-8', 2, qr/UTF8|UTF-8/, $HEADER,
     "ann,,\xff\@b,"],
    ['a name that is there', 3, qr/already/, $HEADER, "ann$rest",
     "YESCRYPT$rest"],
    ['a name twice', 4, qr/already/, $HEADER, "ann$rest", "bob$rest",
     "Ann$rest"],
    ['a password for a hash', 2, qr/password_hash is none/, $HEADER,
     'ann,secret,,'],
    ['MD5', 2, qr/password_hash/, $HEADER,
     'ann,' . crypt('x', '$1$abcdefgh$') . ',,'],
    ['DES', 2, qr/password_hash/, $HEADER, 'ann,' . crypt('x', 'ab') . ',,'],
    ['bcrypt of cost 15', 2, qr/too dear/, $HEADER,
     'ann,$2b$15$' . 'a' x 53 . ',,'],
    ['yescrypt of cost 10', 2, qr/too dear/, $HEADER,
     'ann,$y$jET$abcdefghijklmnopqrst.0$' . 'a' x 43 . ',,'],
    ['sha crypt of 1000001 rounds', 2, qr/too dear/, $HEADER,
     'ann,$6$rounds=1000001$salt$' . 'a' x 86 . ',,'],
    ['scrypt of 512 MiB', 2, qr/too dear/, $HEADER,
     'ann,$7$HU..../....salt$' . 'a' x 43 . ',,'],
    ['a bcrypt hash cut short', 2, qr/password_hash/, $HEADER,
     'ann,$2b$05$' . 'a' x 52 . ',,'])
{
    my ($name, $line, $pattern, @lines) = @$bad;
    $run = portero($gate, ['user', 'import',
        file(grep { defined } @lines)]);
    refused($run, qr/\Aportero: \S+users\.csv:$line: .*$pattern/, $name);
    is(count(), $n, "$name: nobody was added");
}
unlike($run->{err}, qr/a{52}/, 'a hash is not shown');

$run = import_of(map { "bad name$rest" } 1 .. 30);
is(scalar(() = $run->{err} =~ /\n/g), 20, 'the first twenty errors are named');
like($run->{err}, qr/:2: .*\n.*:3: .*\n/, 'each with its line');
refused(portero($gate, ['user', 'import', $gate->path('none.csv')]),
    qr/none\.csv: No such file/, 'no file');
refused(portero($gate, ['user', 'import', $gate->path('log')]),
    qr/log:\d+: Is a directory/, 'a folder');
is(portero($gate, ['user', 'import'])->{status}, 2, 'no name: usage');

# What came into the table past the import is not run either.

$gate->sql("UPDATE portero.users SET password_hash =
    '\$2b\$15\$' || repeat('a', 53) WHERE username = 'yescrypt'");
is(login('yescrypt', $PASSWORD), 401, 'a dear hash is a wrong password');
ok($gate->login_says(qr/"event":"hash_refused"/), 'and an error in the log');

$gate->finish;
done_testing();
