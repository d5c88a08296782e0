#!/usr/bin/perl

# What a browser gets from web/: pages, headers, redirects, and nothing of a
# protected page without a token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;

my %rules = (
    'Content-Security-Policy' => "default-src 'self'; base-uri 'none'; "
        . "form-action 'self'; frame-ancestors 'none'",
    'X-Content-Type-Options'     => 'nosniff',
    'Referrer-Policy'            => 'same-origin',
    'Cross-Origin-Opener-Policy' => 'same-origin',
);

my $gate = Gate->new;
$gate->start_all;
$gate->add_user('ana', 'correct horse battery');

my %browser = ('Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors');
my $login = $gate->post('/auth/login',
    { username => 'ana', password => 'correct horse battery' }, %browser);
is($login->{status}, 200, 'a login');
my $jar = join '; ', map { "$_=" . Gate::cookies($login)->{$_}{value} }
          grep { /^access/ } keys %{ Gate::cookies($login) };

page('/', 200, 'no-cache');
page('/portero/session.js', 200, 'no-cache');
page('/portero/session.css', 200, 'no-cache');
page('/portero/icon.svg', 200, 'no-cache');
page('/portero/nothing', 404, 'no-cache');
page('/portero/', 403, 'no-cache');
page('/nothing', 404);
page('/app/', 401, 'no-store');
page('/app/nothing', 401, 'no-store');
page('/app/', 200, 'no-store', Cookie => $jar);
page('/app/nothing', 404, 'no-store', Cookie => $jar);
page('/app/', 401, 'no-store', Authorization => 'Bearer a.b.c');

like($gate->get('/')->{body}, qr/data-portero="start"/, 'the start page');
unlike($gate->get('/app/')->{body}, qr/data-portero/,
    'nothing of the protected page without a token');
like($gate->get('/app/', Cookie => $jar)->{body}, qr/data-portero="protected"/,
    'and all of it with one');
unlike($_->{body}, qr/<script>|<style|\sstyle=|\son\w+=/,
    'a page has no script or style of its own')
    for $gate->get('/'), $gate->get('/app/', Cookie => $jar);

for (['/portero/session.js', 'text/javascript'],
     ['/portero/session.css', 'text/css'], ['/portero/icon.svg',
     'image/svg+xml'], ['/', 'text/html'])
{
    my ($path, $type) = @$_;
    my $answer = $gate->get($path);
    like(Gate::header($answer, 'Content-Type'), qr/^\Q$type\E/, "$path: $type");
    my $tag = Gate::header($answer, 'ETag');
    like($tag, qr/^(?:W\/)?"/, "$path has an ETag");
    my $again = $gate->get($path, 'If-None-Match' => $tag);
    is($again->{status}, 304, 'and is not sent twice');
    is($again->{body}, '', 'not a byte of it');
}
is(Gate::header($gate->get('/app/', Cookie => $jar), 'ETag'), '',
    'a protected page has none');

# Who is on the way to a page is sent to the start page.

redirect('/app/', 'Sec-Fetch-Mode' => 'navigate');
redirect('/app/', Accept => 'text/html,*/*');
redirect('/app/a%2Fb?c=d&e=%20f', 'Sec-Fetch-Mode' => 'navigate');
redirect('/app/', 'Sec-Fetch-Mode' => 'navigate', Cookie => "$jar-");
like($gate->nginx_says('auth_jwt: '), qr/missing|malformed|signature/,
    'the log says why');

is($gate->get('/app/', @$_)->{status}, 401, "@$_: 401")
    for ['Sec-Fetch-Mode' => 'cors', Accept => 'text/html'],
        ['Sec-Fetch-Mode' => 'no-cors'], [Accept => 'application/json'],
        [Accept => '*/*'];
like(Gate::header($gate->get('/app/'), 'WWW-Authenticate'), qr/^Bearer realm/,
    'with a challenge, never Basic');
is($gate->get('/api/whoami', 'Sec-Fetch-Mode' => 'navigate')->{status}, 401,
    'elsewhere a navigation gets its 401');
is($gate->get("//app/", 'Sec-Fetch-Mode' => 'navigate')->{status}, 302,
    'a doubled slash is no way in');
is($gate->get($_)->{status}, 401, "$_ is no way in")
    for '/app/index.html', '/portero/../app/', '/./app/', '/%61pp/',
        '/app/%2e/index.html';

$gate->finish;
done_testing();


sub page {
    my ($path, $status, $cache, %header) = @_;

    my $answer = $gate->get($path, %header);
    is($answer->{status}, $status, "$path: $status");
    is(Gate::header($answer, $_), $rules{$_}, "$path, $status: $_")
        for sort keys %rules;
    is(Gate::header($answer, 'Cache-Control'), $cache // '',
        "$path, $status: Cache-Control");
}


sub redirect {
    my ($path, %header) = @_;

    my $answer = $gate->get($path, %header);
    is($answer->{status}, 302, "$path: a navigation is redirected");
    is(Gate::header($answer, 'Location'), "/?return=$path",
        'to the start page, and back');
    is(Gate::header($answer, 'Cache-Control'), 'no-store', 'and not kept');
    is(Gate::header($answer, $_), $rules{$_}, $_) for sort keys %rules;
}
