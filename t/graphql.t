# A backend that speaks GraphQL behind the gateway: one location for what is
# open and what needs a user or a role.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Resign qw(resign);


my %BROWSER = ('Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Site' => 'same-origin');
my $PASSWORD = 'correct horse battery';

my $gate = Gate->new;
my $socket = $gate->path('run/graphql.sock');

system("$FindBin::Bin/web/fetch") == 0 or die "web/fetch: $?\n";
$gate->start_all;
$gate->add_user('ana', $PASSWORD, 'reader', 'editor');
$gate->add_user('bea', $PASSWORD, 'reader');

$gate->start('graphql', $gate->path('log/graphql.log'), undef, 'node',
    "$FindBin::Bin/backends/graphql.mjs", $socket);
$gate->wait_for('graphql', sub { Stack::listening($socket) });

my $conf = $gate->demo_conf;
$conf =~ s{(\n    upstream demo_backend)}
          {\n    upstream graphql { server unix:$socket; }\n$1};
$conf =~ s{(\n        location = /api/whoami)}{

        location = /graphql {
            include portero/portero-protected.conf;
            auth_jwt_optional on;
            proxy_pass http://graphql;
        }
$1} or die "demo/nginx.conf has no /api/whoami\n";
$gate->stop_part('nginx');
$gate->start_nginx($conf);
$gate->wait_until_ready;

my %token = map { ($_ => $gate->login({ username => $_,
    password => $PASSWORD })->{json}{access_token}) } qw(ana bea);
my %sub = map { ($_ => $gate->value(
    "SELECT sub FROM portero.users WHERE username = '$_'")) } qw(ana bea);
my %ana = (Authorization => "Bearer $token{ana}");
my %bea = (Authorization => "Bearer $token{bea}");

my $GREETING = '{ greeting }';
my $NOTES = '{ notes { author text } }';
my $ADD = 'mutation($t: String!) { addNote(text: $t) { author text } }';
my $REMOVE = 'mutation { removeNotes }';


# --- nobody -----------------------------------------------------------------

is_deeply(data($GREETING), { greeting => 'hello' }, 'what is open is open');
refused('UNAUTHENTICATED', 'a query that needs a user', $NOTES);
refused('UNAUTHENTICATED', 'a mutation that needs one', $ADD);
refused('UNAUTHENTICATED', 'one that needs a role', $REMOVE);
for my $name ('X-User', 'x_user', 'X-USER') {
    refused('UNAUTHENTICATED', "$name from the client", $NOTES,
        $name => $sub{ana}, 'X-User-Roles' => 'editor');
}
my $mixed = ask('{ greeting notes { text } }');
is($mixed->{json}{errors}[0]{extensions}{code}, 'UNAUTHENTICATED',
    'open and closed in one query: the closed one is refused');


# --- somebody ---------------------------------------------------------------

is_deeply(data($GREETING, %ana), { greeting => 'hello' }, 'open to all');
is_deeply(data($ADD, %ana), { addNote => { author => $sub{ana},
    text => 'a note' } }, 'the author is who holds the token');
is_deeply(data($NOTES, %ana), { notes => [{ author => $sub{ana},
    text => 'a note' }] }, 'whose notes they are');
is_deeply(data($NOTES, %bea), { notes => [] }, "and nobody else's");
is_deeply(data($ADD, %bea, 'X-User' => $sub{ana})->{addNote}{author},
    $sub{bea}, 'whatever X-User the client sends');

refused('FORBIDDEN', 'without the role', $REMOVE, %bea);
refused('FORBIDDEN', 'with the role in a header of the client', $REMOVE, %bea,
    'X-User-Roles' => 'editor', 'x_user_roles' => 'editor');
refused('FORBIDDEN', 'under another name in the query',
    'mutation { greeting: removeNotes }', %bea);
is_deeply(data($REMOVE, %ana), { removeNotes => 2 }, 'with the role');


# --- tokens that are no good ------------------------------------------------

my $other = resign($gate, $token{ana}, { exp => time - 100 });
for (['expired', $other], ['signature', $token{ana} =~ s/.{8}\z/AAAAAAAA/r],
     ['malformed', 'a.b.c'])
{
    my ($reason, $token) = @$_;
    my $before = asked();
    my $answer = ask($GREETING, Authorization => "Bearer $token");
    is($answer->{status}, 401, "$reason: 401, for what is open, too");
    like($gate->nginx_says('auth_jwt: '), qr/$reason/, 'the log says why');
    is(asked(), $before, 'and the backend was not asked');
}


# --- a browser's cookie -----------------------------------------------------

my $cookies = Gate::cookies($gate->login({ username => 'ana',
    password => $PASSWORD }, %BROWSER));
my ($name) = grep { /^access/ } keys %$cookies;
my %cookie = (Cookie => "$name=$cookies->{$name}{value}");

is_deeply(data($ADD, %cookie, %BROWSER)->{addNote}{author}, $sub{ana},
    'the cookie of a page of this origin');
for my $site (qw(cross-site same-site)) {
    my $before = asked();
    is(ask($REMOVE, %cookie, 'Sec-Fetch-Site' => $site)->{status}, 403,
        "and not of another: $site");
    is(asked(), $before, 'nor is the backend asked');
}
is($gate->get('/graphql?query=mutation%7BremoveNotes%7D', %cookie,
    'Sec-Fetch-Site' => 'cross-site')->{status}, 405,
    'a link to a mutation changes nothing');
is(scalar @{ data($NOTES, %ana)->{notes} }, 1, 'the note is still there');

$gate->finish;
done_testing();


sub ask {
    my ($query, %header) = @_;
    return $gate->post('/graphql', { query => $query,
        variables => $query =~ /\$t/ ? { t => 'a note' } : {} }, %header);
}


sub data {
    my ($query, %header) = @_;

    my $answer = ask($query, %header);
    is($answer->{status}, 200, "$query: 200");
    is($answer->{json}{errors}, undef, 'without an error');
    return $answer->{json}{data};
}


sub refused {
    my ($code, $name, $query, %header) = @_;

    my $answer = ask($query, %header);
    is($answer->{status}, 200, "$name: an answer");
    is($answer->{json}{errors}[0]{extensions}{code}, $code, "$name: $code");
    is($answer->{json}{data}, undef, "$name: nothing else");
}


# How many requests the backend has seen.

sub asked {
    open my $log, '<', $gate->path('log/graphql.log') or die "graphql.log: $!\n";
    return scalar(() = <$log>);
}
