#!/usr/bin/perl

# auth_jwt_identity_header as it is written: which names nginx -t refuses, and
# what it says of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;
use Site;

my $site = Site->new;


# --- names that mean something to nginx, a protocol or a browser -------------

my @reserved = qw(
    Host Connection Content-Length Content-Type Content-Encoding Content-Range
    Transfer-Encoding Upgrade TE Trailer Expect Keep-Alive HTTP2-Settings
    Authorization Proxy-Authorization Proxy-Connection Proxy-User Proxy Cookie
    Range If-Range If-Match If-None-Match If-Modified-Since If-Anything
    If-Unmodified-Since X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto
    Forwarded X-Real-IP Via Accept Accept-Encoding Accept-Language User-Agent
    Referer Origin Depth Destination Overwrite Date Early-Data Max-Forwards
    Sec-WebSocket-Key Sec-WebSocket-Protocol Sec-WebSocket-Version
    Sec-WebSocket-Extensions Sec-Fetch-Site Sec-Anything Sec_Fetch_Site
    Access-Control-Request-Method
    HOST host content_length ContentLength x_forwarded_for Xforwardedfor
    secwebsocketkey PROXY_USER if_x
);

for my $name (@reserved) {
    my ($status, $said) = refused("auth_jwt_identity_header $name sub");
    is($status, 1, "$name: refused");
    is($said, "\"$name\" has a meaning of its own and cannot carry an " .
        'identity, a name such as "X-User" would be right', "$name: says why");
}

for my $name (qw(X-User x_user Remote-User X-Forwarded-User X-Auth-Request-User
                 Section Secret Security-Level Iffy Content Proxied-By User 7))
{
    is(($site->check(server => "auth_jwt_identity_header $name sub;"))[0], 0,
        "$name: may carry an identity");
}


# --- other mistakes ----------------------------------------------------------

my $letters = 'is no header\'s name, letters, digits, "-" and "_" would be ' .
    'right';

for (
    ['"X User" sub',    qq("X User" $letters)],
    ['"X:User" sub',    qq("X:User" $letters)],
    ['"" sub',          qq("" $letters)],
    ['- sub',           qq("-" $letters)],
    ['X-Üser sub',      qq("X-Üser" $letters)],
    ['X.User sub',      qq("X.User" $letters)],
    ['X-User required', '"auth_jwt_identity_header" directive needs a claim ' .
                        'before "required"'],
) {
    my ($status, $said) = refused("auth_jwt_identity_header $_->[0]");
    is($status, 1, "$_->[0]: refused");
    is($said, $_->[1], "$_->[0]: says why");
}

for my $second ('X-User nick', 'x_user sub', 'XUSER', 'X-U-S-E-R sub required')
{
    my ($name) = split ' ', $second;
    my ($status, $said) = refused('auth_jwt_identity_header X-User sub; ' .
        "auth_jwt_identity_header $second");
    is($status, 1, "X-User, then $second: refused");
    is($said, "duplicate header \"$name\", \"X-User\" is there already and " .
        'only letters and digits count', "X-User, then $second: says why");
}

is(($site->check(http => 'auth_jwt_identity_header X-User sub;',
                 server => 'auth_jwt_identity_header x-user nick; ' .
                           'location / { auth_jwt_identity_header X_User; }'
                ))[0], 0, 'another level may say it again');

$site->finish;
done_testing();


sub refused {
    my ($directives) = @_;

    my ($status, $said) = $site->check(server => "$directives; # here\n");
    my $line = $site->line_of('# here', server => "$directives; # here\n");
    return ($status, $said =~ /\[emerg\] (?:\d+#\d+: )?(.*) in conf:$line\n/ ? $1 : $said);
}
