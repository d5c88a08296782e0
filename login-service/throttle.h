/*
 * How often a password, a secret or an invite may be tried: the limits
 * THROTTLE_*, counted in the database for all instances together.  An
 * allowance is taken before anything is looked at, and given back if it was
 * right.
 *
 *     if (throttle_take(service, request, response, sub, name, &throttle)) {
 *         return;
 *     }
 *
 *     ...  then one of throttle_passed(), throttle_wrong(), throttle_return();
 *          none of them, where a success counts too.
 */

#ifndef THROTTLE_H
#define THROTTLE_H

#include "db.h"
#include "device.h"
#include "http.h"
#include "network.h"
#include "service.h"


#define THROTTLE_ACCOUNT_SIZE  (DB_SUB_SIZE + 2)

typedef struct {
    db_throttle_t    db;            /* views of what follows */
    char             account[THROTTLE_ACCOUNT_SIZE];
    char             device[DEVICE_ID_SIZE];
    char             network[NETWORK_SIZE];
    char             sub[DB_SUB_SIZE];
} throttle_t;

/*
 * Takes one try of the account and of the network: the account of sub, or
 * where that is NULL, of a name that nobody has.  Both NULL: of the network
 * alone.  0; or -1 and the response, 429 with Retry-After, or 503.
 */
int throttle_take(service_t *service, const http_request_t *request,
    http_response_t *response, const char *sub, const char *name,
    throttle_t *throttle);

/*
 * A login that was right: gives it back and remembers the network.  1 if the
 * user is known here, on this device or in this network.
 */
int throttle_passed(service_t *service, const throttle_t *throttle);

/* It was right, or nothing was looked at: gives it back. */
void throttle_return(service_t *service, const throttle_t *throttle);

/*
 * It was wrong.  The same password as before does not count for the account.
 * 1 if the account has just reached its limit.
 */
int throttle_wrong(service_t *service, const throttle_t *throttle,
    const char *password);

#endif
