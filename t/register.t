# Registering: who may, which names and passwords are taken, and that a new
# user can log in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Held qw(together);


my $gate = Gate->new(settings => { PASSWORD_WORKERS => 2 });
my $PASSWORD = 'correct horse battery';

$gate->start_all;


# --- what works -------------------------------------------------------------

my $answer = $gate->register({ username => 'Ana', password => $PASSWORD,
    email => 'ana@example.com' });
is($answer->{status}, 201, 'a new user');
is($answer->{json}{user}{name}, 'Ana', 'has the name');
is($answer->{json}{user}{sub}, value('sub', 'Ana'), 'and an identifier');
is_deeply([sort keys %{ $answer->{json} }], ['user'], 'and no token yet');
is(Gate::header($answer, 'Set-Cookie'), '', 'nor a cookie');
is(value('email', 'Ana'), 'ana@example.com', 'the address is kept');
like(value('password_hash', 'Ana'), qr/^\$y\$/, 'the password as yescrypt');
like($gate->login_says(qr/"event":"registered"/),
    qr/"user":"$answer->{json}{user}{sub}"/, 'a line in the log');
is($gate->value("SELECT count(*) FROM portero.audit
                 WHERE event = 'registered'"), 1, 'one in the audit');

$answer = $gate->login({ username => 'ana', password => $PASSWORD });
is($answer->{status}, 200, 'who can log in');
is_deeply($answer->{json}{user}{roles}, [], 'with no roles');

for my $name ('a', 'x' x 64, 'a.b_c-d@e+F9') {
    is($gate->register({ username => $name, password => $PASSWORD })
        ->{status}, 201, "the name $name");
}

is($gate->register({ username => 'empty', password => $PASSWORD, email => '' })
    ->{status}, 201, "a form's empty address");
is(value('email IS NULL', 'empty'), 't', 'is none');

my $longest = "\xc3\xa9" x 246 . '12345678';     # 500 bytes, 254 characters
$answer = $gate->register(
    qq({"username":"bytes","password":"$longest"}),
    'Content-Type' => 'application/json');
is($answer->{status}, 201, 'a password of 500 bytes');
is($gate->login(qq({"username":"bytes","password":"$longest"}),
    'Content-Type' => 'application/json')->{status}, 200, 'counts whole');
chop $longest;
is($gate->login(qq({"username":"bytes","password":"$longest"}),
    'Content-Type' => 'application/json')->{status}, 401,
    'to its last byte');


# --- taken ------------------------------------------------------------------

for my $name ('Ana', 'ana', 'ANA') {
    taken($gate->register({ username => $name, password => $PASSWORD }),
        "the name $name");
}

# Two at once: one gets it.

my $held = Held->new($gate, 'LOCK TABLE portero.users IN SHARE MODE');
my @answers = together(
    (sub { $gate->register({ username => 'twin',
        password => $PASSWORD }) }) x 2,
    sub { $held->wait_for_waiters(2); $held->commit; });
is("@{[ sort map { $_->{status} } @answers ]}", '201 409', 'two at once');
like($gate->login_says(qr/"event":"register_refused"/), qr/"reason":"taken"/,
    'the log knows why');
is($gate->value("SELECT count(*) FROM portero.users
                 WHERE username = 'twin'"), 1, 'one user');


# --- weak passwords ---------------------------------------------------------

my @weak = (
    ['short-pass1', 'too_short'],
    ['', 'too_short'],
    ['x' x 257, 'too_long'],
    ["\xc3\xa9" x 250 . 'x', 'too_long'],
    ['some.long.name', 'same_as_name'],
    ['Some.Long.Name', 'same_as_name'],
    ['password1234', 'common'],
);
for (@weak) {
    my ($password, $reason) = @$_;

    my $answer = $gate->register(
        qq({"username":"some.long.name","password":"$password"}),
        'Content-Type' => 'application/json');
    is($answer->{status}, 422, "$reason: 422");
    is($answer->{json}{error}, 'weak_password', "$reason: weak_password");
    ok(scalar(grep { $_ eq $reason } @{ $answer->{json}{reasons} }),
        "$reason: the client learns why");
    like($gate->login_says(qr/"event":"register_refused"/),
        qr/"reason":"weak"/, "$reason: a line in the log");
}


# --- the form ---------------------------------------------------------------

my %good = (username => 'eve', password => $PASSWORD);
my @malformed = (
    ['no password', username => 'eve'],
    ['no username', password => $PASSWORD],
    ['a username that is no string', %good, username => 1],
    ['a password that is no string', %good, password => [1]],
    ['an email that is no string', %good, email => 1],
    ['an empty username', %good, username => ''],
    ['a username of 65', %good, username => 'x' x 65],
    (map { ["the username $_", %good, username => $_] }
        'a b', "a'b", 'a"b', 'a,b', "a\n", "\x{e9}ve", '<b>'),
    (map { ["the address $_", %good, email => $_] }
        'x', '@x', 'x@', 'a@b@c', "a b\@c", "a\@b\n", 'x' x 250 . '@x.yz'),
);
for (@malformed) {
    my ($name, @body) = @$_;

    my $answer = $gate->register({ @body });
    $name =~ s/[^ -~]/?/g;
    is($answer->{status}, 400, "$name: 400");
    is($answer->{json}{error}, 'invalid_request', "$name: invalid_request");
    like($gate->login_says(qr/"event":"request_refused"/),
        qr/"path":"\/auth\/register"/, "$name: a line in the log");
}
is($gate->value("SELECT count(*) FROM portero.users
                 WHERE username NOT IN ('Ana', 'a', '@{[ 'x' x 64 ]}',
                     'a.b_c-d\@e+F9', 'empty', 'bytes', 'twin')"), 0,
    'nobody else is registered');


# --- where there is nothing to register with --------------------------------

for my $function (qw(set_password create_user)) {
    $gate->sql("ALTER FUNCTION portero.$function(text, text, text)
                RENAME TO aside");
    my $answer = $gate->register({ %good });
    is($answer->{status}, 404, "without $function: 404");
    like($gate->login_says(qr/"event":"request_refused"/),
        qr/"status":"404"/, "without $function: a line in the log");
    $gate->sql("ALTER FUNCTION portero.aside(text, text, text)
                RENAME TO $function");
}


# --- closed -----------------------------------------------------------------

$gate->stop_part('login');
$gate->write_config(REGISTRATION => 'off');
$gate->start_login;

$answer = $gate->register({ %good });
is($answer->{status}, 403, 'closed: 403');
is($answer->{json}{error}, 'access_denied', 'closed: access_denied');
like($gate->login_says(qr/"event":"request_refused"/),
    qr/registration is closed/, 'closed: a line in the log');
is($gate->register({ username => 'eve' })->{status}, 400,
    'the form goes first');
is($gate->register({ username => 'ana', password => $PASSWORD })->{status}, 403,
    'who is closed does not tell whose name is taken');

$gate->finish;
done_testing();


sub taken {
    my ($answer, $name) = @_;

    is($answer->{status}, 409, "$name: 409");
    is($answer->{json}{error}, 'username_taken', "$name: username_taken");
    like($gate->login_says(qr/"event":"register_refused"/),
        qr/"reason":"taken"/, "$name: a line in the log");
}


sub value {
    my ($column, $name) = @_;
    return $gate->value("SELECT $column FROM portero.users
                         WHERE username = '$name'");
}
