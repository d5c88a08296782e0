# The log: each line is an event of the one table, docs/operations.md lists the
# same, and what clients send neither breaks a line nor puts a secret into it.
# (That no secret is in any log every test asks at its end.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;

use Command qw(portero);
use Events qw(events faults);
use FastCGI qw(fcgi);
use Gate;
use Secrets qw(leaks);


my $ROOT = "$FindBin::Bin/..";


# --- the table and the documentation ----------------------------------------

sub text {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    return do { local $/; <$file> };
}

my @events = events();
cmp_ok(scalar @events, '>', 30, 'the table is found');

my ($listed) = text("$ROOT/docs/operations.md")
    =~ /^\| event \| level \|.*?\n((?:\|.*\n)+)/m;
is_deeply([map { "$_->[1] $_->[2]" } @events],
    [map { /^\| `(\w+)` \| (\w+) \| \S/ ? "$1 $2" : () }
     split /\n/, $listed // ''],
    'docs/operations.md lists each event, its level and when it comes');

my ($enum) = text("$ROOT/login-service/log.h") =~ /typedef enum \{(.*?)\}/s;
is_deeply([$enum =~ /^ +(LOG_\w+)/mg], [(map { $_->[0] } @events),
    'LOG_EVENT_COUNT'], 'log.h has the same order');

my $code = join '', map { text($_) } grep { !m{/log\.[ch]$} }
    glob "$ROOT/login-service/*.[ch]";
is(join(' ', grep { $code !~ /\b$_\b/ } map { $_->[0] } @events), '',
    'each is told of somewhere');
is(join(' ', grep { m{/(?!portero|cmd_|terminal|main)\w+\.c$}
                    && text($_) =~ /\bstderr\b|\bperror\b|\bsyslog\b/ }
        glob "$ROOT/login-service/*.c"), '',
    'nothing else of the service writes there');


# --- what clients send ------------------------------------------------------

my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';
$gate->start_all;
$gate->add_user('ana', $PASSWORD);

my $socket = $gate->path('run/token.sock');

sub event {
    my ($pattern) = @_;
    return JSON::PP->new->utf8->decode($gate->login_says($pattern) || '{}');
}

fcgi($socket, GET => "/x\"\n{\"event\":\"login\"}\\");
is(event(qr/nothing is at this path/)->{path}, "/x\"\n{\"event\":\"login\"}\\",
    'quotes and line breaks stay within a value');

fcgi($socket, GET => "/\x1b[31m\x7f\x00");
is(event(qr/nothing is at this path/)->{path}, "/\x1b[31m\x7f",
    'and so do control characters');
unlike(text($gate->login_log), qr/[\x00-\x09\x0b-\x1f\x7f]/,
    'none is in the log');

fcgi($socket, GET => "/\xff\xc3(");
isnt(event(qr/nothing is at this path/)->{path} // '', '',
    'what is no UTF-8 is still JSON');

fcgi($socket, GET => '/' . "\x01" x 4000);
cmp_ok(length event(qr/nothing is at this path/)->{path}, '<=', 512,
    'a value is cut');


# --- secrets where they do not belong ---------------------------------------

my $right = $gate->login({ username => 'ana', password => $PASSWORD,
    delivery => 'token' });
is($right->{status}, 200, 'a login');
my ($access, $refresh) = @{ $right->{json} }{qw(access_token refresh_token)};

$gate->login({ username => $PASSWORD, password => 'ana' });
$gate->login({ username => 'ana', password => "$PASSWORD " });
$gate->login({ username => 'ana', password => $PASSWORD,
    delivery => $PASSWORD });
$gate->login("{\"username\": \"ana\", \"password\": \"$PASSWORD\"",
    'Content-Type' => 'application/json');
$gate->login("{\"password\": \"$PASSWORD\", \"password\": \"$PASSWORD\"}",
    'Content-Type' => 'application/json');
$gate->login({ username => 'ana', password => $PASSWORD },
    'Content-Type' => "text/$PASSWORD");
$gate->login({ username => 'ana', password => [$PASSWORD] });
$gate->post('/auth/refresh', { refresh_token => $access });
$gate->post('/auth/refresh', { refresh_token => $refresh . 'x' });
$gate->post('/auth/refresh', { refresh_token => $refresh,
    intent => $refresh });
$gate->get('/auth/session', Authorization => "Bearer $refresh");
$gate->get('/auth/session', Authorization => "Bearer ${access}x");
$gate->get('/api/whoami', Authorization => "Bearer $refresh");
$gate->get('/api/whoami', Authorization => "Bearer $access.");
$gate->get('/api/whoami', Cookie => "access-$gate->{port}=$access; "
    . "access-$gate->{port}=$refresh");
$gate->post('/auth/logout', { refresh_token => $refresh, scope => $access });
$gate->post('/auth/register', { username => $access, password => $PASSWORD });
$gate->post('/oauth/token', "grant_type=refresh_token&refresh_token=$refresh"
    . "&client_id=$access&client_secret=$refresh",
    'Content-Type' => 'application/x-www-form-urlencoded');
fcgi($socket, GET => '/auth/session', headers => [
    HTTP_AUTHORIZATION => "Bearer $access", HTTP_AUTHORIZATION => $refresh,
    HTTP_ORIGIN => "https://$access", HTTP_HOST => $access,
    HTTP_USER_AGENT => 'someone']);
ok($gate->login_says(qr/"event":"request_refused"/), 'refusals are logged');


# --- what the command line is told ------------------------------------------

portero($gate, [qw(user add bea)], input => "another $PASSWORD\n");
portero($gate, [qw(token inspect)], input => "$access\n");


# --- the question itself ----------------------------------------------------

my $probe = $gate->path('log/probe');
Stack::replace($probe, 'said ' . substr($refresh, 3, 40) . " by chance\n");
is(scalar(() = leaks($probe)), 1, 'a part of a token would be found');
Stack::replace($probe, "it was $PASSWORD, was it\n");
is(scalar(() = leaks($probe)), 1, 'so would a password');
unlink $probe;

Stack::replace($gate->path('probe'), "{\"event\":\"login\"}\n", "plain\n",
    '{"time":"2026-01-01T00:00:00.000Z","level":"error","event":"login",'
    . "\"role\":\"token\",\"pid\":1}\n");
is(scalar(() = faults($gate->path('probe'))), 3,
    'so would a line of another form, or with another level');

$gate->finish;
done_testing();
