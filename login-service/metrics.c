/* A page that every worker shares, one 64-bit counter a row. */

#include <stdatomic.h>
#include <stddef.h>

#include <sys/mman.h>

#include "metrics.h"


static const char *const  metrics_names[METRIC_COUNT] = {
    [METRIC_LOGIN_OK]         = "login_ok",
    [METRIC_LOGIN_REFUSED]    = "login_refused",
    [METRIC_PASSWORD_CHANGED] = "password_changed",
    [METRIC_PASSWORD_REFUSED] = "password_refused",
    [METRIC_THROTTLED_NETWORK] = "throttled_network",
    [METRIC_THROTTLED_ACCOUNT_NETWORK] = "throttled_account_network",
    [METRIC_THROTTLED_ACCOUNT] = "throttled_account",
    [METRIC_REGISTER_OK]      = "register_ok",
    [METRIC_REGISTER_REFUSED] = "register_refused",
    [METRIC_REFRESH_ROTATED]  = "refresh_rotated",
    [METRIC_REFRESH_REPEATED] = "refresh_repeated",
    [METRIC_REFRESH_REFUSED]  = "refresh_refused",
    [METRIC_LOGOUT]           = "logout",
    [METRIC_TOKEN_REVOKED]    = "token_revoked",
    [METRIC_CLIENT_TOKEN]     = "client_token",
    [METRIC_CLIENT_REFUSED]   = "client_refused",
    [METRIC_REQUEST_REFUSED]  = "request_refused",
    [METRIC_UNAVAILABLE]      = "unavailable",
    [METRIC_WORKER_DIED]      = "worker_died",
};

static _Atomic uint64_t  *metrics;


int
metrics_init(void)
{
    void  *page;

    page = mmap(NULL, METRIC_COUNT * sizeof(*metrics), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return -1;
    }

    metrics = page;
    return 0;
}


void
metrics_add(metric_t metric, uint64_t n)
{
    if (metrics) {      /* not in the command line, nor in unit tests */
        atomic_fetch_add_explicit(&metrics[metric], n, memory_order_relaxed);
    }
}


uint64_t
metrics_get(metric_t metric)
{
    return metrics
           ? atomic_load_explicit(&metrics[metric], memory_order_relaxed) : 0;
}


const char *
metrics_name(metric_t metric)
{
    return metrics_names[metric];
}
