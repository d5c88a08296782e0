/*
 * The account is the sub, not the name: names that one find_user() takes for
 * the same must not be as many accounts.  A name that nobody has is counted
 * like others, as an HMAC, because people type passwords into that field.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "keys_derive.h"
#include "log.h"
#include "metrics.h"
#include "throttle.h"


#define THROTTLE_NAME_PURPOSE  "portero throttle name v1"
#define THROTTLE_MARK_PURPOSE  "portero throttle mark v1"
#define THROTTLE_WAIT_MAX      900      /* seconds; what a client is told */

typedef struct {
    const char   *limit;                /* a word of portero.throttle_take */
    metric_t      metric;
} throttle_limit_t;


static int throttle_account(const service_t *service, const char *sub,
    const char *name, char account[THROTTLE_ACCOUNT_SIZE]);
static void throttle_refuse(const http_request_t *request,
    http_response_t *response, const db_throttle_t *throttle);


static const throttle_limit_t  throttle_limits[] = {
    { "network", METRIC_THROTTLED_NETWORK },
    { "account_network", METRIC_THROTTLED_ACCOUNT_NETWORK },
    { "account", METRIC_THROTTLED_ACCOUNT },
};


int
throttle_take(service_t *service, const http_request_t *request,
    http_response_t *response, const char *sub, const char *name,
    throttle_t *throttle)
{
    int          parsed;
    db_status_t  status;

    memset(throttle, 0, sizeof(*throttle));

    parsed = network_text(request->address, throttle->network) == 0;
    throttle->db.network = throttle->network;

    if (sub || name) {
        if (throttle_account(service, sub, name, throttle->account) != 0) {
            http_respond_json(response, 500, NULL);
            return -1;
        }

        throttle->db.account = throttle->account;
    }

    if (sub) {
        snprintf(throttle->sub, sizeof(throttle->sub), "%s", sub);

        if (device_find(service, request, sub, throttle->device)) {
            throttle->db.device = throttle->device;
        }
    }

    /* Whose addresses do not parse share a network that knows nobody. */

    if (sub && parsed) {
        throttle->db.sub = throttle->sub;
    }

    status = db_throttle_take(service->db, &throttle->db);

    if (status != DB_OK) {
        answer_database(status, response);
        return -1;
    }

    if (throttle->db.wait == 0) {
        return 0;
    }

    throttle_refuse(request, response, &throttle->db);
    return -1;
}


int
throttle_passed(service_t *service, const throttle_t *throttle)
{
    int  known;

    known = db_throttle_passed(service->db, &throttle->db, 1) == DB_OK;

    return known || throttle->db.device;
}


void
throttle_return(service_t *service, const throttle_t *throttle)
{
    (void) db_throttle_passed(service->db, &throttle->db, 0);
}


int
throttle_wrong(service_t *service, const throttle_t *throttle,
    const char *password)
{
    unsigned              id, mark;
    unsigned char         mac[KEYS_MAC_SIZE];
    const unsigned char  *key;

    if (throttle->db.account == NULL) {
        return 0;
    }

    key = keys_refresh(service->keys, &id);

    if (keys_derive_mac(key, THROTTLE_MARK_PURPOSE, password, strlen(password),
                        mac)
        != 0)
    {
        return 0;
    }

    /* 16 bits: enough to tell a repetition, too few to find a password by. */

    mark = mac[0] << 8 | mac[1];
    explicit_bzero(mac, sizeof(mac));

    return db_throttle_wrong(service->db, &throttle->db, mark) == DB_OK;
}


static int
throttle_account(const service_t *service, const char *sub, const char *name,
    char account[THROTTLE_ACCOUNT_SIZE])
{
    int                   rc;
    size_t                i, len;
    char                  lower[HTTP_BODY_SIZE + 1];
    unsigned              id;
    unsigned char         mac[KEYS_MAC_SIZE];
    const unsigned char  *key;

    if (sub) {
        snprintf(account, THROTTLE_ACCOUNT_SIZE, "s:%s", sub);
        return 0;
    }

    len = strlen(name);

    if (len >= sizeof(lower)) {
        return -1;
    }

    for (i = 0; i < len; i++) {
        lower[i] = tolower((unsigned char) name[i]);
    }

    key = keys_refresh(service->keys, &id);
    rc = keys_derive_mac(key, THROTTLE_NAME_PURPOSE, lower, len, mac);
    explicit_bzero(lower, len);

    if (rc != 0) {
        return -1;
    }

    memcpy(account, "n:", 2);

    for (i = 0; i < KEYS_MAC_SIZE / 2; i++) {
        snprintf(account + 2 + 2 * i, 3, "%02x", mac[i]);
    }

    return 0;
}


static void
throttle_refuse(const http_request_t *request, http_response_t *response,
    const db_throttle_t *throttle)
{
    char    seconds[16];
    size_t  i;

    snprintf(seconds, sizeof(seconds), "%d",
             throttle->wait < THROTTLE_WAIT_MAX ? throttle->wait
                                                : THROTTLE_WAIT_MAX);

    for (i = 0; i < sizeof(throttle_limits) / sizeof(throttle_limits[0]); i++) {
        if (strcmp(throttle_limits[i].limit, throttle->refused) == 0) {
            metrics_add(throttle_limits[i].metric, 1);
        }
    }

    log_event(LOG_THROTTLED, "limit", throttle->refused, "wait", seconds,
              "user", throttle->sub, "path", request->path,
              "address", request->address, NULL);

    http_header_add(response, "Retry-After", seconds);
    http_respond_error(response, 429, "slow_down",
                       "too many tries, wait for as long as Retry-After says");
}
