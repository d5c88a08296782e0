# What a user may do: it is in the tokens, and a change of it is felt at once
# and signs nobody out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;

use Gate;


my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';

$gate->start_all;
$gate->add_user('ana', $PASSWORD, 'reader');
$gate->add_user('bea', $PASSWORD, 'reader');
my %sub = map { split /\|/ } split /\n/,
          $gate->sql('SELECT username, sub FROM portero.users');


# --- helpers ----------------------------------------------------------------

sub claims {
    my ($tokens) = @_;
    my (undef, $part) = split /\./, $tokens->{access_token};
    return decode_json(decode_base64url($part));
}

sub login {
    my ($name) = @_;
    return $gate->login({ username => $name, password => $PASSWORD })->{json};
}

sub refresh {
    my ($tokens) = @_;
    return $gate->post('/auth/refresh',
        { refresh_token => $tokens->{refresh_token} });
}

sub told {
    my ($name) = @_;
    return $gate->value("SELECT coalesce(max(ver), 0) FROM portero.revocation
                         WHERE kind = 'sub' AND value = '$sub{$name}'");
}

# The roles and the version of the next token.
sub renewed {
    my ($tokens, $name) = @_;
    my $answer = refresh($$tokens);
    is($answer->{status}, 200, "$name: nobody is signed out");
    $$tokens = $answer->{json};
    my $claims = claims($$tokens);
    is_deeply($answer->{json}{user}{roles}, $claims->{roles},
        "$name: the answer says what the token says");
    return ("@{ $claims->{roles} }", $claims->{ver});
}


# --- roles ------------------------------------------------------------------

my ($ana, $bea) = (login('ana'), login('bea'));
my $before = told('bea');
my $ver = claims($ana)->{ver};
is("@{ claims($ana)->{roles} }", 'reader', 'the roles are in the token');

for my $change (['one more', 'reader writer',
                 sub { $gate->portero(qw(user role ana add writer)) }],
                ['one less', 'writer',
                 sub { $gate->portero(qw(user role ana remove reader)) }],
                ['by SQL', 'admin writer', sub { $gate->sql(
                    "INSERT INTO portero.roles VALUES ('admin');
                     INSERT INTO portero.user_roles
                     VALUES ('$sub{ana}', 'admin')") }],
                ['none at all', '', sub { $gate->sql(
                    "DELETE FROM portero.user_roles
                     WHERE sub = '$sub{ana}'") }])
{
    my ($name, $roles, $do) = @$change;
    $do->();
    my ($new_roles, $new_ver) = renewed(\$ana, $name);
    is($new_roles, $roles, "$name: the next token has it");
    cmp_ok($new_ver, '>', $ver, "$name: and a higher version");
    is(told('ana'), $new_ver, "$name: of which gateways hear");
    $ver = $new_ver;
}
is(told('bea'), $before, 'of nobody else');
is(refresh($bea)->{json}{user}{roles}[0], 'reader', 'who keeps her roles');
is($gate->value('SELECT count(*) FROM portero.sessions
                 WHERE ended_at IS NOT NULL'), 0, 'no session has ended');


# --- a version is never newer than the roles that it stands for --------------

# A token with old roles and a new version would look up to date to gateways.

$gate->sql("SELECT portero.admin_user_role('ana', 'writer', true);
    SELECT portero.admin_user_role('ana', 'writer', false)");
my ($roles, $last) = renewed(\$ana, 'twice in one transaction');
is($roles, '', 'what counts is the end');
is(told('ana'), $last, 'with the last version');


# --- what a function adds ---------------------------------------------------

$gate->sql(<<'SQL');
    CREATE OR REPLACE FUNCTION portero.claims(sub text)
    RETURNS TABLE (name text, roles text[], scope text, extra jsonb)
    LANGUAGE sql AS $$
        SELECT u.username, ARRAY['reader', NULL, 'a "b"'], 'orders:read x',
               '{"permissions": ["orders:read"], "roles": ["root"],
                 "ver": 1000000, "sid": "x", "scope": "all"}'::jsonb
        FROM portero.users u WHERE u.sub = claims.sub::uuid
    $$;
    SELECT portero.touch_user(sub::text) FROM portero.users
SQL
($roles, $last) = renewed(\$ana, 'by a function of one\'s own');
is($roles, 'reader a "b"', 'roles are what it says');
my $claims = claims($ana);
is_deeply($claims->{permissions}, ['orders:read'], 'permissions are a claim');
is($claims->{scope}, 'orders:read x', 'the scope is its own');
is($claims->{ver}, told('ana'), 'the version is not to be overridden');
is($claims->{sid}, $ana->{session}{id}, 'nor is the session');

$gate->finish;
done_testing();
