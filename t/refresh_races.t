# Refreshes that meet: many tabs at once, answers that overtake each other, a
# COMMIT whose answer is lost, a logout, a new password or a disabled user on
# the way.  A session never ends by an accident of timing, nor survives its end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Gate;
use Held qw(together);

use constant PRESENTERS => 40;

my $gate = Gate->new(settings => { TOKEN_WORKERS => PRESENTERS });
my %WHO = (username => 'ana', password => 'correct horse battery');
my ($sid, $access);

$gate->start_all;
$gate->add_user('ana', $WHO{password});


# --- many at once -----------------------------------------------------------

for my $default ('read committed', 'repeatable read', 'serializable') {
    $gate->psql('postgres', 'postgres', "ALTER ROLE portero_service
        SET default_transaction_isolation = '$default'");
    $gate->stop_part('login');
    $gate->start_login;

    my $first = sign_in();
    my $held = hold();
    my @answers = together((sub { refresh($first) }) x PRESENTERS,
        sub { $held->wait_for_waiters(PRESENTERS); $held->commit; });
    is(statuses(@answers), '200 ' . PRESENTERS . ' times',
        "$default is the role's default: all are renewed");
    is(() = successors(@answers), 1, 'with one and the same token');
    is(generation(), 2, 'by one rotation');
    is(statuses(refresh((successors(@answers))[0])), '200 1 times',
        'which is good');
}
$gate->psql('postgres', 'postgres',
    'ALTER ROLE portero_service RESET default_transaction_isolation');


# --- answers that overtake each other ---------------------------------------

# Tabs of one browser, of which some still have the token before: in each
# round one rotation, whatever comes first.

my @known = (sign_in());
for my $round (1 .. 5) {
    aged(30);
    my $held = hold();
    my @answers = together(
        (map { my $token = $known[-1]; sub { refresh($token) } } 1 .. 6),
        sub { $held->wait_for_waiters(6); $held->commit; });
    is(statuses(@answers), '200 6 times', "round $round: the current token");
    push @known, successors(@answers);

    $held = hold();
    @answers = together(
        (map { my $token = $known[-1 - $_ % 2]; sub { refresh($token) } }
            1 .. 6),
        sub { $held->wait_for_waiters(6); $held->commit; });
    is(statuses(@answers), '200 6 times', 'it and the one before, mixed');
    is(join(' ', successors(@answers)), $known[-1], 'all get the newest');
}
is(generation(), 6, 'each round rotated once');
is(ended(), '', 'and the session lives');

# What is really old is found, whoever asks at the same time.

my $held = hold();
my @answers = together(sub { refresh($known[1]) }, sub { refresh($known[-1]) },
    sub { $held->wait_for_waiters(2); $held->commit; });
is($answers[0]{json}{reason}, 'reuse', 'a stolen old token is reuse');
is(ended(), 'reuse', 'and ends the session');
is($gate->value("SELECT count(*) FROM portero.audit
    WHERE sid = '$sid' AND event = 'refresh_reuse'"), 1, 'the audit knows');
is(refresh($known[-1])->{json}{reason}, 'reuse', 'for everybody');


# --- the answer of COMMIT is lost -------------------------------------------

# The server waits for a standby that does not exist, with the commit done on
# its own disk; then the connection goes.

my $first = sign_in();
set_server("synchronous_standby_names = 'nobody'");
my ($answer) = together(sub { refresh($first) }, sub {
    my $ended = '';
    my $end = time + 20;
    while ($ended !~ /t/ && time < $end) {
        $ended = $gate->psql('postgres', 'postgres', q{
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = 'portero_service' AND wait_event = 'SyncRep'});
        sleep 0.02;
    }
    like($ended, qr/t/, 'a connection that waits for COMMIT is ended');
    set_server("synchronous_standby_names = ''");
});
ok($answer->{status} == 200 || $answer->{status} == 503,
    "a COMMIT whose answer is lost: $answer->{status}");
is(generation(), 2, 'it was done');
my $again = refresh($first);
is($again->{status}, 200, 'the same token again');
is($again->{json}{refresh_token}, $answer->{json}{refresh_token},
    'brings the same successor') if $answer->{status} == 200;
is(generation(), 2, 'nothing rotates twice');
is(ended(), '', 'and the session lives');

# The same with a connection that is lost before anything was done.

$first = sign_in();
$held = hold();
($answer) = together(sub { refresh($first) }, sub {
    $held->wait_for_waiters(1);
    $gate->psql('postgres', 'postgres', q{
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usename = 'portero_service' AND wait_event_type = 'Lock'});
    $held->commit;
});
ok($answer->{status} == 200 || $answer->{status} == 503,
    "a connection that is lost before it: $answer->{status}");
is(statuses(refresh($first)), '200 1 times', 'again');
is(generation(), 2, 'one rotation');


# --- what ends a session, in both orders ------------------------------------

my %end = (
    'a logout' => {
        first => sub { "SELECT portero.session_end('$sid', NULL,
            (SELECT sub::text FROM portero.users), 'logout', NULL, NULL)" },
        second => sub {
            $gate->post('/auth/logout', { refresh_token => $_[0] }) },
        status => 204,
    },
    'a disabled user' => {
        first => sub { "SELECT portero.admin_user_set_disabled('ana', true)" },
        second => sub { $gate->portero('user', 'disable', 'ana');
                        return { status => 0 } },
        status => 0,
        after => sub { $gate->portero('user', 'enable', 'ana') },
    },
    'a new password' => {
        second => sub {
            $gate->post('/auth/password', { current_password => $WHO{password},
                new_password => $WHO{password} . '!' },
                Authorization => "Bearer $access") },
        status => 200,
        after => sub { $WHO{password} .= '!' },
    },
);

for my $name (sort keys %end) {
    my $end = $end{$name};

    if ($end->{first}) {
        my $token = sign_in();
        my $held = Held->new($gate, $end->{first}->());
        my ($answer) = together(sub { refresh($token) },
            sub { $held->wait_for_waiters(1); $held->commit; });
        is($answer->{json}{reason}, 'revoked',
            "$name, then a refresh: is refused");
        $end->{after}->() if $end->{after};
    }

    my $token = sign_in();
    my $held = Held->new($gate, "SELECT portero.session_refresh('$sid',
        (SELECT digest FROM portero.sessions WHERE sid = '$sid'), 1, true, 30,
        1800, 600, NULL, NULL)");
    my ($answer) = together(sub { $end->{second}->($token) },
        sub { $held->wait_for_blocked; $held->commit; });
    is($answer->{status}, $end->{status}, "a refresh, then $name: is done");
    isnt(ended(), '', 'and ends the session');
    is(refresh($token)->{status}, 401, 'for its token');
    $end->{after}->() if $end->{after};
}

# The refresh comes second to a new password, which is not done in one step.

my $token = sign_in();
is($gate->post('/auth/password', { current_password => $WHO{password},
    new_password => 'another good password' },
    Authorization => "Bearer $access")->{status}, 200, 'a new password');
is(refresh($token)->{json}{reason}, 'revoked', 'then a refresh: is refused');

$gate->finish;
done_testing();


sub sign_in {
    my $answer = $gate->login({ %WHO });
    is($answer->{status}, 200, 'a login') if $answer->{status} != 200;
    $sid = $answer->{json}{session}{id};
    $access = $answer->{json}{access_token};
    return $answer->{json}{refresh_token};
}


sub refresh {
    my ($token) = @_;
    return $gate->post('/auth/refresh', { refresh_token => $token });
}


sub hold {
    return Held->new($gate,
        "SELECT FROM portero.sessions WHERE sid = '$sid' FOR UPDATE");
}


sub statuses {
    my %n;
    $n{$_->{status}}++ for @_;
    return join ', ', map { "$_ $n{$_} times" } sort keys %n;
}


sub successors {
    my %token = map { ($_->{json}{refresh_token} // 'none') => 1 } @_;
    return sort keys %token;
}


sub generation {
    return $gate->value("SELECT generation FROM portero.sessions
                         WHERE sid = '$sid'");
}


sub ended {
    return $gate->value("SELECT end_reason FROM portero.sessions
                         WHERE sid = '$sid'");
}


# As if the last rotation were so many seconds ago.

sub aged {
    my ($seconds) = @_;
    $gate->sql("UPDATE portero.sessions SET rotated_at = rotated_at
        - interval '$seconds seconds' WHERE sid = '$sid'");
}


sub set_server {
    my ($setting) = @_;
    $gate->psql('postgres', 'postgres', "ALTER SYSTEM SET $setting");
    $gate->psql('postgres', 'postgres', 'SELECT pg_reload_conf()');
}
