#!/usr/bin/perl

# Identity headers and subrequests: each request gets what its own location
# gives, and nothing of one reaches another.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use JSON::PP;
use Test::More;

use Gate;
use Record;
use Site;
use Token;

my $gate = Gate->new;
$gate->create_folders;

my $key = Crypt::PK::ECC->new;
$key->generate_key('nistp256');
my $jwk = JSON::PP->new->decode($key->export_key_jwk('public'));
Stack::replace($gate->path('run/keys.json'),
    JSON::PP->new->encode({ keys => [$jwk] }));
my $token = encode_jwt(payload => { sub => 'alice', exp => time + 600 },
    alg => 'ES256', key => $key);

$gate->start_backend;
$gate->start_nginx(<<"CONF");
@{[ $gate->nginx_preamble ]}
events {}
http {
    access_log off;
@{[ $gate->nginx_http_preamble ]}
    auth_jwt_key_file $gate->{data}/run/keys.json;
    auth_jwt_identity_header X-User;
    upstream backend { server unix:$gate->{data}/run/backend.sock; }
    server {
        listen 127.0.0.1:$gate->{port};
        location = /pub { auth_request /auth; proxy_pass http://backend; }
        location = /opt {
            auth_jwt o;
            auth_request /auth;
            auth_jwt_identity_header X-User nick;
            proxy_pass http://backend;
        }
        location = /auth {
            auth_jwt a;
            auth_jwt_identity_header X-User sub;
            proxy_pass http://backend;
        }
        location = /seen {
            auth_request /seen_auth;
            proxy_set_header X-User-Roles \$http_x_user;
            proxy_pass http://backend;
        }
        location = /seen_auth {
            auth_jwt a;
            auth_jwt_identity_header X-User sub;
            proxy_set_header X-User-Roles \$http_x_user;
            proxy_set_header X-User-Session \$http_xuser;
            proxy_pass http://backend;
        }
        location = /ssi { ssi on; ssi_types *; default_type text/html; alias $gate->{data}/web/ssi.html; }
        location = /denied { ssi on; default_type text/html; alias $gate->{data}/web/denied.html; }
        location = /required {
            auth_jwt a;
            auth_jwt_require \$arg_never;
            auth_jwt_identity_header X-User sub;
            proxy_pass http://backend;
        }
    }
}
CONF
Stack::replace($gate->path('web/ssi.html'),
    '<!--# include virtual="/auth" -->|<!--# include virtual="/pub" -->');
Stack::replace($gate->path('web/denied.html'),
    '<!--# include virtual="/required" -->');

for my $n (0, 25) {
    for my $client ([], ['X-User' => 'root'], ['x_user' => 'root']) {
        my @more = ((map { ("X-More-$_" => 1) } 1 .. $n), @$client,
            Authorization => "Bearer $token");
        my $name = "$n more headers" . (@$client ? ", $client->[0]" : '');

        is($gate->get('/auth', @more)->{json}{user}, 'alice',
            "$name: the location itself");
        is($gate->get('/pub', @more)->{json}{user}, '',
            "$name: a subrequest's header does not reach its parent");
        is($gate->get('/opt', @more)->{json}{user}, '',
            "$name: nor one whose own claim is missing");
        is_deeply([@{ $gate->get('/seen_auth', @more)->{json} }
                        {qw(user roles session)}], [qw(alice alice), ''],
            "$name: \$http_x_user is the location's own");
        is($gate->get('/seen', @more)->{json}{roles}, '',
            "$name: \$http_x_user of a subrequest is not its parent's");
        like($gate->get('/ssi', @more)->{body},
            qr/"user":"alice".*\|.*"user":""/s,
            "$name: it has its own, and the next one has none");
        like($gate->get('/denied', @more)->{body}, qr/"user":""/,
            "$name: nothing where auth_jwt_require is not met");
    }
}

is($gate->get('/auth')->{status}, 401, 'no token');
like($gate->nginx_says('auth_jwt: '), qr/auth_jwt: missing: /, 'says why');
unlike($gate->get('/ssi', 'X-User' => 'root')->{body}, qr/alice|root/,
    'a subrequest without a token has none');

$gate->finish;


# --- before every protocol ---------------------------------------------------

# Where subrequests lead, and who alice, whom nginx.conf calls "al" by her nick,
# is there; nobody, who has no good token, is nobody in all of them.

my %TARGET = (
    auth  => ['auth_jwt a; auth_jwt_identity_header X-User sub;', 'alice'],
    nick  => ['auth_jwt a; auth_jwt_identity_header X-User nick;', 'al'],
    pub   => ['', ''],
    unmet => ['auth_jwt a; auth_jwt_require $arg_never; ' .
              'auth_jwt_identity_header X-User sub;', ''],
    other => ['auth_jwt a; auth_jwt_key_file OTHER; ' .
              'auth_jwt_identity_header X-User sub;', ''],
);

# Who asks them with auth_request: the target, alice, and whether nobody may.

my %PARENT = (
    open  => ['', 'auth', '', 1],
    offer => ['auth_jwt off token=$http_authorization; ' .
              'auth_jwt_identity_header X-User nick;', 'auth', 'al', 1],
    same  => ['auth_jwt p; auth_jwt_identity_header X-User sub;', 'auth',
              'alice'],
    own   => ['auth_jwt p; auth_jwt_identity_header X-User nick;', 'auth',
              'al'],
    less  => ['auth_jwt p; auth_jwt_identity_header X-User none;', 'auth', ''],
    more  => ['auth_jwt p; auth_jwt_identity_header X-User sub;', 'pub',
              'alice'],
    swap  => ['auth_jwt p; auth_jwt_identity_header X-User sub;', 'nick',
              'alice'],
    lower => ['auth_jwt p; auth_jwt_identity_header X-User nick;', 'unmet',
              'al'],
    alien => ['auth_jwt p; auth_jwt_identity_header X-User sub;', 'other',
              'alice'],
);

my @FORGED = (
    ['X-User' => 'mallory'],
    [x_user => 'mallory'],
    ['X-User' => ['mallory', 'mallory2', ''], x_user => ['mallory', 'eve'],
     X_User => 'mallory', 'x-user' => 'mallory'],
);

my $site = Site->new;
my $stranger = Token::key('ES256');
my $other = $site->path('run/other.json');
Stack::replace($other, Token::jwks(Token::jwk($stranger, kid => 'o')));
Record::start($site, @Record::PROTOCOLS);

$site->run(http => <<"HTTP", server => <<"SERVER");
@{[ Record::upstream($site) ]}
    auth_jwt_identity_header X-User;
    underscores_in_headers on;
    default_type text/html;
HTTP
        ssi on;
        location /closed/ {
            auth_jwt p;
            auth_jwt_identity_header X-User sub;
            alias $site->{data}/web/;
        }
@{[ map { places($_) } @Record::PROTOCOLS ]}
SERVER

my $alice = $site->token(sub => 'alice', nick => 'al');
my @NOBODY = (
    ['no token', 'missing'],
    ['a forged token', 'signature', Token::mint('ES256', $stranger, 'k',
        nick => 'al')],
    ['an old token', 'expired', $site->token(exp => time - 1, nick => 'al')],
    ['a cut token', 'signature', substr $alice, 0, -6],
    ["a stranger's token", 'key', Token::mint('ES256', $stranger, 'x')],
);
my $probe = 0;

for my $protocol (@Record::PROTOCOLS) {
    for my $parent (sort keys %PARENT) {
        my (undef, $target, $who, $public) = @{ $PARENT{$parent} };
        my $alice_there = "$target=$TARGET{$target}[1] $parent=$who";

        # The target of each protocol, whatever the parent's is.

        for my $towards (@Record::PROTOCOLS) {
            my $path = "/$protocol/$parent/$towards";
            is(asked($path, $alice, @{ $FORGED[$probe % @FORGED] }),
                "200 $alice_there", "$path: each its own");
        }

        my $path = "/$protocol/$parent/$protocol";
        is(asked($path, $alice), "200 $alice_there", "$path: nothing forged");
        for (@NOBODY) {
            my ($name, $word, $token) = @$_;
            for my $forged (@FORGED) {
                is(asked($path, $token, @$forged), $public
                    ? "200 $target= $parent=" : '401',
                    "$path, $name: " . ($public ? 'nobody' : 'refused'));
            }
            like($site->nginx_says('auth_jwt: '),
                qr{auth_jwt: $word: .* "GET \Q$path\E },
                "$path, $name: says why") unless $public;
        }
    }
}


# --- SSI before every protocol -----------------------------------------------

my @INCLUDED = qw(auth pub nick auth unmet other pub);

page("$_/page", map { my $to = $_; map { "/$to/$_" } @INCLUDED } $_)
    for @Record::PROTOCOLS;
page('mixed', map { my $target = $_; map { "/$_/$target" } @Record::PROTOCOLS }
    @INCLUDED);

for my $page (map({ "$_/page" } @Record::PROTOCOLS), 'mixed') {
    my @places = $page eq 'mixed'
        ? map { ($_) x @Record::PROTOCOLS } @INCLUDED : @INCLUDED;
    my $alices = join ' ', 200, map { "$_=$TARGET{$_}[1]" } @places;
    my $nobodys = join ' ', 200, map { "$_=" } @places;

    for my $forged ([], @FORGED) {
        is(included("/$page", $alice, @$forged), $alices,
            "/$page: each include its own");
        is(included("/$page", $_->[2], @$forged), $nobodys,
            "/$page, $_->[0]: nobody") for @NOBODY;
        is(included("/closed/$page", $alice, @$forged), $alices,
            "/closed/$page: each include its own");
        is(included("/closed/$page", $_->[2], @$forged), '401',
            "/closed/$page, $_->[0]: refused") for @NOBODY;
    }
}

$site->finish;
done_testing();


# All that stands before one protocol; a parent names its target's by its path.

sub places {
    my ($protocol) = @_;

    my $text = '';
    for my $name (sort keys %TARGET) {
        my $lines = $TARGET{$name}[0] =~ s/OTHER/$other/r;
        my $pass = Record::pass($site, $protocol, 'X-Place' => $name);
        $text .= "        location = /$protocol/$name { $lines $pass }\n";
    }
    for my $name (sort keys %PARENT) {
        my ($lines, $target) = @{ $PARENT{$name} };
        my $pass = Record::pass($site, $protocol, 'X-Place' => $name);
        $text .= "        location = /$protocol/$name/$_ { $lines " .
            "auth_request /$_/$target; $pass }\n" for @Record::PROTOCOLS;
    }
    return $text;
}


sub page {
    my ($name, @includes) = @_;

    my $path = $site->path("web/$name");
    make_path(dirname($path));
    Stack::replace($path,
        map { qq(<!--# include virtual="$_" -->\n) } @includes);
}


# "200 auth=alice open=": the status, and whom each backend was told of, in the
# order of their turns.

sub asked {
    my ($path, $token, @more) = @_;

    $probe++;
    my $answer = $site->ask($path, $token, 'X-Probe' => $probe, @more);
    my @records = Record::log_of($site, 'X-Probe' => $probe);
    return join ' ', $answer->{status}, map({ told($_) } @records),
        forged($answer, @records);
}


# The same of what stands in the page itself; backends got nothing besides.

sub included {
    my ($path, $token, @more) = @_;

    $probe++;
    my $answer = $site->ask($path, $token, 'X-Probe' => $probe, @more);
    my @parts = map { { json => JSON::PP->new->decode($_) } }
        $answer->{body} =~ /^(\[.*\])$/mg;
    my @records = Record::log_of($site, 'X-Probe' => $probe);

    return join ' ', $answer->{status}, map({ told($_) } @parts),
        (join(' ', sort map { told($_) } @parts)
            eq join(' ', sort map { told($_) } @records)
            ? () : 'and the backends: ' . join ' ', map { told($_) } @records),
        forged($answer, @records);
}


sub told {
    my ($record) = @_;
    return join(',', Record::got($record, 'X-Place')) . '='
        . join ',', Record::got($record, 'X-User');
}


sub forged {
    return grep { /mallory|eve/ } map { $_->{raw} } @_;
}
