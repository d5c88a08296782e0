# Links that serve once: an invite to register, and one to set a password; and
# the command that is told of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

use Command qw(portero refused);
use Gate;
use Held qw(together);


my $gate = Gate->new(settings => { PASSWORD_WORKERS => 2,
    REGISTRATION => 'invite', THROTTLE_NETWORK => 30,
    THROTTLE_NETWORK_FALL_SECONDS => 60 });
my $url = $gate->url;
my @PASSWORDS = map { "correct horse battery $_" } 'a' .. 'z';
my $password = shift @PASSWORDS;

$gate->start_all;
$gate->add_user($_, $password) for qw(Ana bea);
my $ana = sub_of('Ana');


# --- helpers ----------------------------------------------------------------

sub sub_of {
    my ($name) = @_;
    return $gate->value("SELECT sub FROM portero.users
                         WHERE username = '$name'");
}

# What the command prints, and the secret in it.
sub link_of {
    my (@words) = @_;
    my $run = portero($gate, ['user', @words]);
    is($run->{err}, '', "user @words") or return '';
    my ($secret) = $run->{out} =~
        /\A\Q$url\E\/portero\/link\.html#(?:reset|invite)=([\w-]{43})\n\z/;
    return $secret // "? $run->{out}";
}

# Asked again while nginx lets nobody through.
sub ask {
    my $answer;
    my $end = time + 30;
    while (time < $end) {
        $answer = $gate->post(@_);
        last if ($answer->{json}{error_description} // '') !~ /this network/;
        sleep 0.1;
    }
    return $answer;
}

sub reset_password {
    my ($token, $new) = @_;
    return ask('/auth/reset',
        { token => $token, new_password => $new });
}

sub register {
    my ($name, $invite, %more) = @_;
    return ask('/auth/register', { username => $name,
        password => $password, defined $invite ? (invite => $invite) : (),
        %more });
}

sub log_in {
    my ($name, $password) = @_;
    return ask('/auth/login',
        { username => $name, password => $password });
}

sub forget { $gate->sql('DELETE FROM portero.throttle') }

sub audit {
    my ($event) = @_;
    return $gate->value("SELECT count(*) FROM portero.audit
                         WHERE event = '$event'");
}

sub age {
    my ($seconds) = @_;
    $gate->sql("UPDATE portero.links
                SET expires_at = expires_at - interval '$seconds seconds'");
}

sub not_good {
    my ($answer, $name) = @_;
    is($answer->{status}, 403, "$name: 403");
    is($answer->{json}{error}, 'access_denied', "$name: why");
}


# --- setting a password -----------------------------------------------------

my $session = log_in('ana', $password)->{json};
my $secret = link_of('reset-link', 'ANA');
my $stored = $gate->value('SELECT l FROM portero.links l');
unlike($stored, qr/\Q$secret\E|@{[ unpack 'H*', decode_base64url($secret) ]}/,
    'the database does not have the secret');
like($stored, qr/@{[ sha256_hex($secret) ]}/,
    'but its SHA-256');
is(audit('reset_link'), 1, 'the audit knows of the link');

for my $bad (['too short', 'short', 'too_short'],
             ['the name', 'ANA' x 1, 'same_as_name'],
             ['a common one', 'password1234', 'common'])
{
    my ($name, $weak, $reason) = @$bad;
    my $answer = reset_password($secret, $weak);
    is($answer->{status}, 422, "$name: 422");
    ok((grep { $_ eq $reason } @{ $answer->{json}{reasons} }), $reason);
}

my $new = shift @PASSWORDS;
my $answer = reset_password($secret, $new);
is($answer->{status}, 200, 'it is not used up by that, and sets a password');
is_deeply($answer->{json}, { user => { sub => $ana, name => 'Ana' } },
    'whose is said');
is(Gate::header($answer, 'Set-Cookie'), '', 'and nobody is signed in');
is(Gate::header($answer, 'Cache-Control'), 'no-store', 'not to be kept');
is(log_in('ana', $password)->{status}, 401, 'the old password is wrong');
is($gate->post('/auth/refresh', { refresh_token => $session->{refresh_token} })
    ->{json}{reason}, 'revoked', 'all sessions have ended');
is($gate->value("SELECT count(*) FROM portero.revocation
                 WHERE value = '$session->{session}{id}'"), 1,
    'gateways hear of it');
is(log_in('ana', $new)->{status}, 200, 'the new one is right');
is(audit('password_reset'), 1, 'the audit knows');
like($gate->login_says(qr/"event":"password_reset"/), qr/"user":"$ana"/,
    'and the log');

not_good(reset_password($secret, shift @PASSWORDS), 'a link that was used');
like($gate->login_says(qr/"event":"password_refused"/), qr/"reason":"link"/,
    'the log knows why');

$secret = link_of('reset-link', 'ana');
age(600);
not_good(reset_password($secret, shift @PASSWORDS), 'ten minutes later');

my $first = link_of('reset-link', 'ana');
my $second = link_of('reset-link', 'ana');
not_good(reset_password($first, shift @PASSWORDS), 'one before another');

my $invite = link_of('invite');
not_good(reset_password($invite, shift @PASSWORDS), 'an invite');

$gate->portero(qw(user disable ana));
not_good(reset_password($second, shift @PASSWORDS), 'of a disabled user');
like($gate->login_says(qr/"reason":"disabled"/), qr/$ana/,
    'the log knows why');
refused(portero($gate, [qw(user reset-link ana)]), qr/"ana" is disabled/,
    'who gets no other');
$gate->portero(qw(user enable ana));

for my $bad (['', 'nothing'], ['x' x 43, 'one that nobody gave'],
             [substr($second, 0, 42), 'a shorter one'], ["$second=", 'padding'],
             [$second =~ tr/A-Za-z/a-zA-Z/r, 'another case'])
{
    forget();
    not_good(reset_password($bad->[0], shift @PASSWORDS), $bad->[1]);
}
is($gate->post('/auth/reset', @$_)->{status}, 400, 'without its members: 400')
    for [{ token => $second }], [{ new_password => $password }],
        [{ token => 1, new_password => $password }];
is($gate->get('/auth/reset')->{status}, 405, 'GET: 405');

# Whoever uses it first wins.

forget();
my @answers = together((map { my $new = "correct horse battery, $_";
    sub { reset_password($second, $new) } } 1 .. 4), sub {});
is("@{[ sort map { $_->{status} } @answers ]}", '200 403 403 403',
    'four at once: one of them');
my ($won) = grep { $answers[$_]{status} == 200 } 0 .. 3;
is(log_in('ana', 'correct horse battery, ' . ($won + 1))->{status}, 200,
    'whose password it is');

# Who has no password gets one; who tried too often may log in.

forget();
$gate->sql("UPDATE portero.users SET password_hash = NULL
            WHERE username = 'bea'");
$secret = link_of('reset-link', 'bea');
$gate->sql("INSERT INTO portero.throttle VALUES
    ('s:@{[ sub_of('bea') ]}', '127.0.0.1', now() + interval '1 year')");
is(log_in('bea', $new)->{status}, 429, 'a user who tried too often');
is(reset_password($secret, $new)->{status}, 200,
    'and has no password gets one');
is(log_in('bea', $new)->{status}, 200, 'with which to log in at once');


# --- guessing ---------------------------------------------------------------

sub network_count {
    return $gate->value("SELECT coalesce((SELECT
        ceil(extract(epoch FROM empty_at - now()) / 60)
        FROM portero.throttle
        WHERE account = '' AND source = '127.0.0.1'), 0)");
}

forget();
reset_password('A' x 43, $new);
register('eve', 'A' x 43);
is(network_count(), 2, 'guesses count for the network');
$secret = link_of('reset-link', 'bea');
reset_password($secret, 'short');
is(network_count(), 2, 'a good link does not');
$gate->sql("UPDATE portero.throttle SET empty_at = now() + interval '1 day'");
for ([reset_password($secret, $new), 'a link'],
     [register('eve', $invite), 'an invite'])
{
    is($_->[0]{status}, 429, "$_->[1]: too many");
    is(Gate::header($_->[0], 'Retry-After'), 900, "$_->[1]: and to wait");
}
forget();


# --- inviting ---------------------------------------------------------------

not_good(register('cleo', undef), 'no invite');
not_good(register('cleo', 'A' x 43), 'one that nobody gave');
not_good(register('cleo', ''), 'an empty one');
is(register('cleo', 5)->{status}, 400, 'one that is no text: 400');
like($gate->login_says(qr/"event":"register_refused"/),
    qr/"reason":"invite"/, 'the log knows why');

is(register('bea', $invite)->{status}, 409, 'a name that is taken');
is(register('cleo', $invite, password => 'short')->{status}, 422,
    'a weak password');
$answer = register('cleo', $invite, email => 'cleo@example.com');
is($answer->{status}, 201, 'do not use it up: a registration');
is($answer->{json}{user}{name}, 'cleo', 'of this user');
not_good(register('dora', $invite), 'a second one');
is(log_in('cleo', $password)->{status}, 200, 'the user can log in');
is(audit('invite'), 1, 'the audit knows of the invite');

$invite = link_of('invite');
age(7 * 86400);
not_good(register('dora', $invite), 'after seven days');
$secret = link_of('reset-link', 'ana');
not_good(register('dora', $secret), 'a link that sets a password');

$invite = link_of('invite');
forget();
@answers = together((map { my $name = "many$_";
    sub { register($name, $invite) } } 1 .. 4), sub {});
is("@{[ sort map { $_->{status} } @answers ]}", '201 403 403 403',
    'four at once: one of them');
is($gate->value("SELECT count(*) FROM portero.users
                 WHERE username LIKE 'many%'"), 1, 'one user more');

refused(portero($gate, [qw(user reset-link nobody)]), qr/no user "nobody"/,
    'nobody gets no link');
refused(portero($gate, [qw(user invite)], env => { PORTERO_ISSUER => '' }),
    qr/ISSUER/, 'a link needs an issuer');
my $run = portero($gate, [qw(--json user invite)]);
my $json = decode_json($run->{out});
like($json->{link}, qr/#invite=[\w-]{43}\z/, 'as JSON');
is($json->{expires_in}, 7 * 86400, 'with its life');


# --- the command that is told -----------------------------------------------

my $told = $gate->path('told');
my $hook = $gate->path('bin/hook');
open my $file, '>', $hook or die "$hook: $!\n";
print {$file} <<"HOOK";
#!/usr/bin/perl
open my \$out, '>>', '$told.new' or die;
print {\$out} join("\\t", "\@ARGV", join(',', sort keys %ENV), <STDIN>);
close \$out;
rename '$told.new', '$told' or die;
exit 0 unless -e '$told.fail';
print "this is no link\\n";
exit 3;
HOOK
close $file;
chmod 0755, $hook;
chmod 0777, $gate->path('.');

$gate->stop_part('login');
$gate->write_config(NOTIFY_COMMAND => $hook, THROTTLE_ACCOUNT => 2);
$gate->start_login;

sub heard {
    my $end = time + 10;
    sleep 0.02 while !-e $told && time < $end;
    open my $in, '<', $told or return ['', '', {}];
    my ($event, $environment, $text) = split /\t/, do { local $/; <$in> };
    unlink $told;
    return [$event, $environment, decode_json($text)];
}

$secret = link_of('reset-link', 'ana');
my $heard = heard();
is($heard->[0], 'reset', 'a link: the event is the argument');
is($heard->[1], 'PATH', 'nothing of our environment');
is_deeply($heard->[2], { event => 'reset', name => 'ana', expires_in => 600,
    link => "$url/portero/link.html#reset=$secret" }, 'the rest is JSON');
link_of('invite');
is(heard()->[2]{name}, undef, 'an invite is nobody\'s');

forget();
$gate->sql('DELETE FROM portero.known_network');
is($gate->post('/auth/login', { username => 'cleo', password => $password },
    'User-Agent' => 'a "browser"; $(rm)')->{status}, 200, 'a login');
is_deeply(heard()->[2], { event => 'new_device', user => sub_of('cleo'),
    name => 'cleo', address => '127.0.0.1',
    user_agent => 'a "browser"; $(rm)' }, 'from an unknown network is told');
is(log_in('cleo', $password)->{status}, 200, 'a second one');
is(log_in('cleo', "wrong $_")->{status}, 401, 'a wrong one') for 1, 2;
$heard = heard()->[2];
is($heard->{event}, 'many_failures', 'is not, but many failures');
is($heard->{name}, 'cleo', 'of this user');
ok($gate->login_says(qr/"event":"many_failures"/), 'the log says so, too');
$gate->sql("UPDATE portero.throttle
            SET empty_at = empty_at - interval '15 minutes'");
is(log_in('cleo', 'wrong 3')->{status}, 401, 'more of them');
is(log_in('cleo', 'wrong 4')->{status}, 429, 'up to the limit again');
link_of('invite');
is(heard()->[0], 'invite', 'are told once');

open my $fail, '>', "$told.fail" or die;
$run = portero($gate, [qw(user invite)]);
is($run->{status}, 1, 'a command that fails');
like($run->{err}, qr/^portero: [^\n]*NOTIFY_COMMAND, failed; the link is good\n\z/m,
    'is told of');
like($run->{out}, qr/\A\S+#invite=[\w-]{43}\n\z/,
    'the link is printed, and what the command says is not taken for one');
refused(portero($gate, [qw(user invite)],
    env => { PORTERO_NOTIFY_COMMAND => "$hook.none" }),
    qr/could not be started/, 'one that is not there');
refused(portero($gate, [qw(user invite)],
    env => { PORTERO_NOTIFY_COMMAND => 'hook' }), qr/from the root/,
    'one without a path');


# --- what no log says -------------------------------------------------------

my @logs = map { open my $log, '<', $_ or die "$_: $!\n"; local $/; <$log> }
           $gate->login_log, $gate->nginx_log, $gate->pg_log,
           $gate->path('log/access.log');
ok(!grep({ index($_, $secret) >= 0 } @logs), 'a link is in no log');

# The page that links lead to.

$answer = $gate->get('/portero/link.html');
is($answer->{status}, 200, 'the page is there');
like(Gate::header($answer, 'Content-Security-Policy'),
    qr/default-src 'self'/, 'under the rules of the others');
unlike($answer->{body}, qr/<script>|<style|\sstyle=|\son\w+=/,
    'and has no script or style of its own');
is($gate->get('/portero/link.js')->{status}, 200, 'as is its script');

$gate->finish;
done_testing();
