# What the role of the service may do in the database, and that nobody's
# objects take the place of ours.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Gate;


my $gate = Gate->new;
my $PASSWORD = 'correct horse battery';

$gate->start_database;
$gate->add_user('ana', $PASSWORD, 'reader');
my $ana = $gate->value('SELECT sub FROM portero.users');


# --- helpers ----------------------------------------------------------------

# What a catalogue says, sorted; as a superuser, who sees all of it.
sub names {
    my ($sql) = @_;
    return join ' ', sort split /\n/, $gate->psql('postgres', 'portero', $sql);
}

# What the role of the service gets to hear.
sub service {
    my ($sql) = @_;
    my $answer = eval { $gate->run_as(undef, Stack::pg('psql'), '-XAtq',
        '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=terse', '-h',
        $gate->pgsocket, '-U', 'portero_service', '-d', 'portero', '-c',
        $sql) };
    chomp($answer //= $@);
    return $answer;
}


# --- what is granted --------------------------------------------------------

# The functions that its sources name, and no other.
my %called;
for my $path (glob "$FindBin::Bin/../login-service/db*.c") {
    open my $file, '<', $path or die "$path: $!\n";
    my $text = do { local $/; <$file> };
    $called{$_} = 1 for $text =~ /portero\.(\w+)\(/g;
}

cmp_ok(scalar keys %called, '>', 5, 'the service calls functions');
is(names("SELECT DISTINCT proname FROM pg_proc
          WHERE pronamespace = 'portero'::regnamespace
            AND has_function_privilege('portero_service', oid, 'EXECUTE')"),
    join(' ', sort keys %called), 'it may execute these, and no more');

my $relations = "FROM pg_class c WHERE relnamespace = 'portero'::regnamespace";
cmp_ok($gate->value("SELECT count(*) $relations AND relkind = 'r'"), '>', 5,
    'there are tables');
is(names("SELECT relname $relations AND relkind IN ('r', 'v', 'm', 'p', 'f')
            AND (has_table_privilege('portero_service', oid, 'SELECT, INSERT,
                     UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                 OR has_any_column_privilege('portero_service', oid,
                     'SELECT, INSERT, UPDATE, REFERENCES'))"),
    '', 'it may do nothing with a table or one of its columns');
is(names("SELECT relname FROM (SELECT oid, relname $relations
                                 AND relkind = 'S' OFFSET 0) s
          WHERE has_sequence_privilege('portero_service', oid,
                                       'USAGE, SELECT, UPDATE')"),
    '', 'nor with a sequence');
is(names("SELECT 1 WHERE has_schema_privilege('portero_service', 'portero',
                                              'CREATE')"),
    '', 'it creates nothing in the schema');
is(names("SELECT rolname FROM pg_roles r WHERE rolname LIKE 'portero%'
          AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication
               OR rolbypassrls
               OR EXISTS (SELECT FROM pg_auth_members m
                          WHERE r.oid IN (m.member, m.roleid)))"),
    '', 'neither role is more than it seems, or a member of another');

# "=" is PUBLIC in an access list; NULL is the built-in one, which has it for
# functions and types.
for (['pg_proc', 'pro', 'proname', 'pronamespace', 'f', 'true'],
     ['pg_class', 'rel', 'relname', 'relnamespace', 'r', 'true'],
     ['pg_type', 'typ', 'typname', 'typnamespace', 'T', 'typelem = 0
         AND (typtype <> \'c\' OR EXISTS (SELECT FROM pg_class r
              WHERE r.oid = typrelid AND r.relkind = \'c\'))'])
{
    my ($catalogue, $prefix, $name, $schema, $kind, $which) = @$_;

    is(names("SELECT $name FROM pg_catalog.$catalogue c
              WHERE $schema = 'portero'::regnamespace AND $which
                AND EXISTS (SELECT FROM aclexplode(coalesce(${prefix}acl,
                                acldefault('$kind', ${prefix}owner))) a
                            WHERE a.grantee = 0)"),
        '', "PUBLIC has nothing of $catalogue");
}
is(names("SELECT nspname FROM pg_namespace n,
                 aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
          WHERE nspname = 'portero' AND a.grantee = 0"),
    '', 'nor of the schema');


# --- whose rights, and whose names ------------------------------------------

my $definers = "FROM pg_proc WHERE pronamespace = 'portero'::regnamespace
                AND prosecdef";
cmp_ok(names("SELECT count(*) $definers"), '>', 5,
    'functions act with the rights of the owner');
is(names("SELECT proname $definers AND NOT coalesce('search_path=pg_catalog,"
        . " pg_temp' = ANY (proconfig), false)"),
    '', 'each of them looks for names in pg_catalog alone');
is(names("SELECT DISTINCT pg_get_userbyid(proowner) $definers"),
    'portero_owner', 'the owner is no superuser');
is(names("SELECT proname FROM pg_proc p
          WHERE has_function_privilege('portero_service', oid, 'EXECUTE')
            AND pronamespace = 'portero'::regnamespace AND NOT prosecdef"),
    '', 'what the service calls is of this kind');


# --- as the service ---------------------------------------------------------

for my $table (split /\n/, $gate->sql("SELECT relname $relations
                                       AND relkind = 'r'"))
{
    like(service("SELECT * FROM portero.$table"), qr/permission denied/,
        "portero.$table is closed to the service");
}

my @denied = (
    ["UPDATE portero.users SET password_hash = 'x'", 'change a password'],
    ["INSERT INTO portero.user_roles VALUES ('$ana', 'admin')", 'give a role'],
    ["SELECT portero.admin_user_role('ana', 'admin', true)", 'or ask for it'],
    ["SELECT portero.admin_user_password('ana', 'x')", 'set a password'],
    ["SELECT portero.find_user('ana')", 'call what was replaced'],
    ["SELECT portero.set_password('$ana', 'x', 'y')", 'past the function'],
    ["SELECT portero.touch_user('$ana')", 'raise a version'],
    ["SELECT portero.end_sessions('$ana')", 'end all sessions'],
    ["SELECT portero.revocation_add('sub', '$ana', 9)", 'revoke'],
    ["SELECT portero.audit_add('login', '$ana')", 'write the audit at will'],
    ['CREATE TABLE portero.mine ()', 'create a table'],
    ['CREATE FUNCTION portero.lower(text) RETURNS text LANGUAGE sql'
        . q{ AS 'SELECT 1'}, 'create a function'],
    ['CREATE OR REPLACE FUNCTION portero.user_find(p_login text)
        RETURNS TABLE (sub text, password_hash text, disabled boolean)
        LANGUAGE sql AS $$ SELECT 1, 2, false $$', 'replace one'],
    ['DROP FUNCTION portero.ready()', 'drop one'],
    ['SET ROLE portero_owner', 'become the owner'],
);
like(service($_->[0]), qr/permission denied|must be owner/,
    "it cannot $_->[1]") for @denied;


# --- hostile objects --------------------------------------------------------

# Functions of these names and types, and tables of our names, where an
# attacker with the service's connection can make them (pg_temp), and where a
# careless superuser may have let somebody make them (public).

my @functions = ('lower(text)', 'now()', 'clock_timestamp()', 'hashtext(text)',
    'length(text)', 'length(bytea)', 'pg_advisory_xact_lock(integer, integer)',
    'to_regprocedure(text)', 'array_to_json(text[])', 'pg_is_in_recovery()',
    'gen_random_uuid()', 'audit_add(text, text)', 'user_find(text)',
    'find_user(text)', 'set_password(text, text, text)', 'claims(text)');
my @tables = split /\n/, $gate->sql("SELECT relname $relations
                                     AND relkind = 'r'");

sub hostile {
    my ($schema) = @_;

    return join '', map({ "CREATE FUNCTION $schema.$_ RETURNS text
                           LANGUAGE plpgsql
                           AS 'BEGIN RAISE EXCEPTION ''hostile''; END';\n" }
                        @functions),
        map { "CREATE TABLE $schema.$_ (sub text, sid text, hostile text);\n" }
            @tables;
}

my $path = 'SET search_path = pg_temp, public, pg_catalog;';

$gate->psql('postgres', 'portero', hostile('public')
    . "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text,
           FUNCTION = pg_catalog.textne);
       GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
       CREATE FUNCTION public.careless(p text) RETURNS text
       LANGUAGE plpgsql SECURITY DEFINER
       AS 'BEGIN RETURN lower(p); END'");

like(service("$path SELECT public.careless('A')"), qr/hostile/,
    'a function that pins no path is taken in by them');

my $attack = $path . hostile('pg_temp');
my ($sid, $digest) = ('11111111-2222-4333-8444-555555555555', 'x' x 32);

is(service("$attack SELECT sub FROM portero.user_find('ANA')"), $ana,
    'user_find');
is(service("$attack SELECT portero.user_refused('ana', '$ana', 'wrong', NULL,
    NULL)"), '', 'user_refused');
is($gate->value("SELECT detail FROM portero.audit
                 WHERE event = 'login_refused'"), 'wrong ana',
    '... writes into the audit');
my $hash = $gate->value('SELECT password_hash FROM portero.users');
is(service("$attack SELECT portero.user_rehash('$ana', '$hash', 'new')"), 't',
    'user_rehash');
is($gate->value('SELECT password_hash FROM portero.users'), 'new',
    '... into the users');
is(service("$attack SELECT portero.user_can_register()"), 't',
    'user_can_register');
is(service("$attack SELECT sub, outcome, roles FROM portero.session_create(
    '$ana', '$sid', '$digest', 60, 60, 60, 20, NULL, NULL, NULL, NULL)"),
    qq($ana|live|["reader"]), 'session_create');
is(service("$attack SELECT login, password_hash FROM portero.user_of('$ana')"),
    'ana|new', 'user_of');
is(service("$attack SELECT outcome FROM portero.session_refresh('$sid',
    '$digest', 1, true, 0, 60, 60, NULL, NULL)"), 'rotated',
    'session_refresh');
is(service("$attack SELECT outcome FROM portero.session_get('$sid', '$ana')"),
    'live', 'session_get');
my $next = $sid =~ tr/1/9/r;
is(service("$attack SELECT outcome FROM portero.session_change_password(
    '$ana', '$sid', 'new', 'newer', '$next', '$digest', 60, 60, 60, 20, NULL,
    NULL)"), 'live', 'session_change_password');
is($gate->value("SELECT end_reason FROM portero.sessions WHERE sid = '$sid'"),
    'password', '... ends the session');
is(service("$attack SELECT portero.session_end('$next', '$digest', NULL,
    'logout', NULL, NULL)"), 't', 'session_end');
is($gate->value("SELECT string_agg(value, ' ' ORDER BY seq)
                 FROM portero.revocation WHERE kind = 'sid'"),
    "$sid $next", '... and its trigger');
is(service("$attack SELECT portero.ready()"), 't', 'ready');

$gate->sql("SELECT portero.admin_client_add('batch', '$digest', '', NULL)");
is(service("$attack SELECT sub, ver
            FROM portero.machine_find('batch', '$digest', 60)"),
    'client:batch|1', 'machine_find');
is(service("$attack SELECT sub
            FROM portero.machine_find('batch', '${\ uc $digest}', 60)"),
    '', '... and no other');
is(service("$attack SELECT portero.token_live('j', NULL, 'client:batch', 1,
    'batch')"), 't', 'token_live');
is(service("$attack SELECT portero.token_revoke('j', 'client:batch', NULL,
    NULL, NULL)"), 't', 'token_revoke');
is(service("$attack SELECT portero.token_live('j', NULL, 'client:batch', 1,
    'batch')"), 'f', '... ends it');

$gate->finish;
done_testing();
