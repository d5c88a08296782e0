# Users of another application: what docs/existing-users.md tells an operator
# to run is run here, and then people log in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;

use Command qw(portero refused);
use Gate;


my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';

$gate->create_folders;
$gate->create_cluster;
$gate->start_postgres;
$gate->create_database;
$gate->write_config;


# --- what the page says -----------------------------------------------------

# Each block of SQL in it, and the role that runs it.

my ($tables, $grants, $functions, $tell, $triggers) = blocks();

$gate->psql('postgres', 'portero', 'CREATE ROLE app; CREATE SCHEMA app
    AUTHORIZATION app; CREATE EXTENSION pgcrypto SCHEMA public');
as('app', $tables);
as('app', $grants);

# Before the first migration, and so that none overwrites them.

as('portero_owner', $functions);
$gate->portero('migrate');
$gate->portero('key', 'generate');
my $ours = definitions();
like($ours, qr/app\.account/, 'migrations leave functions that are there');
$gate->portero('migrate');
is(definitions(), $ours, 'however often they run');
is($gate->value("SELECT to_regprocedure("
    . "'portero.create_user(text,text,text)') IS NOT NULL"), 't',
    'one that is missing is made by the first');
as('portero_owner', $functions);
is($gate->value("SELECT to_regprocedure("
    . "'portero.create_user(text,text,text)') IS NULL"), 't',
    'and stays away when it is dropped afterwards');
$gate->portero('migrate');
is(definitions(), $ours, 'migrations do not bring it back');

as('portero_owner', $tell);
as('app', $triggers);
as('app', "INSERT INTO app.account (login, full_name, pw) VALUES
    ('ann', 'Ann Other', public.crypt('$PASSWORD', public.gen_salt('bf', 5))),
    ('bob', 'Bob', public.crypt('$PASSWORD', public.gen_salt('bf', 5))),
    ('eve', 'Eve', NULL)");
as('app', "INSERT INTO app.membership (account, team, may)
    VALUES (1, 'staff', '{read,write}'), (1, 'audit', '{read}')");

$gate->start_login;
$gate->start_backend;
$gate->start_nginx($gate->demo_conf);
$gate->wait_until_ready;


# --- log in and refresh -----------------------------------------------------

my $answer = login('Ann');
is($answer->{status}, 200, 'a login');
is_deeply($answer->{json}{user}, { sub => '1', name => 'ann',
    roles => ['audit', 'staff'] }, 'the user is who the tables say');
ok($gate->login_says(qr/"event":"hash_upgraded".*"user":"1"/),
    'the hash of pgcrypto is upgraded');
like(pw('ann'), qr/^\$y\$/, 'in the other table');
is(login('ann')->{status}, 200, 'and matches');
is(login('ann', 'wrong')->{status}, 401, 'a wrong password');
is(login('eve', '')->{status}, 401, 'a user without one');
like($gate->login_says(qr/"reason":"no_password"/), qr/"user":"3"/,
    'the log knows that she has none');
is($gate->value('SELECT count(*) FROM portero.users'), 0,
    'our own table stays empty');

my $tokens = $answer->{json};
is(whoami($tokens)->{json}{roles}, 'audit,staff', 'the backend gets the roles');

my ($part) = $tokens->{access_token} =~ /\.(.+?)\./;
my $claims = decode_json(decode_base64url($part));
is($claims->{scope}, 'read write', 'the token says what the user may do');
is($claims->{full_name}, 'Ann Other', 'and what else there is');
is($gate->value("SELECT string_agg(DISTINCT account, ' ')
                 FROM portero.throttle WHERE account LIKE 's:%'"), 's:1 s:3',
    'failures are counted for the sub, whatever the name');

my $refreshed = refresh($tokens);
is($refreshed->{status}, 200, 'a refresh');
is($refreshed->{json}{user}{sub}, '1', 'of the same user');


# --- changes ----------------------------------------------------------------

my $ver = ver('1');
as('app', "DELETE FROM app.membership WHERE team = 'audit'");
is(ver('1'), $ver + 1, 'a change of roles raises the version');
is($gate->value("SELECT max(ver) FROM portero.revocation
                 WHERE kind = 'sub' AND value = '1'"), $ver + 1,
    'gateways hear of it');
$refreshed = refresh($refreshed->{json});
is($refreshed->{status}, 200, 'it signs nobody out');
is_deeply($refreshed->{json}{user}{roles}, ['staff'],
    'the next refresh brings the new roles');

my $bob = login('bob')->{json};
as('app', "UPDATE app.account SET blocked_at = now() WHERE login = 'bob'");
$answer = refresh($bob);
is($answer->{status}, 401, 'a blocked account is signed out');
is($answer->{json}{reason}, 'revoked', 'as revoked');
is(login('bob')->{status}, 401, 'and cannot log in');
like($gate->login_says(qr/"event":"login_refused"/), qr/"reason":"disabled"/,
    'because it is disabled');

# Without the trigger it is noticed at the refresh.

as('app', "UPDATE app.account SET blocked_at = NULL WHERE login = 'bob';
           DROP TRIGGER account_blocked ON app.account");
$bob = login('bob')->{json};
as('app', "UPDATE app.account SET blocked_at = now() WHERE login = 'bob'");
is(refresh($bob)->{json}{reason}, 'revoked', 'without the trigger, too');
as('app', "UPDATE app.account SET blocked_at = NULL WHERE login = 'bob'");


# --- a new password ---------------------------------------------------------

my $ann = login('ann')->{json};
my $changed = change($ann, $PASSWORD, 'another horse battery');
is($changed->{status}, 200, 'a change of password');
is(refresh($ann)->{json}{reason}, 'revoked', 'ends the session');
is(refresh($changed->{json})->{status}, 200, 'brings a new one');
is(login('ann', 'another horse battery')->{status}, 200,
    'and is in the other table');
is(change($changed->{json}, $PASSWORD, 'more horse battery')->{status}, 403,
    'where the old one is wrong');


# A link to set one with, also for who has none.

$ann = login('ann', 'another horse battery')->{json};
for my $name ('ANN', 'eve') {
    my ($token) = portero($gate, ['user', 'reset-link', $name])->{out}
        =~ /#reset=(\S+)/;
    is($gate->post_patiently('/auth/reset',
        { token => $token, new_password => "new $PASSWORD" })->{status}, 200,
        "$name: a password by a link");
    is(login($name, "new $PASSWORD")->{status}, 200, "$name: logs in with it");
}
is(refresh($ann)->{json}{reason}, 'revoked', 'it ended the sessions');
is(portero($gate, [qw(user unlock Ann)])->{status}, 0, 'an account is unlocked');
is($gate->value("SELECT count(*) FROM portero.throttle
                 WHERE account = 's:1'"), 0, 'by its sub');


# --- what is not there ------------------------------------------------------

my %new = (username => 'carl', password => $PASSWORD);
is($gate->register({ %new })->{status}, 404, 'without create_user: no register');

as('portero_owner', 'CREATE FUNCTION portero.create_user(login text,
    password_hash text, email text) RETURNS text LANGUAGE sql AS $$
    INSERT INTO app.account (login, full_name, pw)
    VALUES (create_user.login, create_user.login, create_user.password_hash)
    RETURNING id::text $$');
as('app', 'GRANT INSERT ON app.account TO portero_owner');
is($gate->register({ %new })->{status}, 201, 'with it: a new user');
is(login('carl')->{status}, 200, 'who can log in');
is($gate->register({ %new })->{status}, 409, 'and nobody else of that name');

as('portero_owner', 'DROP FUNCTION portero.set_password(text, text, text)');
$new{username} = 'dora';
is($gate->register({ %new })->{status}, 404, 'without set_password: none');
as('app', "UPDATE app.account SET pw = public.crypt('$PASSWORD',
    public.gen_salt('bf', 5)) WHERE login = 'bob'");
is(login('bob')->{status}, 200, 'a login without it');
like(pw('bob'), qr/^\$2a\$/, 'upgrades nothing');
is(change(login('bob')->{json}, $PASSWORD, 'another horse battery')->{status},
    404, 'and without it passwords are not changed');
refused(portero($gate, [qw(user reset-link bob)]), qr/set elsewhere/,
    'nor by a link');
refused(portero($gate, [qw(user invite)]), qr/registered elsewhere/,
    'nor is anybody invited');

$gate->finish;
done_testing();


# --- helpers ----------------------------------------------------------------

# Indented by four, and one blank line is within a block; the names in the
# text before say who runs it.

sub blocks {
    open my $file, '<', "$FindBin::Bin/../docs/existing-users.md"
        or die "existing-users.md: $!\n";
    my @blocks = ('');
    while (my $line = <$file>) {
        if ($line =~ s/^    //) {
            $blocks[-1] .= $line;
        } elsif ($line =~ /\S/ && $blocks[-1]) {
            push @blocks, '';
        }
    }
    return @blocks;
}


sub as {
    my ($role, $sql) = @_;
    return $gate->psql('postgres', 'portero', "SET ROLE $role; $sql");
}


sub definitions {
    return $gate->sql("SELECT string_agg(proname || prosrc, ' ' ORDER BY 1)
        FROM (SELECT proname, prosrc FROM pg_proc
              WHERE pronamespace = 'portero'::regnamespace
                AND proname IN ('find_user', 'claims', 'set_password')) p");
}


sub pw {
    my ($login) = @_;
    return $gate->value("SELECT pw FROM app.account WHERE login = '$login'");
}


sub ver {
    my ($sub) = @_;
    return $gate->value("SELECT coalesce((SELECT ver FROM portero.user_version
                         WHERE sub = '$sub'), 1)");
}


sub login {
    my ($name, $password) = @_;
    return $gate->login({ username => $name,
        password => $password // $PASSWORD });
}


sub refresh {
    my ($tokens) = @_;
    return $gate->post('/auth/refresh',
        { refresh_token => $tokens->{refresh_token} });
}


sub change {
    my ($tokens, $current, $new) = @_;
    return $gate->post_patiently('/auth/password',
        { current_password => $current, new_password => $new },
        Authorization => "Bearer $tokens->{access_token}");
}


sub whoami {
    my ($tokens) = @_;
    return $gate->get('/api/whoami',
        Authorization => "Bearer $tokens->{access_token}");
}
