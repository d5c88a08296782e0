# A user's sessions: to see which there are, and to end one, the others, all;
# never those of somebody else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Command qw(portero);
use Gate;
use Held qw(together);
use Resign qw(resign);


my $gate = Gate->new;
my $port = $gate->{port};
my %SAME = ('Sec-Fetch-Site' => 'same-origin');
my $PASSWORD = 'correct horse battery';
my $NOBODY = '00000000-0000-4000-8000-000000000000';

$gate->start_all;
$gate->add_user($_, $PASSWORD) for qw(ana bob);


# --- which there are --------------------------------------------------------

my @ana = map { sign_in('ana', "Browser/$_") } 1 .. 3;
my $bob = sign_in('bob', 'Bob/1');

my $answer = ask(GET => '/auth/sessions', $ana[2]);
my $list = $answer->{json}{sessions};
is($answer->{status}, 200, 'the list');
is(Gate::header($answer, 'Cache-Control'), 'no-store', 'not to be kept');
is_deeply([map { $_->{id} } @$list], [map { $_->{sid} } reverse @ana],
    "one's own, the last used first");
is_deeply([sort keys %{ $list->[0] }],
    [qw(address created_at current id last_used_at user_agent)],
    'what it tells of each');
is_deeply([map { $_->{user_agent} } @$list],
    ['Browser/3', 'Browser/2', 'Browser/1'], 'the browsers');
is_deeply([map { $_->{current} ? 1 : 0 } @$list], [1, 0, 0],
    'which one asks');
is($list->[0]{address}, '127.0.0.1', 'from where');
cmp_ok(abs($list->[0]{created_at} - time), '<', 60, 'since when');
like($answer->{body}, qr/"last_used_at": ?\d{10}[,}]/, 'in whole seconds');
is_deeply($gate->get('/auth/sessions', Cookie =>
        "access-$port=$ana[0]{access}")->{status}, 200, 'by cookie, too');

$gate->sql("UPDATE portero.sessions SET idle_at = now()
            WHERE sid = '$ana[0]{sid}'");
is(ids($ana[2]), "$ana[2]{sid} $ana[1]{sid}", 'not one that was idle');
@ana = @ana[1, 2];

refused(GET => '/auth/sessions', { access => 'x' }, 401, 'malformed');
is($gate->get('/auth/sessions')->{status}, 401, 'no token: 401');
refused(GET => '/auth/sessions', { access =>
    resign($gate, $ana[0]{access}, { sub => 'x' }) }, 401, 'unknown session');
is(ask(POST => '/auth/sessions', $ana[0])->{status}, 405, 'no POST');
is(ask(DELETE => '/auth/sessions', $ana[0])->{status}, 405,
    'to end them all takes more words than that');


# --- to end one -------------------------------------------------------------

for my $id ($bob->{sid}, $NOBODY, uc $ana[0]{sid}, 'x', "$ana[0]{sid}x",
            "$ana[0]{sid}%00", '%27%20or%20true--', ' ', '-' x 36)
{
    (my $path = "/auth/sessions/$id") =~ s/ /%20/g;
    my $status = ask(DELETE => $path, $ana[1])->{status};
    ok($status == 404 || $status == 400, "$path: $status");
}
for my $path ('/auth/sessions/', "/auth/sessions/$ana[0]{sid}/x",
              "/auth/session/$ana[0]{sid}")
{
    is(ask(DELETE => $path, $ana[1])->{status}, 404, "$path: 404");
}
is(ask(GET => "/auth/sessions/$ana[0]{sid}", $ana[1])->{status}, 405,
    'there is nothing to read of one');
ok(alive($_), 'nothing has ended') for @ana, $bob;

is($gate->request(DELETE => "/auth/sessions/$ana[0]{sid}", undef,
        Cookie => "access-$port=$ana[1]{access}",
        'Sec-Fetch-Site' => 'cross-site')->{status}, 403,
    'another site ends nothing');
is($gate->request(DELETE => "/auth/sessions/$ana[0]{sid}", undef)->{status},
    401, 'nor does nobody');
ok(alive($ana[0]), 'the session lives');

$answer = ask(DELETE => "/auth/sessions/$ana[0]{sid}", $ana[1]);
is("$answer->{status}$answer->{body}", '204', 'another one of mine: 204');
is(Gate::header($answer, 'Set-Cookie'), '', 'the cookies stay');
ended($ana[0], 'logout');
is(ids($ana[1]), $ana[1]{sid}, 'it is off the list');
is(ask(DELETE => "/auth/sessions/$ana[0]{sid}", $ana[1])->{status}, 404,
    'once');

$answer = $gate->request(DELETE => "/auth/sessions/$ana[1]{sid}", undef,
    Cookie => "access-$port=$ana[1]{access}", %SAME);
is($answer->{status}, 204, 'the own one');
ok($gate->clears_cookies($answer), 'and the cookies go');
ended($ana[1], 'logout');
refused(GET => '/auth/sessions', $ana[1], 401, 'revoked');


# --- the others, and all ----------------------------------------------------

for (['a refresh token', sub { logout($_[0], $_[1], refresh_token =>
          $_[0]{refresh}) }],
     ['an access token', sub { logout($_[0], $_[1]) }])
{
    my ($name, $logout) = @$_;

    @ana = map { sign_in('ana', "Browser/$_") } 1 .. 3;
    $answer = $logout->($ana[1], 'others');
    is($answer->{status}, 204, "$name, the others: 204");
    is(Gate::header($answer, 'Set-Cookie'), '', "$name: the cookies stay");
    ended($_, 'logout') for @ana[0, 2];
    is(ids($ana[1]), $ana[1]{sid}, "$name: it is alone");
    is($logout->($ana[0], 'others')->{status}, 401,
        "$name of one that has ended ends no others");
    is($logout->($ana[0], 'global')->{status}, 401, "$name: nor all");
    ok(alive($ana[1]), "$name: it lives");

    @ana = ($ana[1], sign_in('ana', 'Browser/4'));
    $answer = $logout->($ana[0], 'global');
    is($answer->{status}, 204, "$name, all: 204");
    ok($gate->clears_cookies($answer), "$name: the cookies go");
    ended($_, 'logout') for @ana;
}

@ana = map { sign_in('ana', "Browser/$_") } 1 .. 2;
for my $scope (qw(others global)) {
    is(logout({ access => resign($gate, $ana[0]{access},
            { exp => time - 60 }) }, $scope)->{status}, 401,
        "an access token that has expired ends no $scope");
    is(logout({ access => resign($gate, $ana[0]{access}, { sub => 'x' }) },
            $scope)->{status}, 401, "nor does somebody else's: $scope");
    is($gate->post('/auth/logout', { scope => $scope })->{status}, 401,
        "nor does nobody: $scope");
    is($gate->post('/auth/logout', { scope => $scope }, Cookie =>
            "refresh-$port=$ana[0]{refresh}",
            'Sec-Fetch-Site' => 'cross-site')->{status}, 403,
        "nor another site: $scope");
    like($gate->login_says(qr/"event":"token_refused"/),
        qr/"path":"\/auth\/logout"/, "$scope: the log says why");
}
ok(alive($_), 'they live') for @ana, $bob;

# One that begins meanwhile is after it, or ended by it.

my $held = Held->new($gate,
    "SELECT FROM portero.sessions WHERE sid = '$ana[0]{sid}' FOR UPDATE");
my @answers = together(
    sub { logout($ana[0], 'global') }, sub { logout($ana[0], 'global') },
    sub { $held->wait_for_waiters(1); $held->commit; });
is(join(' ', sort map { $_->{status} } @answers[0, 1]), '204 401',
    'twice at once: the second has no session any more');
ended($_, 'logout') for @ana;


# --- at most 20 -------------------------------------------------------------

@ana = map { sign_in('ana', "Browser/$_") } 1 .. 21;
ended($ana[0], 'limit');
is(scalar(split ' ', ids($ana[20])), 20, 'twenty are live');


# --- the command line -------------------------------------------------------

my $row = sign_in('bob', "Mal\e]0;x\aware");
my $run = portero($gate, [qw(session list bob)]);
is($run->{status}, 0, 'portero session list');
like($run->{out}, qr/^\Q$row->{sid}\E .* 127\.0\.0\.1 +Mal[?]?\]0;x[?]?ware *$/m,
    'what a browser calls itself does nothing to a terminal');
like($run->{out}, qr/^\Q$bob->{sid}\E .*Bob\/1 *$/m, 'a line each');
is_deeply([map { $_->{sid} } @{ JSON::PP->new->decode(
        portero($gate, ['--json', qw(session list bob)])->{out}) }],
    [$row->{sid}, $bob->{sid}], 'as JSON');
is(portero($gate, [qw(session list nobody)])->{out}, '', 'of nobody: none');

$run = portero($gate, [qw(session end), $bob->{sid}]);
is("$run->{status}$run->{out}$run->{err}", '0', 'portero session end');
ended($bob, 'admin');
ok(alive($row), 'that one alone');
for my $id ($bob->{sid}, $NOBODY, 'x') {
    $run = portero($gate, [qw(session end), $id]);
    is($run->{status}, 1, "$id again: refused");
    like($run->{err}, qr/\A[^\n]*there is no live session "\Q$id\E"[^\n]*\n\z/,
        'in one line');
}

$gate->finish;
done_testing();


sub sign_in {
    my ($name, $agent) = @_;
    my $json = $gate->login({ username => $name, password => $PASSWORD },
        'User-Agent' => $agent)->{json};
    return { sid => $json->{session}{id}, access => $json->{access_token},
             refresh => $json->{refresh_token} };
}


sub ask {
    my ($method, $path, $session) = @_;
    return $gate->request($method, $path, undef,
        Authorization => "Bearer $session->{access}");
}


sub ids {
    my ($session) = @_;
    return join ' ', map { $_->{id} }
        @{ ask(GET => '/auth/sessions', $session)->{json}{sessions} };
}


sub logout {
    my ($session, $scope, %body) = @_;
    return $gate->post('/auth/logout', { scope => $scope, %body },
        %body ? () : (Authorization => "Bearer $session->{access}"));
}


sub refused {
    my ($method, $path, $session, $status, $reason) = @_;
    is(ask($method, $path, $session)->{status}, $status, "$reason: $status");
    like($gate->login_says(qr/"event":"token_refused".*"reason":"$reason"/),
        qr/"path":"\Q$path\E"/, "$reason: in the log");
}


sub alive {
    my ($session) = @_;
    return $gate->value("SELECT ended_at IS NULL FROM portero.sessions
                         WHERE sid = '$session->{sid}'") eq 't';
}


sub ended {
    my ($session, $reason) = @_;
    is($gate->value("SELECT s.end_reason || ' ' || count(*)
            FROM portero.sessions s JOIN portero.revocation r
                 ON r.kind = 'sid' AND r.value = s.sid::text
            WHERE s.sid = '$session->{sid}' GROUP BY s.end_reason"),
        "$reason 1", "it has ended ($reason), and gateways will hear of it");
}
