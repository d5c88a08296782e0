/* The files sql/NNN_*.sql, as the build put them into the program. */

#ifndef MIGRATIONS_H
#define MIGRATIONS_H

typedef struct {
    const char   *version;      /* "1", "2", "10", ... in order */
    const char   *name;
    const char   *sql;
} migration_t;

struct pg_result;                           /* libpq's PGresult */

extern const migration_t  migrations[];     /* ends with a version of NULL */

/* What a database was asked for: its versions, a row each. */
#define MIGRATIONS_APPLIED  "SELECT version FROM portero.migration"

/* Whether one of the rows is this migration. */
int migrations_applied(const struct pg_result *applied,
    const migration_t *migration);

/* The first row that no migration of this program has made, or NULL. */
const char *migrations_unknown(const struct pg_result *applied);

#endif
