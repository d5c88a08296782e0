# /metrics: what it counts, that it outlives workers, that promtool accepts it,
# and that the dashboard and the alerts ask for what is there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HTTP::Tiny;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

use FastCGI qw(begin fcgi fcgi_connect fcgi_read params stdin);
use Gate;


my $DOCS = "$FindBin::Bin/../docs/monitoring";
my $PASSWORD = 'correct horse battery';

my $gate = Gate->new(settings => { PASSWORD_QUEUE => 2, THROTTLE_NETWORK => 50,
    THROTTLE_ACCOUNT_NETWORK => 3, REFRESH_GRACE_SECONDS => 0 });
$gate->start_all;
$gate->add_user('ana', $PASSWORD);
$gate->add_user('bea', $PASSWORD);
$gate->portero('user', 'disable', 'bea');


# --- helpers ----------------------------------------------------------------

sub page { return $gate->get('/metrics') }

# { 'name{labels}' => value }
sub metrics {
    my %value = page()->{body} =~ /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/mg;
    return \%value;
}

# What has changed while the function ran, of the families named.
sub counted {
    my ($families, $run) = @_;

    my $before = metrics();
    $run->();
    my $after = metrics();
    return join ' ', map { $_ . '+' . ($after->{$_} - ($before->{$_} // 0)) }
        grep { /^portero_(?:$families)_total/
               && $after->{$_} != ($before->{$_} // 0) } sort keys %$after;
}

sub login {
    my ($name, $password) = @_;
    return $gate->login({ username => $name, password => $password,
                          delivery => 'token' })->{json};
}

sub refresh {
    my ($token) = @_;
    return $gate->post('/auth/refresh', { refresh_token => $token })->{json};
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    return do { local $/; <$file> };
}


# --- the page ---------------------------------------------------------------

my $page = page();
is($page->{status}, 200, 'it answers');
is(Gate::header($page, 'Content-Type'),
    'text/plain; version=0.0.4; charset=utf-8', 'in the format of Prometheus');
is(Gate::header($page, 'Cache-Control'), 'no-store', 'and is not kept');
is($gate->post('/metrics', {})->{status}, 403, 'it cannot be posted to');
like(fcgi($gate->path('run/token.sock'), GET => '/metrics'),
    qr/\AStatus: 404 /, 'another lane does not have it');

open my $promtool, '|-', 'promtool check metrics 2>&1' or die "promtool: $!\n";
print {$promtool} $page->{body};
ok(close $promtool, 'promtool finds nothing wrong');
unlike($page->{body}, qr/ana|bea|127\.0\.0|correct/, 'it names nobody');


# --- logins, refreshes, sessions --------------------------------------------

is(counted('logins', sub { login('ana', $PASSWORD) }),
    'portero_logins_total{outcome="ok"}+1', 'a login');
is(counted('logins', sub { login('ana', 'another password') }),
    'portero_logins_total{outcome="wrong"}+1', 'a wrong password');
is(counted('logins', sub { login('cem', $PASSWORD) }),
    'portero_logins_total{outcome="unknown"}+1', 'an unknown user');
is(counted('logins', sub { login('bea', $PASSWORD) }),
    'portero_logins_total{outcome="disabled"}+1', 'a disabled one');

my $hash = 'portero_password_hash_seconds';
my $hashes = metrics()->{"${hash}_count"};
login('ana', $PASSWORD);
my $after = metrics();
is($after->{"${hash}_count"}, $hashes + 1, 'a login is one hash');
is($after->{"${hash}_bucket{le=\"+Inf\"}"}, $hashes + 1, 'in the last bucket too');
cmp_ok($after->{"${hash}_sum"}, '>', 0, 'which takes time');
my @buckets = map { $after->{"${hash}_bucket{le=\"$_\"}"} }
    qw(0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 1 2.5 +Inf);
is("@buckets", join(' ', sort { $a <=> $b } @buckets), 'buckets add up');

my $session = login('ana', $PASSWORD);
my $next;
is(counted('refreshes', sub { $next = refresh($session->{refresh_token}) }),
    'portero_refreshes_total{outcome="rotated"}+1', 'a refresh');
is(counted('refreshes|sessions_ended',
    sub { refresh($session->{refresh_token}) }),
    'portero_refreshes_total{outcome="reuse"}+1 '
    . 'portero_sessions_ended_total{reason="reuse"}+1', 'a token used again');
is(counted('refreshes', sub { refresh('nonsense') }),
    'portero_refreshes_total{outcome="invalid"}+1', 'what is no token');

$session = login('ana', $PASSWORD);
my $live = metrics()->{portero_sessions_live};
is(counted('logouts|sessions_ended', sub {
        $gate->post('/auth/logout',
            { refresh_token => $session->{refresh_token} }) }),
    'portero_logouts_total+1 portero_sessions_ended_total{reason="logout"}+1',
    'a logout');
is(metrics()->{portero_sessions_live}, $live - 1, 'one live session less');

$session = login('ana', $PASSWORD);
$gate->sql("UPDATE portero.sessions SET idle_at = now() - interval '1 s'
            WHERE ended_at IS NULL");
is(metrics()->{portero_sessions_live}, 0, 'idle ones are not live');
is(counted('refreshes', sub { refresh($session->{refresh_token}) }),
    'portero_refreshes_total{outcome="idle"}+1', 'nor refreshed');

is(counted('sessions_ended', sub {
        login('ana', $PASSWORD);
        $gate->portero('user', 'disable', 'ana');
        $gate->portero('user', 'enable', 'ana'); }) =~
    /^portero_sessions_ended_total\{reason="disabled"\}\+\d+$/, 1,
    'sessions that the command line ends');

is(counted('throttled', sub {
        $gate->post('/auth/login', { username => 'dan',
            password => "guess number $_" }) for 1 .. 4 }),
    'portero_throttled_total{limit="account_network"}+1', 'a try too many');
is(counted('requests_refused', sub { $gate->login('nonsense') }),
    'portero_requests_refused_total+1', 'a malformed request');


# --- a worker dies ----------------------------------------------------------

my $before = metrics();
my ($worker) = map { m{/proc/(\d+)/} } grep {
    open my $file, '<', $_; (<$file> // '') =~ /portero-login: password worker/
        && slurp($_ =~ s/cmdline$/stat/r) =~ /\) \S @{[ $gate->pid('login') ]} /
} glob '/proc/[0-9]*/cmdline';
kill KILL => $worker;
$gate->login_says(qr/"event":"worker_died"/);
$after = metrics();
is($after->{portero_worker_deaths_total},
    $before->{portero_worker_deaths_total} + 1, 'a death is counted');
is($after->{'portero_logins_total{outcome="ok"}'},
    $before->{'portero_logins_total{outcome="ok"}'}, 'and no count is lost');
$gate->write_config;
kill HUP => $gate->pid('login');
$gate->login_says(qr/"event":"reloaded"/);
cmp_ok(metrics()->{'portero_logins_total{outcome="ok"}'}, '>=',
    $before->{'portero_logins_total{outcome="ok"}'}, 'nor by a reload');


# --- queues -----------------------------------------------------------------

is(metrics()->{'portero_queue_limit{lane="password"}'}, 2,
    'how many may wait');

sub half_login {
    my $connection = fcgi_connect($gate->path('run/password.sock')) or die $!;
    syswrite $connection, begin() . params(REQUEST_METHOD => 'POST',
        DOCUMENT_URI => '/auth/login', REMOTE_ADDR => '192.0.2.7',
        CONTENT_TYPE => 'application/json', CONTENT_LENGTH => 2);
    return $connection;
}

my $queue = 'portero_queue_waiting{lane="password"}';
my @half = half_login();
sub becomes {
    my ($n, $name) = @_;
    my $end = time + 10;
    sleep 0.02 while metrics()->{$queue} != $n && time < $end;
    is(metrics()->{$queue}, $n, $name);
}
becomes(0, 'a worker is busy');
push @half, half_login(), half_login();
becomes(2, 'two requests wait');
is(counted('queue_full', sub {
        syswrite $_, stdin('{}') for @half;
        fcgi_read($_) for @half; }),
    'portero_queue_full_total+1', 'one was taken from a full queue');


# --- keys -------------------------------------------------------------------

like(metrics()->{"portero_key_age_seconds{state=\"$_\"}"}, qr/^\d+$/,
    "age of the $_ key") for qw(active next);


# --- Prometheus itself ------------------------------------------------------

my $port = Gate::free_port();
my $data = $gate->path('prometheus');
mkdir $data;
my $yml = slurp("$DOCS/prometheus.yml");
like($yml, qr/127\.0\.0\.1:80'/, 'its configuration names a target');
$yml =~ s/127\.0\.0\.1:80'/127.0.0.1:$gate->{port}'/;
$yml =~ s/^scrape_configs/global: {scrape_interval: 1s}\n$&/m;
Stack::replace("$data/prometheus.yml", $yml);
Stack::replace("$data/alerts.yml", slurp("$DOCS/alerts.yml"));

like(`promtool check config $data/prometheus.yml 2>&1`, qr/SUCCESS/,
    'promtool finds its configuration and the alerts right');
like(`promtool test rules $DOCS/alerts-test.yml 2>&1`, qr/SUCCESS/,
    'each alert fires when it has to, and not before');

$gate->start('prometheus', $gate->path('log/prometheus.log'), undef,
    'prometheus', "--config.file=$data/prometheus.yml",
    "--storage.tsdb.path=$data/tsdb", "--web.listen-address=127.0.0.1:$port");

my $http = HTTP::Tiny->new;
sub query {
    my ($expression) = @_;
    my $answer = $http->get("http://127.0.0.1:$port/api/v1/query?"
        . $http->www_form_urlencode({ query => $expression }));
    return eval { JSON::PP->new->decode($answer->{content}) }
        // { status => $answer->{content}, data => { result => [] } };
}

$gate->wait_for('prometheus', sub {
    my $found = query('count_over_time(portero_build_info[1m])');
    return ($found->{data}{result}[0]{value}[1] // 0) >= 2;
});
pass('Prometheus fetches it');

my $dashboard = JSON::PP->new->utf8->decode(slurp("$DOCS/dashboard.json"));
my @panels = @{ $dashboard->{panels} };
cmp_ok(scalar @panels, '>', 8, 'the dashboard has panels');
for my $panel (@panels) {
    for my $target (@{ $panel->{targets} }) {
        my $expression = $target->{expr} =~ s/\$__rate_interval/1m/r;
        my $found = query($expression);
        is($found->{status}, 'success', "$panel->{title}: $expression");
        cmp_ok(scalar @{ $found->{data}{result} }, '>', 0,
            'finds something');
    }
}

# Each name that a panel or an alert asks for is on the page, and the page has
# no family that the dashboard does not show.
my %there = map { $_ => 1 } page()->{body} =~ /^# TYPE (\w+)/mg;
my $asked = join ' ', slurp("$DOCS/alerts.yml"),
    map { map { $_->{expr} } @{ $_->{targets} } } @panels;
my %asked = map { s/_bucket$//r => 1 } $asked =~ /\b(portero_\w+)/g;
is(join(' ', grep { !$there{$_} } sort keys %asked), '', 'all names exist');
is(join(' ', grep { !$asked{$_} && $_ ne 'portero_build_info' }
    sort keys %there), '', 'and all are shown');
my ($listed) = slurp("$FindBin::Bin/../docs/operations.md")
    =~ /^\| metric \|.*?\n((?:\|.*\n)+)/m;
is(join(' ', sort(($listed // '') =~ /^\| `(\w+)/mg)),
    join(' ', sort keys %there), 'docs/operations.md lists them');
$gate->stop_part('prometheus', 'TERM');


# --- without a database -----------------------------------------------------

$gate->stop_part('postgres');
login('ana', $PASSWORD);
$page = page();
is($page->{status}, 200, 'without a database it answers');
like($page->{body}, qr/^portero_database_up 0$/m, 'and says so');
unlike($page->{body}, qr/portero_sessions/, 'without what it does not know');
like($page->{body}, qr/^portero_logins_total/m, 'with all else');
$gate->start_postgres;
my $end = time + 10;
sleep 0.1 while metrics()->{portero_database_up} != 1 && time < $end;
$after = metrics();
is($after->{portero_database_up}, 1, 'it comes back');
cmp_ok($after->{portero_database_lost_total}, '>=', 1, 'the loss is counted');
cmp_ok($after->{portero_database_reconnects_total}, '>=', 1,
    'and so is that it came back');

$gate->finish;
done_testing();
