/*
 * portero check: each line says "ok", or what is wrong and what to change.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "cmd_check_folders.h"
#include "keys.h"
#include "migrations.h"
#include "password.h"
#include "password_list.h"
#include "portero.h"


#define CHECK_CLOCK_SECONDS  5.0
#define CHECK_HASH_MIN_MS    20.0
#define CHECK_HASH_MAX_MS    500.0

typedef int (*check_pt)(const portero_t *portero);


static int check_settings(const portero_t *portero);
static int check_database(const portero_t *portero);
static int check_connected(const portero_t *portero, PGconn *conn);
static int check_role(PGconn *conn);
static int check_migrations(const portero_t *portero);
static int check_applied(const PGresult *applied);
static int check_clock(PGconn *conn);
static int check_keys(const portero_t *portero);
static int check_has_next(const keys_t *keys);
static int check_gateway(const portero_t *portero, const keys_t *keys);
static int check_hash(const portero_t *portero);
static int check_sockets(const portero_t *portero);
static int check_ok(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int check_wrong(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


static const check_pt  checks[] = {
    check_settings,
    check_database,
    check_keys,
    check_hash,
    check_sockets
};


portero_status_t
cmd_check(const portero_t *portero)
{
    int     wrong;
    size_t  i;

    wrong = 0;

    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        wrong += checks[i](portero);
    }

    return wrong ? PORTERO_FAILED : PORTERO_OK;
}


static int
check_settings(const portero_t *portero)
{
    char  error[CONFIG_ERROR_SIZE];

    if (config_check_service(portero->config, error) != 0
        || password_list_check(portero->config->password_list, error,
                               sizeof(error)) != 0)
    {
        return check_wrong("settings", "%s", error);
    }

    return check_ok("settings", "issuer %s", portero->config->issuer);
}


/* As the service itself would connect. */

static int
check_database(const portero_t *portero)
{
    int      wrong;
    PGconn  *conn;

    if (portero->config->database_url[0] == '\0') {
        return check_wrong("database", "DATABASE_URL is not set");
    }

    conn = PQconnectdb(portero->config->database_url);

    if (PQstatus(conn) != CONNECTION_OK) {
        wrong = check_wrong("database", "%.*s: start it, or correct "
                            "DATABASE_URL",
                            (int) strcspn(PQerrorMessage(conn), "\n"),
                            PQerrorMessage(conn));
    } else {
        wrong = check_ok("database", "answers")
                + check_connected(portero, conn);
    }

    PQfinish(conn);
    return wrong;
}


static int
check_connected(const portero_t *portero, PGconn *conn)
{
    return check_role(conn) + check_migrations(portero)
           + check_clock(conn);
}


static int
check_role(PGconn *conn)
{
    int        owner;
    PGresult  *result;

    result = PQexec(conn, "SELECT bool_or(pg_has_role(current_user, nspowner,"
                    " 'USAGE')) FROM pg_namespace WHERE nspname = 'portero'");

    owner = PQresultStatus(result) == PGRES_TUPLES_OK
            && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);

    if (owner) {
        return check_wrong("role", "DATABASE_URL connects as \"%s\", which "
                           "owns the schema: let it be portero_service",
                           PQuser(conn));
    }

    return check_ok("role", "%s", PQuser(conn));
}


/* The service may not read the table, so the owner's connection is asked. */

static int
check_migrations(const portero_t *portero)
{
    int        wrong;
    PGconn    *admin;
    PGresult  *applied;

    if (portero->config->admin_database_url[0] == '\0') {
        return check_ok("migrations", "not looked at: only the owner may, and "
                        "ADMIN_DATABASE_URL is not set");
    }

    admin = PQconnectdb(portero->config->admin_database_url);
    applied = PQexec(admin, MIGRATIONS_APPLIED);

    wrong = PQresultStatus(applied) == PGRES_TUPLES_OK
            ? check_applied(applied)
            : check_wrong("migrations", "cannot be read: set "
                          "ADMIN_DATABASE_URL and run portero migrate");

    PQclear(applied);
    PQfinish(admin);
    return wrong;
}


static int
check_applied(const PGresult *applied)
{
    const char         *unknown;
    const migration_t  *m;

    unknown = migrations_unknown(applied);

    if (unknown) {
        return check_wrong("migrations", "the database has migration %s, "
                           "which this program does not know: a newer portero "
                           "is needed", unknown);
    }

    for (m = migrations; m->version; m++) {
        if (!migrations_applied(applied, m)) {
            return check_wrong("migrations", "%s %s is missing: run portero "
                               "migrate", m->version, m->name);
        }
    }

    return check_ok("migrations", "%d", PQntuples(applied));
}


static int
check_clock(PGconn *conn)
{
    double           theirs, ours;
    PGresult        *result;
    struct timespec  now;

    result = PQexec(conn, "SELECT extract(epoch FROM clock_timestamp())");
    clock_gettime(CLOCK_REALTIME, &now);

    theirs = PQresultStatus(result) == PGRES_TUPLES_OK
             ? atof(PQgetvalue(result, 0, 0)) : 0;
    ours = (double) now.tv_sec + (double) now.tv_nsec / 1e9;
    PQclear(result);

    if (fabs(theirs - ours) > CHECK_CLOCK_SECONDS) {
        return check_wrong("clock", "the database's is %.0f seconds off: "
                           "gateways would take tokens too early or too "
                           "late; let NTP set both hosts", theirs - ours);
    }

    return check_ok("clock", "%.1f seconds from the database's",
                    fabs(theirs - ours));
}


static int
check_keys(const portero_t *portero)
{
    int      wrong;
    char     error[KEYS_ERROR_SIZE];
    keys_t  *keys;

    keys = keys_load(portero->config, error);

    if (keys == NULL) {
        return check_wrong("keys", "%s", error);
    }

    wrong = portero->config->algorithm == JOT_HS256 || check_has_next(keys)
            ? check_ok("keys", "%s in %s, active: %s",
                       jot_alg_name(portero->config->algorithm),
                       portero->config->key_dir, keys_kid(keys))
            : check_wrong("keys", "%s has no next key: run portero key "
                          "generate", portero->config->key_dir);

    wrong += check_gateway(portero, keys);
    keys_free(keys);

    return wrong;
}


static int
check_has_next(const keys_t *keys)
{
    size_t  i;

    for (i = 0; i < keys_count(keys); i++) {
        if (keys_info(keys, i)->state == KEY_NEXT) {
            return 1;
        }
    }

    return 0;
}


static int
check_gateway(const portero_t *portero, const keys_t *keys)
{
    char         fault[CHECK_FAULT_SIZE];
    const char  *file;

    file = portero->config->gateway_keys_file;

    if (file[0] == '\0') {
        return check_ok("gateway", "GATEWAY_KEYS_FILE is not set: gateways "
                        "fetch the keys");
    }

    switch (keys_gateway_state(keys, portero->config)) {

    case 0:
        return check_gateway_folder(portero->config, fault) == 0
               ? check_ok("gateway", "%s", file)
               : check_wrong("gateway", "%s", fault);

    case 1:
        return check_wrong("gateway", "GATEWAY_KEYS_FILE %s holds other keys "
                           "or has not mode 0640: run portero key generate",
                           file);

    default:
        return check_wrong("gateway", "GATEWAY_KEYS_FILE %s is not there: run "
                           "portero key generate", file);
    }
}


static int
check_hash(const portero_t *portero)
{
    char             hash[PASSWORD_HASH_SIZE];
    double           ms;
    struct timespec  from, to;

    (void) portero;

    clock_gettime(CLOCK_MONOTONIC, &from);

    if (password_hash("what it costs to hash a password", hash) != 0) {
        return check_wrong("hash", "a password cannot be hashed");
    }

    clock_gettime(CLOCK_MONOTONIC, &to);

    ms = (double) (to.tv_sec - from.tv_sec) * 1e3
         + (double) (to.tv_nsec - from.tv_nsec) / 1e6;

    if (ms < CHECK_HASH_MIN_MS) {
        return check_wrong("hash", "%.0f ms for a password, %.0f or more "
                           "would be right: this libcrypt makes cheaper "
                           "hashes than yescrypt of cost 6; install libxcrypt "
                           "4.4 (libcrypt1)", ms, CHECK_HASH_MIN_MS);
    }

    if (ms > CHECK_HASH_MAX_MS) {
        return check_wrong("hash", "%.0f ms for a password, up to %.0f would "
                           "be right: look again while nothing else runs, or "
                           "take a faster processor", ms, CHECK_HASH_MAX_MS);
    }

    return check_ok("hash", "%.0f ms", ms);
}


static int
check_sockets(const portero_t *portero)
{
    char  fault[CHECK_FAULT_SIZE];

    if (check_socket_folder(portero->config, fault) != 0) {
        return check_wrong("sockets", "%s", fault);
    }

    return check_ok("sockets", "%s", portero->config->socket_dir);
}


static int
check_ok(const char *name, const char *format, ...)
{
    va_list  args;

    printf("ok     %-10s ", name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');

    return 0;
}


static int
check_wrong(const char *name, const char *format, ...)
{
    va_list  args;

    printf("wrong  %-10s ", name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');

    return 1;
}
