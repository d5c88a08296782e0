/*
 * Whether KEY_DIR is the one that the database knows.  Two instances with
 * other HMAC keys over one database would each refuse the refresh tokens of
 * the other, and a client that is refused throws its session away.
 */

#ifndef RING_H
#define RING_H

#include "db.h"
#include "service.h"
#include "token.h"


typedef enum {
    RING_KNOWN,         /* it is, or the database knows it from here on */
    RING_OTHER,         /* a key of one number is another one there */
    RING_OLDER,         /* the database knows a later number */
    RING_UNAVAILABLE    /* the database did not say */
} ring_status_t;

ring_status_t ring_check(db_t *db, const keys_t *keys);

/*
 * 0 if this worker's keys are known.  The database is asked until it has said
 * so; else -1, and what is wrong is logged, once.  To be asked before a refresh
 * token is given out.
 */
int ring_ready(service_t *service);

/*
 * Reads a refresh token.  DB_NONE: it is none of ours.  DB_UNAVAILABLE: it is
 * not by a key of this worker's, whose keys are not known to be the right ones.
 */
db_status_t ring_token(service_t *service, jot_str_t text,
    token_refresh_t *refresh);

/* What is wrong and what would be right: OTHER, OLDER. */
const char *ring_text(ring_status_t status);

#define RING_NUMBERS_SIZE  1100
#define RING_PRINTS_SIZE   8500

/* The numbers and their fingerprints as arrays of PostgreSQL's; 0 or -1. */
int ring_arrays(const keys_t *keys, char numbers[RING_NUMBERS_SIZE],
    char prints[RING_PRINTS_SIZE]);

#endif
