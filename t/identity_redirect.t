#!/usr/bin/perl

# What a location set is gone when nginx sends the request on to another one:
# the token is judged again there, under its keys and conditions.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path);
use Test::More;

use Gate;
use Record;
use Site;

my $site = Site->new;
my $other = Token::key('ES256');
Stack::replace($site->path('run/other.json'),
    Token::jwks(Token::jwk($other, kid => 'o')));
Stack::replace($site->path('run/both.json'), Token::jwks(
    Token::jwk($other, kid => 'o'), Token::jwk($site->{key}, kid => 'k')));
Record::start($site, @Record::PROTOCOLS);

my $pass = Record::pass($site, 'http');
my $other_file = $site->path('run/other.json');

# Where a redirect leads: what a token of alice, known to those that nginx.conf
# calls nick "al", makes of it; undef: refused there.

my %TO = (
    open  => ['', ''],
    off   => ['auth_jwt off;', ''],
    same  => ['auth_jwt b;', 'alice'],
    nick  => ['auth_jwt b; auth_jwt_identity_header X-User nick;', 'al'],
    none  => ['auth_jwt b; auth_jwt_identity_header X-User none;', ''],
    must  => ['auth_jwt b; auth_jwt_identity_header X-User none required;',
              undef, 403],
    more  => ['auth_jwt b; auth_jwt_identity_header X-Nick nick;', ''],
    keys  => ["auth_jwt b; auth_jwt_key_file $other_file;", undef, 401],
    iss   => ['auth_jwt b; auth_jwt_issuer https://b.test;', undef, 401],
    needs => ['auth_jwt b; auth_jwt_require $jwt_claim_admin;', undef, 401],
    offer => ['auth_jwt off token=$cookie_b;', 'bob'],
    token => ['auth_jwt b token=$cookie_b;', 'bob'],
);

sub targets { return sort keys %TO }

make_path($site->path("web/from/index/$_")) for targets();

$site->run(http => <<"HTTP", server => <<"SERVER");
@{[ Record::upstream($site) ]}
    auth_jwt_identity_header X-User sub;
    auth_jwt_identity_header X-Nick;
    map \$jwt_claim_role \$admin { volatile; admin yes; default ''; }
    map \$jwt_kid \$ours { volatile; k yes; default ''; }
    recursive_error_pages on;
HTTP
        listen unix:$site->{data}/run/h2.sock http2;
        location /from/ { auth_jwt a; }
        location ~ ^/from/error/(\\w+)\$ { auth_jwt a; error_page 404 = /to/\$1; }
        location ~ ^/from/try/(\\w+)\$ { auth_jwt a; try_files /none /to/\$1; }
        location ~ ^/from/rewrite/(\\w+)\$ { auth_jwt a; rewrite ^/from/rewrite/(.*) /to/\$1 last; }
        location ~ ^/from/index/(\\w+)/\$ { auth_jwt a; index none /to/\$1; }
        location ~ ^/from/status/(\\w+)/status {
            auth_jwt a; proxy_intercept_errors on; error_page 418 = /to/\$1;
            $pass
        }
@{[ map { accel($_) } @Record::PROTOCOLS ]}
@{[ map { my $to = $_; my $line = $TO{$to}[0];
          "        location = /to/$to { $line $pass }\n" .
          "        location \@$to { $line $pass }\n" .
          "        location = /from/named/$to { auth_jwt a; try_files /none " .
          "\@$to; }\n" .
          "        location = /from/error_named/$to { auth_jwt a; deny all; " .
          "error_page 403 = \@$to; }\n" } targets() ]}
        location = /admin/a { auth_jwt a token=\$cookie_a;
                              auth_jwt_require \$admin; $pass }
        location = /admin/accel { auth_jwt a token=\$cookie_a;
                                  auth_jwt_require \$admin; $pass }
        location = /admin/b { auth_jwt b token=\$cookie_b;
                              auth_jwt_require \$admin; $pass }
        location = /ours/accel { auth_jwt a token=\$cookie_a;
                           auth_jwt_require \$ours; $pass }
        location = /ours/b { auth_jwt b token=\$cookie_b;
                             auth_jwt_key_file $site->{data}/run/both.json;
                             auth_jwt_require \$ours; $pass }
        location = /loop/ { auth_jwt a; error_page 404 = /loop/; }
SERVER

my $alice = $site->token(sub => 'alice', nick => 'al');
my $bob = $site->token(sub => 'bob');


# --- every way, every end ----------------------------------------------------

my %way = (
    (map { my $way = $_; ($way => sub { "/from/$way/$_[0]" }) }
        qw(error try rewrite named error_named)),
    index  => sub { "/from/index/$_[0]/" },
    status => sub { "/from/status/$_[0]/status/418" },
    map { my $protocol = $_;
          ("accel by $_" => sub { "/$protocol/accel?/to/$_[0]" }) }
        @Record::PROTOCOLS
);

for my $way (sort keys %way) {
    for my $to (targets()) {
        my (undef, $user, $status) = @{ $TO{$to} };
        my $answer = $site->ask($way{$way}->($to), $alice,
            Cookie => "b=$bob", 'X-User' => 'mallory', x_user => 'mallory',
            'X-Nick' => 'mallory');
        my $name = "$way to $to";

        is($answer->{status}, $status // 200, "$name: status");
        unlike($answer->{raw}, qr/mallory/, "$name: nothing of the client's");
        is_deeply([Record::got($answer, 'X-User')],
            [grep { $_ ne '' } $user // 'no record'],
            "$name: " . ($user ? "is $user" : 'is nobody'));
        is_deeply([Record::got($answer, 'X-Nick')], ['al'], "$name: X-Nick")
            if $to eq 'more';

        next unless $to =~ /^(?:open|same|keys)\z/;
        $answer = $site->http2($way{$way}->($to),
            "Authorization: Bearer $alice", map { ($_, $_) }
            'X-User: mallory', 'x_user: mallory', 'X-Nick: mallory');
        is($answer->{status}, $status // 200, "HTTP/2, $name: status");
        unlike($answer->{raw}, qr/mallory/, "HTTP/2, $name: nothing forged");
        is_deeply([Record::got($answer, 'X-User')],
            [grep { $_ ne '' } $user // 'no record'],
            "HTTP/2, $name: " . ($user ? "is $user" : 'is nobody'));
    }

    # rewrite is before the access phase: where it begins refuses nobody.

    my $answer = $site->get($way{$way}->('open'), 'X-User' => 'mallory');
    is($answer->{status}, $way eq 'rewrite' ? 200 : 401,
        "$way without a token");
    unlike($answer->{raw}, qr/mallory|alice/, "$way without a token: nobody");
}


# --- a condition is judged again ---------------------------------------------

my $admin = $site->token(sub => 'root', role => 'admin');
my $theirs = Token::mint('ES256', $other, 'o', sub => 'root', role => 'admin');

for (
    ['an admin to an admin',   'admin', $admin,  $admin,  200, 'root'],
    ['an admin to a user',     'admin', $admin,  $bob,    401],
    ['an admin to nobody',     'admin', $admin,  '',      401],
    ['a user to an admin',     'admin', $bob,    $admin,  401],
    ['our key to our key',     'ours',  $admin,  $alice,  200, 'alice'],
    ['our key to another one', 'ours',  $admin,  $theirs, 401],
) {
    my ($name, $path, $first, $second, $status, @user) = @$_;
    my $answer = $site->get("/$path/accel?/$path/b",
        Cookie => join '; ', ("a=$first") x !!$first, ("b=$second") x !!$second);
    is($answer->{status}, $status, "$name: $status");
    is_deeply([Record::got($answer, 'X-User')], \@user, "$name: the user")
        if $status == 200;
    unlike($answer->{raw}, qr/root/, "$name: nothing of the first")
        if $status != 200;
}

my $answer = $site->ask('/loop/', $alice, 'X-User' => 'mallory');
is($answer->{status}, 500, 'redirects without end: end');

$site->finish;
done_testing();


sub accel {
    my ($protocol) = @_;
    return "        location = /$protocol/accel { auth_jwt a; " .
        Record::pass($site, $protocol) . " }\n";
}
