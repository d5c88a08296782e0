# portero migrate: the schema, from nothing to this version, once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Command qw(portero portero_end portero_start refused);
use Gate;


my $gate = Gate->new;
my @files = map { m{/0*(\d+)_(\w+)\.sql$} ? "$1 $2" : () }
            glob "$FindBin::Bin/../sql/[0-9]*.sql";
my ($newest) = $files[-1] =~ /^(\d+)/;

$gate->create_folders;
$gate->create_cluster;
$gate->start_postgres;
$gate->write_config;


# --- helpers ----------------------------------------------------------------

# A database of its own; prepared unless told otherwise.
sub database {
    my ($name, %option) = @_;

    $gate->psql('postgres', 'postgres', "CREATE DATABASE $name");
    $gate->psql_file('postgres', $name, "$FindBin::Bin/../sql/roles.sql")
        unless $option{bare};
}

sub url {
    my ($name, $role) = @_;
    return "postgresql:///$name?host=" . $gate->pgsocket . '&user='
        . ($role // 'portero_owner');
}

sub env { return { PORTERO_ADMIN_DATABASE_URL => url(@_) } }

sub migrate { return portero($gate, ['migrate'], env => env(@_)) }

sub versions {
    my ($name) = @_;
    chomp(my $list = $gate->psql('postgres', $name, "SELECT string_agg(version"
        . " || ' ' || name, ', ' ORDER BY version) FROM portero.migration"));
    return $list;
}

sub count {
    my ($name, $sql) = @_;
    chomp(my $count = $gate->psql('postgres', $name, "SELECT count(*) FROM"
        . " $sql"));
    return $count;
}


# --- once -------------------------------------------------------------------

cmp_ok(scalar @files, '>', 1, 'there are migrations');

database('first');              # the roles are those of the whole cluster
database('bare', bare => 1);
refused(migrate('bare'), qr{superuser has to run sql/roles\.sql},
    'a database that nobody has prepared');
is(count('bare', "pg_namespace WHERE nspname = 'portero'"), 0,
    'is left alone');

my $run = migrate('first');
is($run->{status}, 0, 'one that is prepared is migrated');
is($run->{out}, join('', map { "applied $_\n" } @files),
    'each migration is named');
is($run->{err}, '', 'without a word of PostgreSQL');
is(versions('first'), join(', ', @files), 'and remembered');
is(count('first', 'portero.migration WHERE applied_at <= now()'),
    scalar @files,
    'with the time');

$run = migrate('first');
is($run->{status}, 0, 'a second time');
is($run->{out}, "the database is up to date\n",
    'there is nothing to do');

is(portero($gate, ['migrate'], env => { %{ env('first') },
    PORTERO_DATABASE_URL => url('nothing') })->{status}, 0,
    'the URL of the owner is used');
refused(portero($gate, ['migrate', 'now']), qr/usage: portero migrate/,
    'it takes no arguments', 2);


# --- two at once ------------------------------------------------------------

database('several');
my @runs = map { portero_end($_) }
           map { portero_start($gate, ['migrate'], env => env('several')) } 1 .. 4;
is(join(' ', map { $_->{status} } @runs), '0 0 0 0', 'four at once, all well');
is(join('', map { $_->{err} } @runs), '', 'and none complains');
is((grep { $_->{out} =~ /^applied/ } @runs), 1, 'one of them does it all');
is(versions('several'), join(', ', @files), 'once');


# --- refusals ---------------------------------------------------------------

$gate->psql('portero_owner', 'several',
    "INSERT INTO portero.migration (version, name) VALUES (999, 'later')");
refused(migrate('several'), qr/migration 999, which this program does not know/,
    'a database newer than the program');

database('torn');
$gate->psql('portero_owner', 'torn', 'CREATE TABLE portero.revocation ()');
refused(migrate('torn'),
    qr/migration 1 schema was not applied: .*"revocation" already exists/,
    'a migration that fails is named');
is(count('torn', "pg_tables WHERE schemaname = 'portero' AND tablename"
    . " = 'users'"), 0, 'and leaves nothing behind');
is(count('torn', 'portero.migration'), 0, 'not its number either');
$gate->psql('portero_owner', 'torn', 'DROP TABLE portero.revocation');
is(migrate('torn')->{status}, 0, 'it works when the cause is gone');
is(versions('torn'), join(', ', @files), 'in full');

$gate->psql('portero_owner', 'torn',
    "DELETE FROM portero.migration WHERE version = $newest");
refused(migrate('torn'), qr/migration $newest \w+ was not applied: .*exists/,
    'what a migration finds done is not done again');
is(count('torn', 'portero.migration'), @files - 1,
    'the ones before it stay applied');

# A migration with a lower number may arrive after one with a higher.

$gate->psql('portero_owner', 'torn', "INSERT INTO portero.migration
    (version, name) VALUES ($newest, 'again')");
$gate->psql('portero_owner', 'torn',
    'DELETE FROM portero.migration WHERE version = 1');
refused(migrate('torn'), qr/migration 1 schema was not applied/,
    'one that is missing below others is seen');

database('others');
refused(migrate('others', 'portero_service'), qr/permission denied/,
    'the role of the service may not');
refused(migrate('others', 'postgres'),
    qr/migrations run as portero_owner, not as the superuser/,
    'a superuser should not');
refused(migrate('others', 'nobody'), qr/the database does not answer/,
    'an unknown role cannot');
refused(migrate('nothing'), qr/"nothing" does not exist/,
    'nor can anybody without a database');
$gate->psql('postgres', 'others', 'DROP TABLE IF EXISTS portero.migration');

$gate->psql('postgres', 'postgres',
    'ALTER ROLE portero_service RENAME TO portero_away');
refused(migrate('others'), qr{the role "portero_service" is missing: .*roles},
    'without the role of the service');
$gate->psql('postgres', 'postgres',
    'ALTER ROLE portero_away RENAME TO portero_service');
is(migrate('others')->{status}, 0, 'and with it again');

refused(portero($gate, ['migrate'],
    env => { PORTERO_ADMIN_DATABASE_URL => 'dance' }),
    qr/DATABASE_URL|does not answer/, 'a URL that is none');

$gate->finish;
done_testing();
