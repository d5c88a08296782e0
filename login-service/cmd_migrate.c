/*
 * portero migrate: each migration that the database has not seen, in a
 * transaction of its own.  An advisory lock makes a second one wait.
 */

#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "migrations.h"


/* Any number would do; every portero has to take the same. */
#define MIGRATE_LOCK  "SELECT pg_advisory_lock(7305716293142)"


static int migrate_prepare(PGconn *conn);
static int migrate_missing(PGconn *conn, const PGresult *applied);
static int migrate_apply(PGconn *conn, const migration_t *migration);
static int migrate_record(PGconn *conn, const migration_t *migration);
static int migrate_run(PGconn *conn, const char *sql, const char *what);


portero_status_t
cmd_migrate(const portero_t *portero)
{
    int        n;
    PGconn    *conn;
    PGresult  *applied;

    conn = admin_connect(portero);
    if (conn == NULL) {
        return PORTERO_FAILED;
    }

    n = -1;
    applied = NULL;

    if (migrate_prepare(conn) == 0) {
        applied = admin_query(conn, MIGRATIONS_APPLIED, 0, NULL, NULL);
        n = applied ? migrate_missing(conn, applied) : -1;
    }

    if (n == 0) {
        printf("the database is up to date\n");
    }

    PQclear(applied);
    PQfinish(conn);
    return n == -1 ? PORTERO_FAILED : PORTERO_OK;
}


/* How many it applied, or -1. */
static int
migrate_missing(PGconn *conn, const PGresult *applied)
{
    int                 n;
    const char         *unknown;
    const migration_t  *m;

    n = 0;
    unknown = migrations_unknown(applied);

    if (unknown) {
        portero_failed("the database has migration %s, which this program "
                       "does not know: a newer portero is needed", unknown);
        return -1;
    }

    for (m = migrations; m->version; m++) {
        if (migrations_applied(applied, m)) {
            continue;
        }

        if (migrate_apply(conn, m) != 0) {
            return -1;
        }

        n++;
    }

    return n;
}


static int
migrate_prepare(PGconn *conn)
{
    PGresult  *result;

    result = admin_query(conn, "SELECT to_regnamespace('portero') IS NULL"
                         " OR to_regrole('portero_service') IS NULL", 0, NULL,
                         NULL);
    if (result == NULL) {
        return -1;
    }

    if (PQgetvalue(result, 0, 0)[0] == 't') {
        PQclear(result);
        portero_failed("the schema \"portero\" or the role \"portero_service\""
                       " is missing: a superuser has to run sql/roles.sql in "
                       "this database first");
        return -1;
    }

    PQclear(result);

    /* CREATE TABLE IF NOT EXISTS would say so each time. */

    return migrate_run(conn, "SET client_min_messages = warning;" MIGRATE_LOCK
                       ";CREATE TABLE IF NOT EXISTS portero.migration ("
                       " version integer PRIMARY KEY, name text NOT NULL,"
                       " applied_at timestamptz NOT NULL DEFAULT now())",
                       "the table of migrations");
}


static int
migrate_apply(PGconn *conn, const migration_t *migration)
{
    char  what[128];

    snprintf(what, sizeof(what), "migration %s %s was not applied",
             migration->version, migration->name);

    if (migrate_run(conn, "BEGIN", what) != 0
        || migrate_run(conn, migration->sql, what) != 0
        || migrate_record(conn, migration) != 0
        || migrate_run(conn, "COMMIT", what) != 0)
    {
        return -1;
    }

    printf("applied %s %s\n", migration->version, migration->name);

    return 0;
}


static int
migrate_record(PGconn *conn, const migration_t *migration)
{
    PGresult    *result;
    const char  *values[2];

    values[0] = migration->version;
    values[1] = migration->name;

    result = admin_query(conn, "INSERT INTO portero.migration (version, name)"
                         " VALUES ($1::integer, $2)", 2, values, NULL);

    if (result == NULL) {
        return -1;
    }

    PQclear(result);

    return 0;
}


/* Several statements, without parameters. */

static int
migrate_run(PGconn *conn, const char *sql, const char *what)
{
    int        rc;
    PGresult  *result;

    result = PQexec(conn, sql);

    rc = PQresultStatus(result) == PGRES_COMMAND_OK
         || PQresultStatus(result) == PGRES_TUPLES_OK
         ? 0 : -1;

    if (rc != 0) {
        portero_failed("%s: %.*s", what,
                       (int) strcspn(PQerrorMessage(conn), "\n"),
                       PQerrorMessage(conn));
    }

    PQclear(result);

    return rc;
}
