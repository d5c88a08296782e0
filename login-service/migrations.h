/* The files sql/NNN_*.sql, as the build put them into the program. */

#ifndef MIGRATIONS_H
#define MIGRATIONS_H

typedef struct {
    const char   *version;      /* "1", "2", ... in order, without gaps */
    const char   *name;
    const char   *sql;
} migration_t;

extern const migration_t  migrations[];     /* ends with a version of NULL */

#endif
