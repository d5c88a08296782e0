/* What portero client and portero apikey share. */

#ifndef CMD_MACHINE_H
#define CMD_MACHINE_H

#include "admin.h"
#include "secret.h"


#define MACHINE_SCOPE_SIZE  1001

typedef struct {
    char          scope[MACHINE_SCOPE_SIZE];    /* as RFC 6749, 3.3, has it */
    const char   *description;                  /* NULL: none */
    const char   *expires;                      /* days, as text; NULL: never */
} machine_options_t;

/*
 * --scope SCOPE (again and again), --description TEXT, and --expires DAYS if
 * may_expire, from argv[first] on.  0, or -1 if there is anything else.
 */
int machine_options(const portero_t *portero, int first, int may_expire,
    machine_options_t *options);

/* A whole number from 0 to max; else -1. */
int machine_number(const char *text, int max);

/* A new secret and the hex of its digest; -1 after one line of why. */
int machine_secret(char secret[SECRET_SIZE], char hex[SECRET_HEX_SIZE]);

/* Clients, or with keys the API keys, of one user if login is not NULL. */
portero_status_t machine_list(const portero_t *portero, int keys,
    const char *login);

extern const admin_rule_t  machine_rules[];

#endif
