/* Between the files of db: running a statement, and how the server is found. */

#ifndef DB_CALL_H
#define DB_CALL_H

#include <libpq-fe.h>

#include "db.h"


#define DB_PARAMS  12

/*
 * Parameters in the order of $1, $2, ...  Texts are borrowed; numbers are
 * written down here.  NULL is SQL's NULL.
 */
typedef struct {
    int           n;
    const char   *values[DB_PARAMS];
    int           lengths[DB_PARAMS];
    int           formats[DB_PARAMS];
    char          numbers[DB_PARAMS][24];
} db_params_t;

void db_param_text(db_params_t *params, const char *text);
void db_param_bytes(db_params_t *params, const void *bytes, size_t len);
void db_param_number(db_params_t *params, int64_t number);

/*
 * Runs one statement that returns one row, if any.  Unless DB_OK, *result is
 * NULL; DB_NONE is a result without rows.
 */
db_status_t db_call(db_t *db, const char *sql, const db_params_t *params,
    PGresult **result);

/* Whether the first column of the only row is true: DB_OK, else DB_NONE. */
db_status_t db_call_boolean(db_t *db, const char *sql,
    const db_params_t *params);

const config_t *db_config(const db_t *db);


/*
 * What DATABASE_URL says, taken apart so that a silent host can be put last:
 * asynchronous libpq tries hosts in order, but has no limit of its own for
 * each.
 */
typedef struct db_server_s  db_server_t;

db_server_t *db_server_new(const char *url);    /* NULL; it is logged */
void db_server_free(db_server_t *server);

size_t db_server_hosts(const db_server_t *server);
PGconn *db_server_start(const db_server_t *server);     /* PQconnectStart */
void db_server_next(db_server_t *server);   /* the first host goes last */

#endif
