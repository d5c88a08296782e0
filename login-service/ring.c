/* KEY_DIR's ring of HMAC keys, and the database's list of their fingerprints. */

#include <stdio.h>
#include <string.h>

#include "db.h"
#include "keys.h"
#include "log.h"
#include "ring.h"


static const char *const  ring_texts[] = {
    [RING_OTHER] = "KEY_DIR holds another refresh key than the one that the "
                   "database knows by its number: use the directory of the "
                   "other instances, or \"portero key adopt\" if it is lost",
    [RING_OLDER] = "KEY_DIR lacks the newest refresh key that the database "
                   "knows: use the directory of the other instances, or "
                   "\"portero key adopt\" if it is lost",
};


ring_status_t
ring_check(db_t *db, const keys_t *keys)
{
    char         numbers[RING_NUMBERS_SIZE], prints[RING_PRINTS_SIZE];
    db_ring_t    ring;

    if (ring_arrays(keys, numbers, prints) != 0
        || db_ring_check(db, numbers, prints, &ring) != DB_OK)
    {
        return RING_UNAVAILABLE;
    }

    switch (ring) {

    case DB_RING_KNOWN:
        return RING_KNOWN;

    case DB_RING_OLDER:
        return RING_OLDER;

    case DB_RING_OTHER:
        break;
    }

    return RING_OTHER;
}


int
ring_ready(service_t *service)
{
    ring_status_t  status;

    if (service->ring_known) {
        return 0;
    }

    status = ring_check(service->db, service->keys);

    if (status == RING_KNOWN) {
        service->ring_known = 1;
        return 0;
    }

    if (status != RING_UNAVAILABLE && !service->ring_told) {
        service->ring_told = 1;
        log_event(LOG_KEYS_REFUSED, "reason", ring_text(status), NULL);
    }

    return -1;
}


db_status_t
ring_token(service_t *service, jot_str_t text, token_refresh_t *refresh)
{
    if (token_refresh_parse(service->keys, text, refresh) == 0) {
        return DB_OK;
    }

    return text.len == TOKEN_REFRESH_SIZE - 1 && ring_ready(service) != 0
           ? DB_UNAVAILABLE : DB_NONE;
}


const char *
ring_text(ring_status_t status)
{
    return ring_texts[status];
}


int
ring_arrays(const keys_t *keys, char numbers[RING_NUMBERS_SIZE],
    char prints[RING_PRINTS_SIZE])
{
    int       rc;
    char      print[KEYS_FINGERPRINT_SIZE];
    char     *number, *p;
    unsigned  id;

    number = numbers;
    p = prints;

    for (id = 1; id <= KEYS_RING_MAX; id++) {

        rc = keys_fingerprint(keys, id, print);

        if (rc == -1) {
            return -1;
        }

        if (rc == 1) {
            number += sprintf(number, "%c%u", number == numbers ? '{' : ',',
                              id);
            p += sprintf(p, "%c%s", p == prints ? '{' : ',', print);
        }
    }

    strcpy(number, number == numbers ? "{}" : "}");
    strcpy(p, p == prints ? "{}" : "}");

    return 0;
}
