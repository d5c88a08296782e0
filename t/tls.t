# A browser's cookies over TLS, as they are meant to be: names with their
# prefixes, which a browser holds the server to; and other people's pages, at
# the login service and at a backend behind the gateway.  curl keeps the
# cookies, by the same rules as browsers.

use strict;
use warnings;

package Gate::TLS;

use FindBin;
use lib "$FindBin::Bin/lib";

use parent -norequire, 'Gate';

use Gate;

sub url { "https://www.example.com:$_[0]{port}" }

package main;

use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

use Secrets qw(note note_value);
use Watch qw(within);

my $gate = Gate::TLS->new(cookie => '__Host-access',
    settings => { INSECURE_COOKIES => 'off' });
my $origin = $gate->url;
my $other = 'https://evil.example';
my $jar = $gate->path('jar');
my $ca = $gate->path('nginx/tls.pem');
my $password = 'correct horse battery';

$gate->start_database;
certificate();
$gate->start_login;
$gate->start_backend;
$gate->start_nginx($gate->demo_conf =~
    s{listen (127[^;]+);}{listen $1 ssl;
        ssl_certificate $ca;
        ssl_certificate_key $ca.key;}r);
within(sub { curl('/readyz')->{status} == 200 });
$gate->add_user('ana', $password, 'reader');

my %SAME = ('Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors');
my $login = JSON::PP->new->encode({ username => 'ana',
    password => $password });


# --- cookies ----------------------------------------------------------------

my $answer = curl('/auth/login', post => $login, %SAME);
is($answer->{status}, 200, 'a login');
my @set = sort $answer->{head} =~ /^set-cookie: (.*)\r$/mgi;
is(scalar @set, 3, 'sets three cookies');
my @shape = map { s/=[^;]+/=.../r =~ s/Max-Age=\d+/Max-Age=N/r } @set;
is_deeply(\@shape, [
    '__Host-access=...; Path=/; Max-Age=N; Secure; HttpOnly; SameSite=Lax',
    '__Host-device=...; Path=/; Max-Age=N; Secure; HttpOnly; SameSite=Strict',
    '__Secure-refresh=...; Path=/auth; Max-Age=N; Secure; HttpOnly; '
        . 'SameSite=Strict'], 'with their attributes');
is(join(' ', kept()), '__Host-access __Host-device __Secure-refresh',
    'which are kept');
unlike($answer->{body}, qr/_token/, 'no token is in the body');

$answer = curl('/api/whoami', %SAME);
is($answer->{status}, 200, 'a protected place');
is_deeply($answer->{json}{'X-User-Roles'} // $answer->{json}{roles},
    $answer->{json}{roles}, 'knows who it is');
is(curl('/auth/session', %SAME)->{status}, 200, 'the session');

my $before = join ' ', values(%{ jar() });
$answer = curl('/auth/refresh', post => '', %SAME);
is($answer->{status}, 200, 'a refresh');
isnt(join(' ', values(%{ jar() })), $before, 'brings new ones');

# Without TLS none of them is sent, nor taken.

my $plain = "http://www.example.com:$gate->{port}/api/whoami";
my $sent = qx(curl -s -v --resolve www.example.com:$gate->{port}:127.0.0.1 \\
    -b $jar $plain 2>&1);
unlike($sent, qr/^> Cookie:/mi, 'none is sent without TLS');


# --- other people's pages: the login service --------------------------------

for my $path ('/auth/refresh', '/auth/logout') {
    for my $foreign (
        ['another site', 'Sec-Fetch-Site' => 'cross-site', Origin => $other],
        ['a subdomain', 'Sec-Fetch-Site' => 'same-site',
            Origin => "https://x.example.com:$gate->{port}"],
        ['an old browser, another origin', Origin => $other],
        ['the same host without TLS', Origin => 'http://www.example.com'],
        ['another port', Origin => 'https://www.example.com:1'],
        ['a frame without origin', Origin => 'null'],
        ['neither header'],
    ) {
        my ($name, %header) = @$foreign;
        my $answer = curl($path, post => '', %header);
        is($answer->{status}, 403, "$path from $name: 403");
        like($answer->{body}, qr/"cross_site"/, 'cross_site');
        unlike($answer->{head}, qr/^set-cookie/mi, 'no cookie is touched');
    }
}
is(curl('/auth/login', post => $login, 'Sec-Fetch-Site' => 'cross-site')
    ->{status}, 403, 'nobody is signed in from elsewhere');
is(curl('/auth/refresh', post => '', Origin => $origin)->{status}, 200,
    'an old browser, our origin');


# --- other people's pages: a backend ----------------------------------------

for my $method ('POST', 'PUT', 'DELETE', 'PATCH') {
    is(curl('/api/whoami', method => $method, %SAME)->{status}, 200,
        "$method to a backend, from our page");
    is(curl('/api/whoami', method => $method, 'Sec-Fetch-Site' => $_)
        ->{status}, 403, "$method, $_") for 'cross-site', 'same-site', 'none';
    is(curl('/api/whoami', method => $method, Origin => $other)->{status}, 403,
        "$method, another Origin");
    is(curl('/api/whoami', method => $method)->{status}, 403,
        "$method, of unknown origin");
    is(curl('/api/whoami', method => $method, Origin => $origin)->{status},
        200, "$method, our Origin");
}
like($gate->nginx_says(qr/auth_jwt_require is not met/), qr/\[info\]/,
    'the log knows why');
is(curl('/api/whoami', 'Sec-Fetch-Site' => 'cross-site')->{status}, 200,
    'a link from elsewhere that only reads');
my ($access, $refresh) = @{ jar() }{'__Host-access', '__Secure-refresh'};
is(curl('/api/whoami', method => 'POST', bare => 1,
    Authorization => "Bearer $access", 'Sec-Fetch-Site' => 'cross-site')
    ->{status}, 200, 'a program that sends the token itself');


# --- a cookie of the wrong kind ---------------------------------------------

is(curl('/api/whoami', bare => 1, Cookie => "$_=$access")->{status}, 401,
    "a token in $_") for 'access', '__host-access', '__Secure-access',
    '__Secure-refresh', 'X__Host-access';
is(curl('/auth/refresh', post => '', bare => 1, %SAME,
    Cookie => "refresh=$refresh")->{status}, 401,
    'a refresh token in a cookie without its prefix');


# --- logout -----------------------------------------------------------------

$answer = curl('/auth/logout', post => '', %SAME);
is($answer->{status}, 204, 'a logout');
is_deeply([sort $answer->{head} =~ /^set-cookie: (.*)\r$/mgi], [
    '__Host-access=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax',
    '__Secure-refresh=; Path=/auth; Max-Age=0; Secure; HttpOnly; '
        . 'SameSite=Strict'], 'clears both, by their names, paths and marks');
is(curl('/auth/refresh', post => '', bare => 1, %SAME,
    Cookie => "__Secure-refresh=$refresh")->{status}, 401,
    'and what was in them is worth nothing');

$gate->finish;
done_testing();


# bare: without the jar.

sub curl {
    my ($path, %header) = @_;

    my ($post, $method, $bare) = delete @header{qw(post method bare)};
    my @command = ('curl', '-s', '-i', '--cacert', $ca, '--resolve',
        "www.example.com:$gate->{port}:127.0.0.1",
        $bare ? () : ('-b', $jar, '-c', $jar),
        defined $method ? ('-X', $method) : (),
        map({ ('-H', "$_: $header{$_}") } sort keys %header),
        defined $post ? ('-H', 'Content-Type: application/json',
                         '--data-binary', $post) : (),
        "$origin$path");
    open my $out, '-|', @command or die "curl: $!\n";
    my $text = do { local $/; <$out> } // '';
    close $out;
    note($text);

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/\S+ (\d+)};
    return { status => $status // 0, head => ($head // '') . "\r\n",
             body => $body // '',
             json => scalar eval { JSON::PP->new->decode($body) } };
}


# name => value of curl's jar.

sub jar {
    open my $file, '<', $jar or return {};
    my %cookie;
    while (<$file>) {
        chomp;
        s/^#HttpOnly_//;
        my @field = split /\t/;
        $cookie{$field[5]} = $field[6] if @field == 7;
    }
    note_value($_) for values %cookie;
    return \%cookie;
}


sub kept { return sort keys %{ jar() } }


sub certificate {
    my $said = qx(openssl req -x509 -newkey ec -nodes -batch -days 2 \\
        -pkeyopt ec_paramgen_curve:P-256 -subj /CN=www.example.com \\
        -addext subjectAltName=DNS:www.example.com \\
        -keyout $ca.key -out $ca 2>&1);
    die $said if $?;
}
