/*
 * Counters in memory that is shared since before the fork, so that they are
 * summed over all workers and survive a worker's death.  A row in metrics.c
 * names each; adding is one atomic instruction.
 */

#ifndef METRICS_H
#define METRICS_H

#include <stdint.h>


typedef enum {
    METRIC_LOGIN_OK,
    METRIC_LOGIN_REFUSED,
    METRIC_PASSWORD_CHANGED,
    METRIC_PASSWORD_REFUSED,
    METRIC_THROTTLED_NETWORK,
    METRIC_THROTTLED_ACCOUNT_NETWORK,
    METRIC_THROTTLED_ACCOUNT,
    METRIC_REGISTER_OK,
    METRIC_REGISTER_REFUSED,
    METRIC_REFRESH_ROTATED,
    METRIC_REFRESH_REPEATED,    /* the same token again, or a retry */
    METRIC_REFRESH_REFUSED,
    METRIC_LOGOUT,
    METRIC_TOKEN_REVOKED,
    METRIC_CLIENT_TOKEN,
    METRIC_CLIENT_REFUSED,
    METRIC_REQUEST_REFUSED,
    METRIC_UNAVAILABLE,         /* answered 503 */
    METRIC_WORKER_DIED,
    METRIC_COUNT
} metric_t;

int metrics_init(void);     /* once, in the master, before any fork */
void metrics_add(metric_t metric, uint64_t n);
uint64_t metrics_get(metric_t metric);
const char *metrics_name(metric_t metric);

#endif
