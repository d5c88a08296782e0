# Other people's pages: what carries our cookies, or asks for some, has to come
# from our own origin.  t/unit/csrf.c has every case of the comparison.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use FastCGI qw(fcgi);
use Gate;


my $gate = Gate->new;
my $run = $gate->path('run');
my $host = "127.0.0.1:$gate->{port}";
my ($access, $refresh) = map { "$_-$gate->{port}=x" } qw(access refresh);

$gate->create_folders;
$gate->write_config;
$gate->portero('key', 'generate');
$gate->start_login;
$gate->login_says(qr/"event":"started"/);


sub post {
    my ($path, $body, %header) = @_;

    my $lane = $path =~ /login|register/ ? 'password' : 'token';
    return fcgi("$run/$lane.sock", POST => $path, body => $body,
        headers => [HTTP_HOST => $host,
            map { my $name = uc; $name =~ tr/-/_/;
                  ("HTTP_$name" => $header{$_}) } sort keys %header]);
}


sub refused {
    my ($name, $reason, $path, $body, %header) = @_;

    my $answer = post($path, $body, %header);

    like($answer, qr/\AStatus: 403 .*"error":"cross_site"/s, "$name: 403");
    unlike($answer, qr/^Set-Cookie/m, "$name: no cookies are touched");
    like($gate->login_says(qr/"event":"cross_site"/),
        qr/"reason":"$reason".*"path":"$path"/, "$name: the reason is told");
}


sub passes {
    my ($name, $path, $body, %header) = @_;
    unlike(post($path, $body, %header), qr/\AStatus: 403/, $name);
}


my %SAME = ('Sec-Fetch-Site' => 'same-origin');
my $login = '{"username":"a","password":"b","delivery":"%s"}';

for my $path (qw(/auth/refresh /auth/logout)) {

    for my $cookie ($access, $refresh, "a=b; $refresh") {
        for my $site (qw(cross-site same-site none)) {
            refused("$path, $site", 'sec-fetch-site', $path, '',
                Cookie => $cookie, 'Sec-Fetch-Site' => $site);
        }

        refused("$path, another origin", 'origin', $path, '',
            Cookie => $cookie, Origin => 'https://evil.example');
        refused("$path, another port", 'origin', $path, '',
            Cookie => $cookie, Origin => 'http://127.0.0.1:1');
        refused("$path, origin null", 'origin', $path, '',
            Cookie => $cookie, Origin => 'null');
        refused("$path, no origin", 'no origin', $path, '',
            Cookie => $cookie);

        passes("$path, our origin", $path, '', Cookie => $cookie, %SAME);
        passes("$path, our Origin", $path, '', Cookie => $cookie,
            Origin => "http://$host");
        passes("$path, TLS ended before us", $path, '', Cookie => $cookie,
            Origin => "https://$host");
    }

    passes("$path, no browser and no cookie", $path,
        '{"refresh_token":"x"}');
    passes("$path, cookies of others", $path, '', Cookie => 'a=b; access=c');
}

refused('a login by cookie from elsewhere', 'sec-fetch-site', '/auth/login',
    sprintf($login, 'cookie'), 'Sec-Fetch-Site' => 'cross-site');
refused('a login by cookie from another origin', 'origin', '/auth/login',
    sprintf($login, 'cookie'), Origin => 'https://evil.example');
refused('a login by token that carries a cookie', 'sec-fetch-site',
    '/auth/login', sprintf($login, 'token'), Cookie => $refresh,
    'Sec-Fetch-Site' => 'cross-site');
passes('a login by cookie from our page', '/auth/login',
    sprintf($login, 'cookie'), %SAME);
passes('a login by token without a browser', '/auth/login',
    sprintf($login, 'token'));

unlike(fcgi("$run/token.sock", GET => '/auth/session', headers => [
        HTTP_COOKIE => $access, HTTP_SEC_FETCH_SITE => 'cross-site',
        HTTP_HOST => $host]),
    qr/\AStatus: 403/, 'what changes nothing is not asked');

# A body that is wrong is refused before anybody asks where it comes from.
like(post('/auth/refresh', '{', Cookie => $refresh,
        'Sec-Fetch-Site' => 'cross-site'),
    qr/\AStatus: 400/, 'the form goes first');

$gate->finish;
done_testing();
