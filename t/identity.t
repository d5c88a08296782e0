#!/usr/bin/perl

# What the client sends under an identity header's name reaches no backend,
# however it is spelt, whatever passes the request on, whoever may come in; and
# what stands there afterwards is from a token that is valid there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Open3;
use JSON::PP;
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
    local    => ['auth_jwt on; auth_jwt_identity_header X-Local sub; ' .
                 'auth_jwt_identity_header X-User;', undef, ''],
);


my $site = Site->new;
my $h2 = $site->path('run/h2.sock');
Record::start($site, @Record::PROTOCOLS);

$site->run(http => <<"HTTP", server => <<"SERVER");
@{[ Record::upstream($site) ]}
    auth_jwt_identity_header X-User sub;
    auth_jwt_identity_header X-Internal;
    underscores_in_headers on;
    ignore_invalid_headers off;
    large_client_header_buffers 4 8k;
HTTP
        listen unix:$h2 http2;
        set \$other '';
        set \$seen '';
        set \$early "\$http_x_user\$http_x__user\$http_xuser";
        proxy_http_version 1.1;
        proxy_set_header X-Early \$early;
        proxy_set_header X-Seen \$seen;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection upgrade;
@{[ map { locations($_) } @Record::PROTOCOLS ]}
SERVER


# --- every protocol, every location ------------------------------------------

my $token = $site->token(sub => 'alice');

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


# --- HTTP/2 and upgrades -----------------------------------------------------

for my $protocol (@Record::PROTOCOLS) {
    is_got("HTTP/2, /$protocol/open", '', http2("/$protocol/open"));
    is_got("HTTP/2, /$protocol/on", undef, http2("/$protocol/on"));
    is_got("HTTP/2, /$protocol/on, a token", 'alice',
        http2("/$protocol/on", "Authorization: Bearer $token"));
}

for (['open', [], ''], ['off', [], ''],
     ['on', [Authorization => "Bearer $token"], 'alice'])
{
    my ($location, $header, $user) = @$_;
    my $answer = $site->get("/http/$location", @FORGED, @$header,
        Upgrade => 'websocket', Connection => 'upgrade',
        'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAAAA==');
    is($answer->{status}, 101, "WebSocket, $location: is a tunnel");
    is_got("WebSocket, $location", $user, $answer, 101);
    is_deeply([Record::got($answer, 'Sec-WebSocket-Version')], [13],
        "WebSocket, $location: its own headers");
}
is_got('WebSocket, on, no token', undef, $site->get('/http/on', @FORGED,
    Upgrade => 'websocket', Connection => 'upgrade, close'));

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


# By curl, over a socket of its own: without TLS a client has to know.

sub http2 {
    my ($path, @more) = @_;

    my %forged = @FORGED;
    my $pid = open3(my $in, my $out, undef, 'curl', '-sS', '--max-time', 20,
        '--http2-prior-knowledge', '--unix-socket', $h2, '-w', '%{http_code}',
        (map { ('-H', $_) } @more, map { "$_: mallory" }
             grep { !/[.!'~]/ } sort keys %forged), "http://site.test$path");
    my $text = do { local $/; <$out> };
    waitpid $pid, 0;
    my ($body, $status) = $text =~ /\A(.*)(\d\d\d)\z/s;
    my $json = eval { JSON::PP->new->decode($body) };
    return { raw => $text, status => $status, json => $json };
}
