#!/usr/bin/perl

# What the client sends under an identity header's name reaches no backend,
# however it is spelt, whatever passes the request on, whoever may come in; and
# what stands there afterwards is from a token that is valid there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use Gate;
use Record;
use Site;

my @SPELLINGS = qw(X-User x-user X-USER x_user X_User X-_User XUser x.user
                   X-User- -X-User X--User X!User X'User x~user);
my @FORGED = map { ($_ => $_ eq 'X-User' ? ['mallory', 'mallory2', '']
                                         : "mallory $_") } @SPELLINGS;

# What each location gives to nobody and to alice; undef: refused.

my %LOCATION = (
    open     => ['',            '',      ''],
    off      => ['auth_jwt off;', '',    ''],
    on       => ['auth_jwt on;', undef,  'alice'],
    optional => ['auth_jwt on; auth_jwt_optional on;', '', 'alice'],
    offer    => ['auth_jwt off token=$http_authorization;', '', 'alice'],
    any      => ['satisfy any; allow all; auth_jwt on;', '', 'alice'],
    other    => ['auth_jwt on; auth_jwt_require $other;', undef, undef],
    try      => ['try_files /none /PROTOCOL/on;', undef, 'alice'],
    tryopen  => ['auth_jwt on; try_files /none @PROTOCOL;', undef, ''],
    page     => ['auth_jwt on; deny all; error_page 401 403 = /PROTOCOL/open;',
                 '', ''],
    named    => ['auth_jwt on; deny all; error_page 401 403 = @PROTOCOL;',
                 '', ''],
    rewrite  => ['rewrite ^ /PROTOCOL/on last;', undef, 'alice'],
    limit    => ['auth_jwt on; limit_except POST { auth_jwt off; }', '', ''],
    if       => ['auth_jwt on; if ($http_x_user) { set $seen 1; }',
                 undef, 'alice'],
    strip    => ['auth_jwt on; auth_jwt_identity_header X-User;', undef, ''],
    variable => ['auth_jwt on token=$given;', 'alice', 'alice'],
    local    => ['auth_jwt on; auth_jwt_identity_header X-Local sub; ' .
                 'auth_jwt_identity_header X-User;', undef, ''],
);


my $site = Site->new;
my $token = $site->token(sub => 'alice');
Record::start($site, @Record::PROTOCOLS);

$site->run(http => <<"HTTP", server => <<"SERVER");
@{[ Record::upstream($site) ]}
    auth_jwt_identity_header X-User sub;
    auth_jwt_identity_header X-Internal;
    underscores_in_headers on;
    ignore_invalid_headers off;
    large_client_header_buffers 4 8k;
HTTP
        listen unix:$site->{data}/run/h2.sock http2;
        set \$other '';
        set \$seen '';
        set \$given $token;
        set \$early "\$http_x_user\$http_x__user\$http_xuser";
        proxy_http_version 1.1;
        proxy_set_header X-Early \$early;
        proxy_set_header X-Seen \$seen;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection upgrade;
@{[ map { locations($_) } @Record::PROTOCOLS ]}
SERVER


# --- every protocol, every location ------------------------------------------

for my $protocol (@Record::PROTOCOLS) {
    for my $location (sort keys %LOCATION) {
        my (undef, $nobody, $alice) = @{ $LOCATION{$location} };
        my $path = "/$protocol/$location";

        is_got("$path, no token", $nobody, $site->get($path, @FORGED));
        is_got("$path, a token", $alice, $site->ask($path, $token, @FORGED));
        is_got("$path, a bad token", $location eq 'optional' ? undef : $nobody,
            $site->ask($path, "${token}x", @FORGED));
    }
}

for my $spelling (@SPELLINGS) {
    for my $location (qw(open on)) {
        is_got("$spelling alone, $location", $LOCATION{$location}[2],
            $site->ask("/http/$location", $token, $spelling => 'mallory'));
    }
}

my $many = $site->ask('/http/on', $token, @FORGED,
    map { ("X-More-$_" => $_) } 1 .. 60);
is_got('among sixty others', 'alice', $many);
is(scalar(grep { $_->[0] =~ /^X-More-/ } @{ $many->{json} }), 60,
    'that all come through');
is_got('nothing else at all', '', $site->get('/http/open', 'X-User' => 'mallory'));
is_got('a name that is only removed', 'alice', $site->ask('/http/on', $token,
    'X-Internal' => 'mallory', x_internal => 'mallory', @FORGED));
is_deeply([Record::got($site->ask('/http/local', $token, @FORGED,
    'X-Local' => 'mallory'), 'X-Local')], ['alice'], "a location's own name");
is_deeply([Record::got($site->ask('/http/on', $token, 'X-User-Id' => 7,
    'X-Use' => 8), 'X-User-Id')], [7], 'a longer name is another');


# A request without any line, or with none that stays.

for my $protocol (@Record::PROTOCOLS) {
    for (['none', ''], ['only a forged one', "X-User: mallory\r\n"],
         ['only forged ones', join '', map { "$_: mallory\r\n" } @SPELLINGS])
    {
        my ($name, $lines) = @$_;
        is_got("HTTP/1.0, $protocol, $name", 'alice', Gate::parse($site->raw(
            "GET /$protocol/variable HTTP/1.0\r\n$lines\r\n")));
    }
}


# --- HTTP/2 ------------------------------------------------------------------

# Names are in lower case there, and not every mark may be in one; each twice.

my @lines = map { ("$_: mallory", "$_: mallory2") }
    grep { $_ eq lc && !/[.!'~]/ } map { lc } @SPELLINGS;

for my $protocol (@Record::PROTOCOLS) {
    for my $location (sort keys %LOCATION) {
        my (undef, $nobody, $alice) = @{ $LOCATION{$location} };
        my $path = "/$protocol/$location";

        is_got("HTTP/2, $path, no token", $nobody,
            $site->http2($path, @lines));
        is_got("HTTP/2, $path, a token", $alice,
            $site->http2($path, @lines, "Authorization: Bearer $token"));
    }
}

is_deeply([Record::got($site->http2('/http/open', 'X-Twice: 1', 'X-Twice: 2'),
    'X-Twice')], [1, 2], 'HTTP/2: what is there twice comes twice');


# --- upgrades ----------------------------------------------------------------

my $probe = 0;

for (['open', undef, ''], ['off', undef, ''], ['on', $token, 'alice'],
     ['optional', undef, ''], ['optional', $token, 'alice'])
{
    my ($location, $with, $user) = @$_;
    my $name = "WebSocket, $location" . ($with ? ', a token' : '');
    my ($socket, $answer) = upgrade("/http/$location/echo", $with);

    is($answer->{status}, 101, "$name: is a tunnel");
    is_got($name, $user, $answer, 101);
    is_deeply([Record::got($answer, 'Sec-WebSocket-Version')], [13],
        "$name: its own headers");

    print {$socket} "one\n";
    is(scalar <$socket>, "echo: one\n", "$name: bytes go there and back");
    print {$socket} "GET /http/open HTTP/1.1\r\nX-Probe: inner\r\n\r\n";
    is(join('', map { scalar <$socket> } 1 .. 3),
        "echo: GET /http/open HTTP/1.1\r\necho: X-Probe: inner\r\necho: \r\n",
        "$name: what looks like a request is none");
    close $socket;
}
is(scalar Record::log_of($site, 'X-Probe', 'inner'), 0,
    'and no backend got it as one');

for (['on', undef, 'no token'], ['on', "${token}x", 'a bad one'],
     ['optional', "${token}x", 'a bad one'],
     ['on', $site->token(exp => time - 1), 'an old one'],
     ['other', $token, 'auth_jwt_require'])
{
    my ($location, $with, $name) = @$_;
    my ($socket, $answer, $id) = upgrade("/http/$location/echo", $with,
        "one\n");

    is($answer->{status}, 401, "WebSocket, $location, $name: no tunnel");
    unlike($answer->{raw} . join('', <$socket>), qr/echo|mallory/,
        'nobody answers what comes after');
    is(scalar Record::log_of($site, 'X-Probe', $id), 0,
        'and no backend knows of it');
    close $socket;
}

$site->finish;
done_testing();


sub locations {
    my ($protocol) = @_;

    my $pass = Record::pass($site, $protocol);
    my $text = "        location \@$protocol { $pass }\n";
    for my $name (sort keys %LOCATION) {
        my $lines = $LOCATION{$name}[0] =~ s/PROTOCOL/$protocol/gr;
        $text .= "        location /$protocol/$name { $lines $pass }\n";
    }
    return $text;
}


sub is_got {
    my ($name, $user, $answer, $status) = @_;

    unlike($answer->{raw}, qr/mallory/, "$name: nothing of the client's");
    if (!defined $user) {
        is($answer->{status}, 401, "$name: refused");
        return;
    }
    is($answer->{status}, $status // 200, "$name: answered");
    is_deeply([Record::got($answer, 'X-User')], [grep { $_ ne '' } $user],
        "$name: " . ($user ? "is $user" : 'is nobody'));
}


# The socket, the answer and what the backend's log may know it by.  Of a
# tunnel the answer is one line; more is sent at once, without waiting for it.

sub upgrade {
    my ($path, $with, $more) = @_;

    my $id = 'upgrade-' . $probe++;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $site->{port}) or die "connect: $!\n";
    my %forged = @FORGED;
    print {$socket} join("\r\n", "GET $path HTTP/1.1", 'Host: a',
        (map { my $name = $_; map { "$name: $_" } ref $forged{$_}
            ? @{ $forged{$_} } : $forged{$_} } sort keys %forged),
        $with ? "Authorization: Bearer $with" : (), "X-Probe: $id",
        'Upgrade: websocket', 'Connection: upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''), $more // '';

    local $SIG{ALRM} = sub { die "no answer within 30 seconds\n" };
    alarm 30;
    my $text = '';
    while (defined(my $line = <$socket>)) {
        $text .= $line;
        last if $line eq "\r\n";
    }
    $text .= <$socket> if $text =~ m{\AHTTP/1.1 101};
    alarm 0;
    return ($socket, Gate::parse($text), $id);
}
