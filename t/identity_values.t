#!/usr/bin/perl

# What a claim becomes in an identity header, which claims refuse the request,
# and what a missing one means.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Crypt::JWT qw(encode_jwt);
use JSON::PP;
use Test::More;

use Gate;
use Record;
use Site;

my $site = Site->new;
Record::start($site, 'http');
my $pass = Record::pass($site, 'http');
$site->run(http => Record::upstream($site), server => <<"CONF");
        auth_jwt on;
        auth_jwt_identity_header X-User sub;
        location / { $pass }
        location /required { auth_jwt_identity_header X-User sub required;
                             $pass }
        location /path { auth_jwt_identity_header X-User a b 1; $pass }
        location /strip { auth_jwt_identity_header X-User; $pass }
        location /more {
            auth_jwt_identity_header X-User sub;
            auth_jwt_identity_header X-Tenant tenant required;
            error_page 403 = /open;
            $pass
        }
        location /open { auth_jwt off; $pass }
CONF


# --- what is sent ------------------------------------------------------------

for (
    ['a string',            'alice',                'alice'],
    ['spaces inside',       'a b  c',               'a b  c'],
    ['spaces at the ends',  '  a ',                 '%20 a%20'],
    ['one space',           ' ',                    '%20'],
    ['a comma',             'a,b',                  'a%2Cb'],
    ['a per cent sign',     '%2C',                  '%252C'],
    ['Latin letters',       'Zoë',                  'Zo%C3%AB'],
    ['four bytes',          "\x{1F511}",            '%F0%9F%94%91'],
    ['other marks',         q(";:<>\\{}|~!'()=?@+), q(";:<>\\{}|~!'()=?@+)],
    ['a list',              [qw(a b)],              'a,b'],
    ['a list of one',       ['a'],                  'a'],
    ['a list with a comma', ['a,b', 'c'],           'a%2Cb,c'],
    ['spaces in a list',    [' a', 'b '],           '%20a,b%20'],
    ['an empty one in it',  ['', 'a'],              ',a'],
    ['an integer',          42,                     '42'],
    ['one below zero',      -7,                     '-7'],
    ['a large one',         number('9' x 40),       '9' x 40],
    ['zero',                0,                      '0'],
) {
    my ($name, $claim, $value) = @$_;
    is_deeply([ask('/', sub => $claim)], [200, $value], "$name: as it is read");
}

my %claims;
for my $claim (['a,b'], ['a', 'b'], 'a,b', 'a%2Cb', ['a%2Cb'], ' a', '%20a') {
    my (undef, $value) = ask('/', sub => $claim);
    push @{ $claims{$value} }, ref $claim ? "list of @$claim" : $claim;
}
is_deeply([sort map { join ' and ', sort @$_ } grep { @$_ > 1 }
               values %claims],
    ['a%2Cb and list of a%2Cb', 'a,b and list of a,b'],
    'but for a list of one no two strings or lists have one value');


# --- how much of it ----------------------------------------------------------

for my $size (1, 4093 .. 4096) {
    is_deeply([ask('/', sub => 'x' x $size)], [200, 'x' x $size],
        "$size bytes are sent");
}
is_deeply([ask('/', sub => 'x' x 4093 . 'ë')], [403], 'half a letter is not');
is_deeply([ask('/', sub => 'x' x 4090 . 'ë')], [200, 'x' x 4090 . '%C3%AB'],
    '4096 bytes with percent signs are sent');
is_deeply([ask('/', sub => ['x' x 2047, 'y' x 2048])],
    [200, 'x' x 2047 . ',' . 'y' x 2048], 'so are 4096 in a list');

for (
    ['one byte',                    'x' x 4097],
    ['a percent sign at the end',   'x' x 4094 . ','],
    ['a list by its comma',         ['x' x 2048, 'y' x 2048]],
    ['a list by an empty string',   ['x' x 4096, '']],
    ['all of it',                   'x' x 5000],
) {
    my ($name, $claim) = @$_;
    is_deeply([ask('/', sub => $claim)], [403], "too long by $name: refused");
    like($site->nginx_says('X-User'),
        qr/\[error\].* "X-User" would have more than 4096 bytes/,
        "too long by $name: the log");
}


# --- what is not sent --------------------------------------------------------

my $kind = 'an identity claim is no string, integer or array of strings';
my $control = 'an identity claim has a control character';
my $list = 'an identity claim is an array of other things than strings';

for (
    ['a line feed',         "a\nX-Admin: 1",                $control],
    ['a carriage return',   "a\r",                          $control],
    ['a tab',               "a\tb",                         $control],
    ['DEL',                 "a\x7f",                        $control],
    ['0x1f in a list',      ['a', "\x1f"],                  $control],
    ['an object',           { a => 1 },                     $kind],
    ['true',                JSON::PP::true,                 $kind],
    ['false',               JSON::PP::false,                $kind],
    ['a fraction',          number('1.5'),                  $kind],
    ['an exponent',         number('1e3'),                  $kind],
    ['a list of numbers',   [1, 2],                         $list],
    ['a list with null',    ['a', undef],                   $list],
    ['a list in a list',    [['a']],                        $list],
    ['an object in a list', ['a', {}],                      $list],
) {
    my ($name, $claim, $why) = @$_;
    my $answer = $site->get('/', Authorization => bearer(sub => $claim));
    is($answer->{status}, 403, "$name: refused");
    is(Gate::header($answer, 'WWW-Authenticate'),
        'Bearer realm="on", error="insufficient_scope"',
        "$name: the challenge");
    like($site->nginx_says('auth_jwt: '), qr/auth_jwt: claim: \Q$why\E, /,
        "$name: the log");
}

for (['no claim'], ['null', sub => undef], ['an empty string', sub => ''],
     ['an empty list', sub => []], ['a list of nothing', sub => ['']])
{
    my ($name, @claims) = @$_;
    is_deeply([ask('/', @claims)], [200], "$name: no header");
    is_deeply([ask('/required', @claims)], [403], "$name: refused if required");
    like($site->nginx_says('auth_jwt: '),
        qr/claim: a required identity claim is missing, /, "$name: the log");
}
is_deeply([ask('/required', sub => 'alice')], [200, 'alice'],
    'a required one is sent');

is_deeply([ask('/path', a => { b => ['x', 'y'] })], [200, 'y'],
    'several names are a path');
is_deeply([ask('/path', a => { b => ['x'] })], [200], 'that may end early');
is_deeply([ask('/strip', sub => 'alice')], [200], 'no claim: only removed');

my $answer = $site->get('/more', Authorization => bearer(sub => 'alice'),
    'X-Tenant' => 'mallory');
is($answer->{status}, 200, 'refused for the second header, to a page');
unlike($answer->{body}, qr/alice|mallory/, 'that gets neither of them');

$site->finish;
done_testing();


# The status, and the values of X-User that the backend got.

sub ask {
    my ($path, %claims) = @_;

    my $answer = $site->get($path, Authorization => bearer(%claims),
        'x-user' => 'mallory');
    return $answer->{status} unless $answer->{status} == 200;
    return (200, Record::got($answer, 'X-User'));
}


# Crypt::JWT takes the payload as text as well.

sub bearer {
    my (%claims) = @_;

    my $text = JSON::PP->new->utf8->encode({ exp => time + 600, %claims });
    $text =~ s/"#(.*?)#"/$1/g;
    return 'Bearer ' . encode_jwt(payload => $text, alg => 'ES256',
        key => $site->{key}, extra_headers => { kid => 'k' });
}


# As it stands in the token.

sub number { return "#$_[0]#" }
