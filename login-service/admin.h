/* The command line's own connection to PostgreSQL, as the schema's owner. */

#ifndef ADMIN_H
#define ADMIN_H

#include <libpq-fe.h>

#include "portero.h"


/* ADMIN_DATABASE_URL, else DATABASE_URL.  NULL after one line of why. */
PGconn *admin_connect(const portero_t *portero);

/*
 * Runs a statement with n text parameters.  The result is the caller's; NULL
 * after one line of why, unless sqlstate is asked for (6 bytes): then that line
 * is left to the caller if PostgreSQL gave a state.
 */
PGresult *admin_query(PGconn *conn, const char *sql, int n,
    const char *const *values, char *sqlstate);

#endif
