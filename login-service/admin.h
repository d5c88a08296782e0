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

/*
 * What the tables ask, in other words than theirs: the name of a constraint
 * and what would be right.  A list ends with NULL.
 */
typedef struct {
    const char  *constraint;
    const char  *text;
} admin_rule_t;

/*
 * One statement on a connection of its own.  The result is the caller's; NULL
 * after one line of why, which rules (may be NULL) put into words.
 */
PGresult *admin_call(const portero_t *portero, const char *sql, int n,
    const char *const *values, const admin_rule_t *rules);

/*
 * The same for a function that is true if it found what values[0] names; else
 * missing says so, a format for that name.
 */
portero_status_t admin_change(const portero_t *portero, const char *sql, int n,
    const char *const *values, const admin_rule_t *rules, const char *missing)
    __attribute__((format(printf, 6, 0)));

/* What a message of PostgreSQL's means by the rules: static, or itself. */
const char *admin_rule_text(const admin_rule_t *rules, const char *message);

#endif
