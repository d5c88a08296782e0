# portero key rotate and retire: keys change while people are signed in, and
# nobody notices.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

use Command qw(portero portero_end portero_start refused);
use FastCGI qw(fcgi);
use Gate;


my $gate = Gate->new(settings => { KEY_PUBLISH_MINUTES => 15,
                                   REFRESH_GRACE_SECONDS => 0 });
my $dir = $gate->path('keys');
my $file = $gate->path('run/gateway-keys.json');
my %WHO = (username => 'ana', password => 'correct horse battery');

$gate->start_all;
$gate->add_user('ana', $WHO{password});


# --- helpers ----------------------------------------------------------------

sub key {
    my ($words, %env) = @_;
    return portero($gate, [split / /, $words],
        env => { map { ("PORTERO_$_" => $env{$_}) } keys %env });
}

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', $path or return '';
    local $/;
    return scalar <$in>;
}

sub state_file { return slurp("$dir/state") }

# { state => kid } of the keys that sign, as the list has them.
sub keys_by_state {
    return { map { $_->{state} => $_->{kid} }
             @{ JSON::PP->new->decode(key('--json key list')->{out}) } };
}

sub written {
    return join ' ', sort map { $_->{kid} }
        @{ JSON::PP->new->decode(slurp($file))->{keys} };
}

# Moves the time of a line back by so many seconds.
sub aged {
    my ($line, $seconds) = @_;

    my $text = state_file() =~ s{^(\Q$line\E (?:.* )?)(\d+)$}
                                {$1 . ($2 - $seconds)}emr;
    rewrite($text);
}

# As portero does it: a service that reads finds the one or the other.
sub rewrite {
    my ($text) = @_;

    open my $out, '>', "$dir/.state" or die "state: $!\n";
    print {$out} $text;
    close $out;
    chmod 0600, "$dir/.state";
    chown +(stat $dir)[4, 5], "$dir/.state";
    rename "$dir/.state", "$dir/state" or die "state: $!\n";
}

sub kid {
    my ($token) = @_;
    return JSON::PP->new->decode(decode_base64url((split /\./, $token)[0]))
        ->{kid};
}

sub ring { return ord decode_base64url(substr $_[0], 3) }

sub sign_in { return $gate->login({ %WHO })->{json} }

sub renew {
    my ($token) = @_;
    return $gate->post('/auth/refresh', { refresh_token => $token });
}

# The service has taken the keys over, as it would by itself in a moment, and
# the workers of before have left.
sub taken_over {
    my %before = map { $_ => 1 } workers();

    kill HUP => $gate->pid('login');
    $gate->login_says(qr/"event":"reloaded"/) or fail('no reload');
    left(%before);
}

sub workers {
    my $pid = $gate->pid('login');
    return split ' ', slurp("/proc/$pid/task/$pid/children");
}

sub left {
    my (%before) = @_;

    my $end = time + 15;
    sleep 0.02 while time < $end && grep { $before{$_} } workers();
}


# --- rotate -----------------------------------------------------------------

my $text = state_file();
my $old = keys_by_state();

refused(key('key rotate'), qr/published for \d+ s more \(KEY_PUBLISH\)/,
    'a next key that gateways may not know yet');
is(state_file(), $text, 'nothing is changed');

my $session = sign_in();
is(kid($session->{access_token}), $old->{active}, 'the active key signs');

aged('sign next', 901);
my %before = map { $_ => 1 } workers();
my $run = key('key rotate');
is($run->{status}, 0, 'published for long enough') or diag($run->{err});

my $new = keys_by_state();
is($new->{active}, $old->{next}, 'the next key is active');
is($new->{retired}, $old->{active}, 'the active one retired');
isnt($new->{next}, $old->{next}, 'and there is a new next one');
like($run->{out}, qr/^$new->{$_}\tES256\t$_\t20/m, "rotate tells: $_")
    for qw(next active retired);
is(written(), join(' ', sort values %$new), 'gateways have all three');

like($gate->login_says(qr/"event":"keys_loaded"/), qr/"kid":"$new->{active}"/,
    'the service takes it over by itself');
left(%before);
is(kid(sign_in()->{access_token}), $new->{active}, 'and signs with it');
is($gate->get('/auth/session', Authorization =>
    "Bearer $session->{access_token}")->{status}, 200,
    'tokens of the old key are good');
my $answer = renew($session->{refresh_token});
is($answer->{status}, 200, 'sessions go on');
is(kid($answer->{json}{access_token}), $new->{active}, 'with the new key');

refused(key('key rotate'), qr/published for 8\d\d s more/, 'again, too soon');
is(key('key rotate --now')->{status}, 0, 'unless one insists');
is(keys_by_state()->{active}, $new->{next}, 'which rotates');
taken_over();


# --- retire -----------------------------------------------------------------

my $line = "sign retired ES256 $old->{active}";
$run = key('key retire');
like(state_file(), qr/$line/, 'tokens of a retired key may be good still');
like(state_file(), qr/sign retired ES256 $new->{active}/, 'of the other, too');

refused(key("key retire $old->{active}"), qr/good for \d+ s more; --now/,
    'so it is not removed by its name either');
refused(key('key retire ' . keys_by_state()->{$_} . ' --now'), qr/in use/,
    "the $_ key never") for qw(active next);
refused(key('key retire ' . 'x' x 43), qr/names no such key/, 'nor what is not');
refused(key("key retire $_"), qr/usage: portero key retire/, "retire $_", 2)
    for '--now', '--refresh', "$old->{active} more";
refused(key("key rotate $_"), qr/usage: portero key rotate/, "rotate $_", 2)
    for 'now', '--later';

aged($line, 900);
is(key('key retire')->{status}, 0, 'when they have expired');
unlike(state_file(), qr/$old->{active}/, 'it is removed');
ok(!-e "$dir/sign-$old->{active}.pem", 'with its file');
unlike(written(), qr/$old->{active}/, 'and no gateway is told of it');
like(state_file(), qr/sign retired ES256 $new->{active}/, 'the other stays');

is(key("key retire $new->{active} --now")->{status}, 0,
    'a key that was stolen goes at once');
unlike(written(), qr/$new->{active}/, 'from what gateways get, too');
taken_over();
is($gate->get('/auth/session', Authorization =>
    "Bearer $answer->{json}{access_token}")->{status}, 401,
    'and its tokens are refused');
is(renew($answer->{json}{refresh_token})->{status}, 200,
    'the session goes on');

aged('sign next', 901);
aged('sign retired', 9000);
is(key('key rotate')->{status}, 0, 'rotating removes what is due, too');
is((() = state_file() =~ /sign retired/g), 1, 'only the last one is left');


# --- the ring of refresh keys -----------------------------------------------

$session = sign_in();
my $token = $session->{refresh_token};
is(ring($token), 1, 'the first refresh key');
refused(key('key rotate --refresh'), qr/is 60 s old at least/,
    'which is new itself');
aged('refresh active', 61);
is(key('key rotate --refresh')->{status}, 0, 'a second one');
like(state_file(), qr/^refresh active HS256 2 \d+$/m, 'is in the state');
like(state_file(), qr/^refresh retired HS256 1 \d+$/m, 'beside the first');
taken_over();

$answer = renew($token);
is($answer->{status}, 200, 'sessions go on');
$token = $answer->{json}{refresh_token};
is(ring($token), 1, 'with the old key, until all instances know the new one');

aged('refresh active', 61);
taken_over();
is(ring(sign_in()->{refresh_token}), 2, 'then with the new one');
$answer = renew($token);
is($answer->{status}, 200, 'sessions that have an old one go on');
is(ring($answer->{json}{refresh_token}), 2, 'and get a new one');

refused(key('key retire 1'), qr/good for 43\d+ s more/,
    'the old one stays as long as a session may live');
is(key('key retire 1 --now')->{status}, 0, 'unless one insists');
ok(!-e "$dir/refresh-1.key", 'then its file is gone');
taken_over();
is(renew($session->{refresh_token})->{status}, 401,
    'and so are the sessions that have it');
is(renew($answer->{json}{refresh_token})->{status}, 200, 'not the others');


# --- all at once ------------------------------------------------------------

my @runs = map { portero_end($_) }
           map { portero_start($gate, [qw(key rotate --now)]) } 1 .. 4;
is(join(' ', map { $_->{status} } @runs), '0 0 0 0', 'four at once');
is((() = state_file() =~ /^sign active/gm), 1, 'one key is active');
is((() = state_file() =~ /^sign retired/gm), 5, 'none got lost');

refused(key('key rotate', KEY_DIR => '/proc/none'), qr{/proc/none: },
    'no directory');
refused(key('key rotate', ALGORITHM => 'RS256'), qr/but ALGORITHM is RS256/,
    'another algorithm');
refused(key('key rotate', ALGORITHM => 'HS256',
    SECRET_KEY => 'fZ3q8Lw0xN5vB1mK7tR9yU2sD4gH6jPc'),
    qr/is a key for ES256|SECRET_KEY: change that/,
    'HS256 has no key to rotate');

$gate->finish;
done_testing();
