/*
 * Counters in memory that is shared since before the fork, so that they are
 * summed over all workers and survive a worker's death.  A row in metrics.c
 * names each; adding is one atomic instruction.
 */

#ifndef METRICS_H
#define METRICS_H

#include <stdint.h>
#include <stdio.h>


/* The order is that of the table in metrics.c. */
typedef enum {
    METRIC_LOGIN_OK,
    METRIC_LOGIN_WRONG,
    METRIC_LOGIN_UNKNOWN,
    METRIC_LOGIN_DISABLED,
    METRIC_LOGIN_NO_PASSWORD,
    METRIC_LOGIN_HASH,          /* the stored hash is too dear or unknown */
    METRIC_PASSWORD_CHANGED,
    METRIC_PASSWORD_REFUSED,
    METRIC_REGISTER_OK,
    METRIC_REGISTER_REFUSED,
    METRIC_REFRESH_ROTATED,
    METRIC_REFRESH_REPEATED,    /* the same token again, or a retry */
    METRIC_REFRESH_EXPIRED,
    METRIC_REFRESH_IDLE,
    METRIC_REFRESH_REVOKED,
    METRIC_REFRESH_REUSE,
    METRIC_REFRESH_INVALID,
    METRIC_LOGOUT,
    METRIC_CLIENT_TOKEN,
    METRIC_CLIENT_REFUSED,
    METRIC_TOKEN_REVOKED,
    METRIC_THROTTLED_NETWORK,
    METRIC_THROTTLED_ACCOUNT_NETWORK,
    METRIC_THROTTLED_ACCOUNT,
    METRIC_REQUEST_REFUSED,
    METRIC_UNAVAILABLE,         /* answered 503 */
    METRIC_QUEUE_FULL,
    METRIC_DATABASE_LOST,
    METRIC_DATABASE_BACK,
    METRIC_WORKER_DIED,
    METRIC_COUNT
} metric_t;

int metrics_init(void);     /* once, in the master, before any fork */
void metrics_add(metric_t metric, uint64_t n);
uint64_t metrics_get(metric_t metric);

/* How long a password took to hash. */
void metrics_hashed(uint64_t microseconds);

/* All of them, in the text format of Prometheus, version 0.0.4. */
void metrics_write(FILE *out);

#endif
