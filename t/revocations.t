# The list of revocations as gateways read it: what is on it, in which order it
# appears, and how a reader notices that a database was restored.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;

use FastCGI qw(fcgi);
use Gate;
use Held qw(together);


my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';

$gate->start_all;
$gate->add_user($_, $PASSWORD) for qw(ana bob);
my $ana = $gate->value("SELECT sub FROM portero.users
                        WHERE username = 'ana'");


# --- helpers ----------------------------------------------------------------

sub answer { return fcgi($gate->path('run/internal.sock'), GET =>
    '/internal/revocations', query => $_[0] // '') }

sub list {
    my ($since) = @_;
    my ($body) = answer(defined $since ? "since=$since" : '')
        =~ /\AStatus: 200 .*\r\n\r\n(.*)\z/s;
    return JSON::PP->new->decode($body);
}

sub entries { return map { "$_->{kind} $_->{value}" } @{ $_[0]{entries} } }

sub sign_in { return $gate->login({ username => $_[0] // 'ana',
    password => $PASSWORD, delivery => 'token' })->{json} }

sub sign_out { return $gate->post('/auth/logout', {},
    Authorization => "Bearer $_[0]{access_token}") }


# --- what is on it ----------------------------------------------------------

my $empty = list();
is_deeply([sort keys %$empty], [qw(entries epoch more seq)], 'its members');
is_deeply($empty->{entries}, [], 'nothing yet');
is($empty->{seq}, 0, 'number 0');
ok(!$empty->{more}, 'and no more');
like($empty->{epoch}, qr/\A[0-9a-f]{16}\z/, 'an epoch');

my $session = sign_in();
my $now = time;
sign_out($session);
my $one = list();
is_deeply([entries($one)], ["sid $session->{session}{id}"], 'a logout');
is($one->{seq}, $one->{entries}[0]{seq}, 'up to its number');
is($one->{epoch}, $empty->{epoch}, 'the epoch stays');
my $exp = $one->{entries}[0]{exp};
cmp_ok($exp, '>=', $now + 600 + 60, 'it stays for an access token\'s life');
cmp_ok($exp, '<=', time + 600 + 61, 'and a minute of leeway, not longer');
is_deeply([sort keys %{ $one->{entries}[0] }], [qw(exp kind seq value)],
    'no version where there is none');
is_deeply(list($one->{seq})->{entries}, [], 'nothing after it');
is(list($one->{seq})->{seq}, $one->{seq}, 'the same number again');

$session = sign_in();
my $jti = JSON::PP->new->decode(decode_base64url(
    (split /\./, $session->{access_token})[1]))->{jti};
$gate->post('/oauth/revoke', "token=$session->{access_token}",
    'Content-Type' => 'application/x-www-form-urlencoded');
$gate->portero('user', 'role', 'ana', 'add', 'reader');
my $two = list($one->{seq});
is_deeply([entries($two)], ["jti $jti", "sub $ana"],
    'a token, then a change of roles');
is($two->{entries}[1]{ver}, 2, 'with the version that is good from now on');
$gate->portero('user', 'disable', 'ana');
is_deeply([sort(entries(list($two->{seq})))],
    [sort "sid $session->{session}{id}", "sub $ana"],
    'a disabled user: the sessions and the version');
is(scalar(entries(list())), 5, 'from the start: all of it');


# --- the order in which it appears ------------------------------------------

my $before = list()->{seq};
my @sessions = map { sign_in('bob') } 1 .. 3;
my $held = Held->new($gate, "UPDATE portero.sessions SET ended_at = now(),
    end_reason = 'admin' WHERE sid = '$sessions[0]{session}{id}'",
    'SET CONSTRAINTS ALL IMMEDIATE');
my $seen;
my @answers = together(sub { sign_out($sessions[1]) },
    sub { sign_out($sessions[2]) }, sub {
    $held->wait_for_waiters(2);
    $seen = list($before);
    $held->commit;
});
is(join(' ', map { $_->{status} } @answers), '204 204',
    'who comes later waits, and is answered');
is_deeply($seen->{entries}, [], 'what is not committed is not seen');
is($seen->{seq}, $before, 'and its number not told');
my $after = list($before);
is((entries($after))[0], "sid $sessions[0]{session}{id}", 'the first first');
is(scalar(entries($after)), 3, 'then the others');
is(join(' ', map { $_->{seq} } @{ $after->{entries} }),
    join(' ', $before + 1 .. $before + 3), 'without a gap');


# --- pages ------------------------------------------------------------------

$gate->sql("SELECT portero.revocation_add('jti', 'j-' || n)
            FROM generate_series(1, 2500) n");
my ($since, $pages, @all) = ($after->{seq}, 0);
while ($pages < 10) {
    my $page = list($since);
    $pages++;
    push @all, entries($page);
    $since = $page->{seq};
    last unless $page->{more};
}
is($pages, 3, 'three pages');
is_deeply(\@all, [map { "jti j-$_" } 1 .. 2500], 'with everything, once');
cmp_ok(length answer("since=$after->{seq}"), '<', 256 * 1024,
    'none is larger than a gateway takes');


# --- what is over -----------------------------------------------------------

my $newest = $since;
$gate->sql("UPDATE portero.revocation SET exp = now() - interval '1 second'");
my $over = list();
$over = list($over->{seq}) while $over->{more};
is_deeply($over->{entries}, [], 'what is over is not told');
is($over->{seq}, $newest, 'but the number stays');
$gate->sql("SELECT portero.revocation_add('jti', 'last')");
is($gate->value('SELECT count(*) FROM portero.revocation'), 1,
    'and it is deleted when the next comes');
is(list($newest)->{seq}, $newest + 1, 'which counts on');


# --- a database that was restored -------------------------------------------

is(list($newest + 100)->{seq}, $newest + 1,
    'a number from the future is answered with the truth');
my $epoch = list()->{epoch};
my $dump = $gate->path('dump.sql');
$gate->run_as(undef, Stack::pg('pg_dump'), '-h', $gate->pgsocket, '-U',
    'postgres', '-d', 'portero', '-n', 'portero', '--clean', '-f', $dump);
$gate->psql_file('postgres', 'portero', $dump);
my $restored = list();
isnt($restored->{epoch}, $epoch, 'from a dump: another epoch');
is($restored->{seq}, $newest + 1, 'what was in the dump');


# --- requests that are none -------------------------------------------------

for my $query ('since=', 'since=-1', 'since=1x', 'since=+1', 'since= 1',
    'x=1', 'since=1&since=2', 'since=99999999999999999999', 'SINCE=1')
{
    like(answer($query), qr/\AStatus: 400 /, "'$query'");
    ok($gate->login_says(qr/"event":"request_refused".*since=NUMBER/),
        'the log knows why');
}
is($gate->get('/internal/revocations')->{status}, 404,
    'nobody reads it from outside');

$gate->stop_part('postgres');
like(answer(), qr/\AStatus: 503 .*^Retry-After: /ms,
    'without a database: later');

$gate->finish;
done_testing();
