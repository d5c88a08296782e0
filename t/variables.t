#!/usr/bin/perl

# $jwt_claim_NAME and friends: how values are written, where they can be read,
# and that a token that was not found good has none.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use Test::More;

use Gate;
use Site;
use Token;

my $site = Site->new(qw(v to-ana));
my $log = $site->path('log/access.log');
my @names = qw(claim_sub claim_v header_alg header_kid header_v payload kid
               expires_in);

Stack::replace($site->keys, Token::jwks(Token::jwk($site->{key}, kid => 'k'),
    Token::jwk($site->{key})));
$site->start_backend;
$site->run(http => <<"HTTP", server => <<"SERVER" =~ s/LOG/$log/r);
    auth_jwt_claim_set \$deep a b 1 c;
    auth_jwt_claim_set \$first v 0;
    auth_jwt_claim_set \$url https://a.test/name;
    auth_jwt_claim_set \$jwt_claim_alias sub;
    auth_jwt_claim_set \$below v x;
    auth_jwt_claim_set \$leading v 00;
    auth_jwt_header_set \$head v 1;
    auth_jwt_header_set \$kind typ;
    map \$jwt_claim_sub \$mapped { volatile; default "no"; ana "is ana"; }
    log_format words '\$status "\$jwt_status" "\$jwt_claim_sub" "\$deep"';
HTTP
        access_log LOG words;
@{[ map { "        add_header X-$_ \"[\$jwt_$_]\" always;\n" } @names ]}
        add_header X-Status "\$jwt_status" always;
        add_header X-Deep "[\$deep]" always;
        add_header X-First "[\$first]" always;
        add_header X-Url "[\$url]" always;
        add_header X-Alias "[\$jwt_claim_alias]" always;
        add_header X-Below "[\$below]" always;
        add_header X-Leading "[\$leading]" always;
        add_header X-Head "[\$head]" always;
        add_header X-Kind "[\$kind]" always;
        add_header X-Twice "\$jwt_claim_v\$jwt_claim_v" always;
        location /v/ { auth_jwt v; }
        location /late/ { auth_jwt v; auth_jwt_audience nobody; }
        location /only/ {
            auth_jwt off token=\$arg_t;
            alias $site->{data}/web/;
        }
        location /return/ {
            auth_jwt v;
            set \$copy "\$jwt_claim_sub";
            return 200 "\$copy|\$jwt_claim_sub|\$mapped|\$jwt_status";
        }
        location /if/ {
            auth_jwt v;
            if (\$jwt_claim_sub = ana) { return 200 "ana"; }
            return 403 "nobody";
        }
        location /rewrite/ {
            auth_jwt v;
            rewrite ^ /to-\$jwt_claim_sub/file.html;
        }
        location /to-ana/ { auth_jwt v; auth_jwt_issuer i; }
        location /try/ {
            auth_jwt v;
            root $site->{data}/web;
            try_files /to-\$jwt_claim_sub/file.html =404;
        }
        location /circle/ {
            auth_jwt c token=\$jwt_claim_sub;
            alias $site->{data}/web/;
        }
        location /circle2/ {
            auth_jwt c;
            auth_jwt_require \$jwt_claim_sub \$jwt_status;
            alias $site->{data}/web/;
        }
        location /none/ { alias $site->{data}/web/; }
        location /ssi/ {
            auth_jwt v;
            ssi on;
            ssi_types *;
            alias $site->{data}/web/;
        }
        location = /part {
            auth_jwt p;
            default_type text/html;
            return 200 "\$jwt_status:\$jwt_claim_sub";
        }
        location = /open { return 200 "open:\$jwt_status:\$jwt_claim_sub"; }
SERVER
Stack::replace($site->path('web/ssi.html'),
    '<!--# include virtual="/part" wait="yes" -->|'
    . '<!--# include virtual="/open" -->');


# --- how a value is written -------------------------------------------------

written('a string', '"a b"', 'a b');
written('with escapes', '"\u00e9\"\\\\/"', "\xc3\xa9\"\\/");
written('a line\'s end', '"ana\r\nX-Admin: yes\t\u007f%0A"',
    'ana%0D%0AX-Admin: yes%09%7F%0A');
written('in an array', '["a","b\n"]', 'a,b%0A');
written('in an object', '{"a":"b\n"}', '{"a":"b\n"}');
written('an empty string', '""', '');
written('null', 'null', '');
written('true', 'true', 'true');
written('false', 'false', 'false');
written("the number $_", $_, $_)
    for qw(0 -0 1 1.10 1e3 1E+2 -1.50e-7 12345678901234567890.5
           9007199254740993);
written('an array', '["a" ,"b",1.0, true,null]', 'a,b,1.0,true,');
written('an empty array', '[]', '');
written('an array of one', '["a"]', 'a');
written('an array in an array', '[ "a", [ 1 ,2 ] ]', '["a",[1,2]]');
written('an array of objects', '[ {"a" : 1.10} ]', '[{"a":1.10}]');
written('an object', '{ "x" : [ 1, "y z" ] , "q":"\" }" }',
    '{"x":[1,"y z"],"q":"\" }"}');
written('an empty object', '{ }', '{}');

$site->{read}{$log} = -s $log;
my $a = ask('/v/', signed('{"exp":9e9,"sub":"ana","a":{"b":[0,{"c":1.10}]},'
    . '"v":["x","y"],"https://a.test/name":"url"}', v => [7, 'eight']));
is(seen($a, 'Deep'), '1.10', 'a path with an index');
is(seen($a, 'First'), 'x', 'the first of an array');
is(seen($a, 'Url'), 'url', 'a name with other characters');
is(seen($a, 'Alias'), 'ana', 'a name like $jwt_claim_');
is(seen($a, 'Below'), '', 'a member of an array');
is(seen($a, 'Leading'), '', 'an index of two digits for one');
is(seen($a, 'Head'), 'eight', 'a path in the header');
is(seen($a, 'Kind'), '', 'what the header does not have');
is(seen($a, 'header_alg'), 'ES256', '$jwt_header_alg');
is(seen($a, 'header_kid'), 'k', '$jwt_header_kid');
is(seen($a, 'header_v'), '7,eight', '$jwt_header_v');
is(seen($a, 'kid'), 'k', '$jwt_kid');
is(Gate::header($a, 'X-Twice'), 'x,yx,y', 'read twice');
is(logged(), '200 "ok" "ana" "1.10"', 'in the log');

is(seen(ask('/v/', only_key("a\r\nX-Admin: 1")), 'kid'),
    'a%0D%0AX-Admin: 1', '$jwt_kid with a line\'s end');
my $text = '{"exp": 9e9 , "n":1.10,"sub":"ana"}';
$a = ask('/v/', signed($text));
is(seen($a, 'payload'), $text, '$jwt_payload as it was signed');
is(seen(ask('/v/', signed("{\"exp\":9e9,\r\n\n\t\"n\":\"\\n\"}")), 'payload'),
    '{"exp":9e9,    "n":"\\n"}', 'on one line');
$a = ask('/v/', $site->token(exp => time + 100));
ok(seen($a, 'expires_in') =~ /^\d+$/ && abs(seen($a, 'expires_in') - 100) < 30,
    '$jwt_expires_in');
is(seen(ask('/v/', signed('{"exp":9007199254740991}')), 'expires_in') > 1e15, 1,
    '$jwt_expires_in of long ago to come');
$site->{read}{$log} = -s $log;


# --- what has none ----------------------------------------------------------

my $other = Token::key('ES256');
my %claims = (sub => 'ana', v => 'secret');
for (['no token', undef, 'missing'],
     ['not a token', 'x', 'malformed'],
     ['another key', Token::mint('ES256', $other, 'k', %claims), 'signature'],
     ['no such key', Token::mint('ES384', Token::key('ES384'), 'l', %claims),
      'key'],
     ['alg none', Token::raw('{"alg":"none"}', '{"sub":"ana","exp":9e9}'),
      'algorithm'],
     ['expired', $site->token(%claims, exp => time - 1), 'expired'],
     ['of the future', $site->token(%claims, nbf => time + 99), 'not_yet'],
     ['without exp', $site->token(%claims, exp => undef), 'expired'])
{
    my ($name, $token, $word) = @$_;
    none("$name, refused", $word, ask('/v/', $token));
    none("$name, off token=", $word, $site->get('/only/file.html?t='
        . ($token // ''))) if $word ne 'missing';
    like($site->ask('/return/', $token)->{body}, qr/^\|\|no\|$word$/,
        "$name: nothing for return");
    is($site->ask('/if/', $token)->{status}, 403, "$name: nothing for if");
    is($site->ask('/rewrite/', $token)->{status}, 404,
        "$name: nothing for rewrite");
}
none('another audience', 'audience', ask('/late/', $site->token(%claims)));
none('where nothing is judged', '', ask('/none/', $site->token(%claims)));
none('a token of itself', 'missing', ask('/circle/', $site->token(%claims)));
$site->{read}{$log} = -s $log;


# --- where they are read ----------------------------------------------------

my $ana = $site->token(sub => 'ana');
is($site->ask('/return/', $ana)->{body}, 'ana|ana|is ana|ok', 'set and return');
is(logged(), '200 "ok" "ana" "-"', 'the log of what return answered');
is($site->ask('/if/', $ana)->{body}, 'ana', 'if');
is(ask('/try/', $ana)->{status}, 200, 'try_files');
is(ask('/circle2/', $ana)->{status}, 200, 'auth_jwt_require');
is($site->ask('/rewrite/', $site->token(sub => 'ana', iss => 'i'))->{body},
    "inside\n", 'rewrite');
is($site->ask('/rewrite/', $ana)->{status}, 401,
    'where it leads, the token is judged again');
like($site->ask('/ssi/ssi.html', $ana)->{body}, qr/^ok:ana\|open::$/,
    'a subrequest has its own location\'s');
like($site->ask('/ssi/ssi.html', $site->token(sub => 'bo'))->{body},
    qr/^ok:bo\|open::$/, 'another one\'s');

$site->finish;
done_testing();


sub signed {
    my ($payload, %header) = @_;
    return encode_jwt(payload => $payload, alg => 'ES256', key => $site->{key},
        extra_headers => { kid => 'k', %header });
}


# A kid that no key has: the token is checked with the key that has none.

sub only_key {
    my ($kid) = @_;
    return encode_jwt(payload => '{"exp":9e9}', alg => 'ES256',
        key => $site->{key}, extra_headers => { kid => $kid });
}


sub ask { return $site->ask("$_[0]file.html", $_[1]) }


# A header between brackets, which keep its spaces.

sub seen {
    my ($answer, $name) = @_;
    return Gate::header($answer, "X-$name") =~ s/^\[(.*)\]$/$1/sr;
}


sub written {
    my ($name, $json, $value) = @_;

    my $token = signed("{\"exp\":9e9,\"v\":$json}");
    my $answer = ask('/v/', $token);
    is(seen($answer, 'claim_v'), $value, "$name in a header");
    is(Gate::header($answer, 'X-Admin'), '', "$name makes no header");

    $token = signed("{\"exp\":9e9,\"sub\":$json}");
    is($site->ask('/return/', $token)->{body},
        "$value|$value|" . ($value eq 'ana' ? 'is ana' : 'no') . '|ok',
        "$name in a body");
}


sub none {
    my ($name, $word, $answer) = @_;

    is(Gate::header($answer, 'X-Status'), $word, "$name: \$jwt_status");
    is(seen($answer, $_), '', "$name: no \$jwt_$_") for @names;
    is(join('', map { seen($answer, $_) }
            qw(Deep First Url Alias Below Head Kind Twice)), '',
        "$name: nothing by a path");
}


sub logged { return $site->log_line($log, '\S') }
