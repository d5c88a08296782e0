/*
 * One connection, and how long to wait for it.  libpq's blocking calls have no
 * deadline, and a server that is frozen or behind a dead network keeps silent
 * for many minutes; so all waiting is done here, by poll().
 *
 * Statements are sent unprepared: behind a pooler that hands out connections
 * by transaction, a name made on one of them is unknown on the next.  Planning
 * a function call is cheap, and plans within the functions are kept.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db_call.h"
#include "log.h"
#include "metrics.h"


#define DB_DEADLINE_MS  3000
#define DB_SILENCE_MS   1000

struct db_s {
    const config_t   *config;
    db_server_t      *server;
    PGconn           *conn;
    int               lost;         /* said so, and not yet that it is back */
    int64_t           silent_until;
};

typedef enum {
    DB_WAIT_OK,
    DB_WAIT_BROKEN,                 /* PQerrorMessage() knows */
    DB_WAIT_LATE
} db_wait_t;

typedef enum {
    DB_SQL_ROWS,
    DB_SQL_NOTHING,
    DB_SQL_CONFLICT,
    DB_SQL_AGAIN,                   /* rolled back: once more */
    DB_SQL_ELSEWHERE,               /* rolled back: no writes on this server */
    DB_SQL_UNAVAILABLE,
    DB_SQL_FAILED
} db_sql_t;

typedef struct {
    const char       *sqlstate;     /* or the first letters of a class */
    db_sql_t          verdict;
} db_sqlstate_t;


static db_sql_t db_attempt(db_t *db, const char *sql,
    const db_params_t *params, int64_t deadline, PGresult **result);
static db_sql_t db_judge(const PGresult *result);
static int db_connected(db_t *db, int64_t deadline);
static int db_connect(db_t *db, int64_t deadline);
static db_wait_t db_connect_once(db_t *db, int64_t deadline);
static db_wait_t db_exchange(db_t *db, const char *sql,
    const db_params_t *params, int64_t deadline, PGresult **result);
static db_wait_t db_send(db_t *db, const char *sql, const db_params_t *params,
    int64_t deadline);
static db_wait_t db_wait(const db_t *db, short events, int64_t deadline);
static int64_t db_clock(void);
static void db_ignore_notice(void *data, const PGresult *result);
static void db_drop(db_t *db);
static void db_lost(db_t *db, db_wait_t why);


/* PostgreSQL's appendix A.  A class comes after its members. */
static const db_sqlstate_t  db_sqlstates[] = {
    { "23505", DB_SQL_CONFLICT },       /* unique_violation */
    { "40001", DB_SQL_AGAIN },          /* serialization_failure */
    { "40P01", DB_SQL_AGAIN },          /* deadlock_detected */
    { "25006", DB_SQL_ELSEWHERE },      /* read_only_sql_transaction */
    { "55P03", DB_SQL_UNAVAILABLE },    /* lock_not_available */
    { "08", DB_SQL_UNAVAILABLE },       /* connection */
    { "53", DB_SQL_UNAVAILABLE },       /* resources: disk full, ... */
    { "57", DB_SQL_UNAVAILABLE },       /* shutdown, statement_timeout, ... */
    { "58", DB_SQL_UNAVAILABLE },       /* the server's own input and output */
};

static const db_status_t  db_statuses[] = {
    [DB_SQL_ROWS]        = DB_OK,
    [DB_SQL_NOTHING]     = DB_NONE,
    [DB_SQL_CONFLICT]    = DB_CONFLICT,
    [DB_SQL_AGAIN]       = DB_UNAVAILABLE,
    [DB_SQL_ELSEWHERE]   = DB_UNAVAILABLE,
    [DB_SQL_UNAVAILABLE] = DB_UNAVAILABLE,
    [DB_SQL_FAILED]      = DB_FAILED,
};

/* A session of a pooler may be new at any time: roles.sql says the same. */
static const char  db_settings[] =
    "SELECT set_config('default_transaction_isolation', 'read committed',"
    " false), set_config('statement_timeout', '3s', false)";


db_t *
db_new(const config_t *config)
{
    db_t  *db;

    db = calloc(1, sizeof(db_t));
    if (db == NULL) {
        return NULL;
    }

    db->config = config;
    db->server = db_server_new(config->database_url);

    if (db->server == NULL) {
        free(db);
        return NULL;
    }

    return db;
}


void
db_free(db_t *db)
{
    if (db == NULL) {
        return;
    }

    db_drop(db);
    db_server_free(db->server);
    free(db);
}


const config_t *
db_config(const db_t *db)
{
    return db->config;
}


void
db_param_text(db_params_t *params, const char *text)
{
    params->values[params->n] = text;
    params->lengths[params->n] = 0;
    params->formats[params->n] = 0;
    params->n++;
}


void
db_param_bytes(db_params_t *params, const void *bytes, size_t len)
{
    params->values[params->n] = bytes;
    params->lengths[params->n] = (int) len;
    params->formats[params->n] = 1;
    params->n++;
}


void
db_param_number(db_params_t *params, int64_t number)
{
    char  *text;

    text = params->numbers[params->n];
    snprintf(text, sizeof(params->numbers[0]), "%" PRId64, number);
    db_param_text(params, text);
}


db_status_t
db_call(db_t *db, const char *sql, const db_params_t *params,
    PGresult **result)
{
    int64_t   deadline;
    db_sql_t  verdict;

    *result = NULL;
    deadline = db_clock();

    if (deadline < db->silent_until) {
        return DB_UNAVAILABLE;
    }

    deadline += DB_DEADLINE_MS;
    verdict = db_attempt(db, sql, params, deadline, result);

    if (verdict == DB_SQL_AGAIN || verdict == DB_SQL_ELSEWHERE) {
        verdict = db_attempt(db, sql, params, deadline, result);
    }

    return db_statuses[verdict];
}


db_status_t
db_call_boolean(db_t *db, const char *sql, const db_params_t *params)
{
    PGresult     *result;
    db_status_t   status;

    status = db_call(db, sql, params, &result);

    if (status == DB_OK && strcmp(PQgetvalue(result, 0, 0), "t") != 0) {
        status = DB_NONE;
    }

    PQclear(result);
    return status;
}


static db_sql_t
db_attempt(db_t *db, const char *sql, const db_params_t *params,
    int64_t deadline, PGresult **result)
{
    db_sql_t    verdict;
    PGresult   *answer;
    db_wait_t   wait;

    if (db_connected(db, deadline) != 0) {
        return DB_SQL_UNAVAILABLE;
    }

    wait = db_exchange(db, sql, params, deadline, &answer);

    if (wait != DB_WAIT_OK) {
        db_lost(db, wait);
        return DB_SQL_UNAVAILABLE;
    }

    verdict = db_judge(answer);

    switch (verdict) {

    case DB_SQL_ROWS:
        *result = answer;
        return verdict;

    case DB_SQL_NOTHING:
    case DB_SQL_CONFLICT:
        break;

    case DB_SQL_ELSEWHERE:
        db_drop(db);
        /* fall through */

    case DB_SQL_AGAIN:
    case DB_SQL_UNAVAILABLE:
    case DB_SQL_FAILED:

        /* Not the detail: it may have a row's values. */

        log_event(LOG_DATABASE_ERROR,
                  "sqlstate", PQresultErrorField(answer, PG_DIAG_SQLSTATE),
                  "message",
                  PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY), NULL);
        break;
    }

    PQclear(answer);
    return verdict;
}


static db_sql_t
db_judge(const PGresult *result)
{
    size_t       i;
    const char  *sqlstate;

    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        return PQntuples(result) == 0 ? DB_SQL_NOTHING : DB_SQL_ROWS;
    }

    sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    if (sqlstate == NULL) {
        return DB_SQL_FAILED;
    }

    for (i = 0; i < sizeof(db_sqlstates) / sizeof(db_sqlstates[0]); i++) {
        if (strncmp(sqlstate, db_sqlstates[i].sqlstate,
                    strlen(db_sqlstates[i].sqlstate)) == 0)
        {
            return db_sqlstates[i].verdict;
        }
    }

    return DB_SQL_FAILED;
}


/*
 * A server that ends a connection while nobody uses it (a restart, a failover)
 * says why and closes, and the one may be here before the other.  So whatever
 * a server says unasked makes this ask for a new connection: nothing can have
 * run on the old one, and what else could come (a changed parameter) is rare.
 */
static int
db_connected(db_t *db, int64_t deadline)
{
    if (db->conn) {
        if (db_wait(db, POLLIN, 0) == DB_WAIT_LATE) {
            return 0;
        }

        db_drop(db);
    }

    return db_connect(db, deadline);
}


/* Each host gets its share of the time that is left. */
static int
db_connect(db_t *db, int64_t deadline)
{
    size_t     left;
    int64_t    now;
    db_wait_t  wait;

    wait = DB_WAIT_LATE;

    for (left = db_server_hosts(db->server); left > 0; left--) {

        now = db_clock();
        wait = db_connect_once(db, now + (deadline - now) / (int64_t) left);

        if (wait != DB_WAIT_LATE) {
            break;
        }

        if (left > 1) {
            db_drop(db);
        }

        db_server_next(db->server);
    }

    if (wait != DB_WAIT_OK) {
        db_lost(db, wait);
        return -1;
    }

    if (db->lost) {
        db->lost = 0;
        metrics_add(METRIC_DATABASE_BACK, 1);
        log_event(LOG_DATABASE_BACK, "host", PQhost(db->conn), NULL);
    }

    return 0;
}


static db_wait_t
db_connect_once(db_t *db, int64_t deadline)
{
    db_wait_t                  wait;
    PGresult                  *result;
    PostgresPollingStatusType  state;

    db->conn = db_server_start(db->server);

    if (db->conn == NULL || PQstatus(db->conn) == CONNECTION_BAD) {
        return DB_WAIT_BROKEN;
    }

    (void) PQsetNoticeReceiver(db->conn, db_ignore_notice, NULL);
    state = PGRES_POLLING_WRITING;

    while (state != PGRES_POLLING_OK) {

        wait = db_wait(db, state == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                       deadline);
        if (wait != DB_WAIT_OK) {
            return wait;
        }

        state = PQconnectPoll(db->conn);

        if (state == PGRES_POLLING_FAILED) {
            return DB_WAIT_BROKEN;
        }
    }

    if (PQsetnonblocking(db->conn, 1) != 0) {
        return DB_WAIT_BROKEN;
    }

    wait = db_exchange(db, db_settings, NULL, deadline, &result);

    if (wait == DB_WAIT_OK) {
        wait = PQresultStatus(result) == PGRES_TUPLES_OK
               ? DB_WAIT_OK : DB_WAIT_BROKEN;
        PQclear(result);
    }

    return wait;
}


/* Sends one statement and reads all of its answer; a result is never NULL. */
static db_wait_t
db_exchange(db_t *db, const char *sql, const db_params_t *params,
    int64_t deadline, PGresult **result)
{
    PGresult   *next;
    db_wait_t   wait;

    *result = NULL;
    wait = db_send(db, sql, params, deadline);

    while (wait == DB_WAIT_OK) {

        if (PQisBusy(db->conn)) {
            wait = db_wait(db, POLLIN, deadline);

            if (wait == DB_WAIT_OK && PQconsumeInput(db->conn) != 1) {
                wait = DB_WAIT_BROKEN;
            }

            continue;
        }

        next = PQgetResult(db->conn);

        if (next == NULL) {
            break;
        }

        PQclear(*result);
        *result = next;
    }

    if (wait == DB_WAIT_OK && PQstatus(db->conn) == CONNECTION_OK && *result) {
        return DB_WAIT_OK;
    }

    PQclear(*result);
    *result = NULL;

    return wait == DB_WAIT_OK ? DB_WAIT_BROKEN : wait;
}


static db_wait_t
db_send(db_t *db, const char *sql, const db_params_t *params, int64_t deadline)
{
    int        left;
    db_wait_t  wait;

    if (PQsendQueryParams(db->conn, sql, params ? params->n : 0, NULL,
                          params ? params->values : NULL,
                          params ? params->lengths : NULL,
                          params ? params->formats : NULL, 0)
        != 1)
    {
        return DB_WAIT_BROKEN;
    }

    for ( ;; ) {
        left = PQflush(db->conn);

        if (left <= 0) {
            return left == 0 ? DB_WAIT_OK : DB_WAIT_BROKEN;
        }

        wait = db_wait(db, POLLIN | POLLOUT, deadline);

        if (wait != DB_WAIT_OK) {
            return wait;
        }

        /* A server that cannot go on sending would not go on reading. */

        if (PQconsumeInput(db->conn) != 1) {
            return DB_WAIT_BROKEN;
        }
    }
}


/* A deadline that has passed still looks once. */
static db_wait_t
db_wait(const db_t *db, short events, int64_t deadline)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd;

    pfd.fd = PQsocket(db->conn);
    pfd.events = events;

    if (pfd.fd == -1) {
        return DB_WAIT_BROKEN;
    }

    do {
        left = deadline - db_clock();
        n = poll(&pfd, 1, left > 0 ? (int) left : 0);
    } while (n == -1 && errno == EINTR);

    return n > 0 ? DB_WAIT_OK : n == 0 ? DB_WAIT_LATE : DB_WAIT_BROKEN;
}


static int64_t
db_clock(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* A replaced function may raise notices, and libpq would print them. */
static void
db_ignore_notice(void *data, const PGresult *result)
{
    (void) data;
    (void) result;
}


/* Does not wait: what cannot be sent of the farewell is not sent. */
static void
db_drop(db_t *db)
{
    PQfinish(db->conn);
    db->conn = NULL;
}


static void
db_lost(db_t *db, db_wait_t why)
{
    if (!db->lost) {
        db->lost = 1;
        metrics_add(METRIC_DATABASE_LOST, 1);
        log_event(LOG_DATABASE_LOST, "message",
                  why == DB_WAIT_LATE ? "no answer within 3 s"
                  : db->conn ? PQerrorMessage(db->conn) : "out of memory",
                  NULL);
    }

    if (why == DB_WAIT_LATE) {
        db->silent_until = db_clock() + DB_SILENCE_MS;
    }

    db_drop(db);
}
