/* A page that every worker shares, one 64-bit counter a row. */

#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <sys/mman.h>

#include "metrics.h"


#define METRICS_HASH    "portero_password_hash_seconds"
#define METRICS_BOUNDS  (sizeof(metrics_bounds) / sizeof(metrics_bounds[0]))

typedef struct {
    const char         *family;
    const char         *labels;         /* "" if it has no others beside it */
    const char         *help;           /* in the first row of a family */
} metrics_row_t;

/* Upper end of a bucket, inclusive. */
typedef struct {
    uint64_t            microseconds;
    const char         *seconds;
} metrics_bound_t;

static const metrics_bound_t  metrics_bounds[] = {
    { 5000, "0.005" },
    { 10000, "0.01" },
    { 25000, "0.025" },
    { 50000, "0.05" },
    { 75000, "0.075" },
    { 100000, "0.1" },
    { 250000, "0.25" },
    { 500000, "0.5" },
    { 1000000, "1" },
    { 2500000, "2.5" },
};

typedef struct {
    _Atomic uint64_t    counters[METRIC_COUNT];
    _Atomic uint64_t    buckets[METRICS_BOUNDS + 1];    /* not cumulative */
    _Atomic uint64_t    microseconds;
} metrics_page_t;


static void metrics_write_hashes(FILE *out);
static uint64_t metrics_read(_Atomic uint64_t *value);


static const metrics_row_t  metrics_rows[METRIC_COUNT] = {

    [METRIC_LOGIN_OK] = { "portero_logins_total", "outcome=\"ok\"",
        "Logins, by what was right or wrong." },
    [METRIC_LOGIN_WRONG] = { "portero_logins_total", "outcome=\"wrong\"", "" },
    [METRIC_LOGIN_UNKNOWN] = { "portero_logins_total",
        "outcome=\"unknown\"", "" },
    [METRIC_LOGIN_DISABLED] = { "portero_logins_total",
        "outcome=\"disabled\"", "" },
    [METRIC_LOGIN_NO_PASSWORD] = { "portero_logins_total",
        "outcome=\"no_password\"", "" },
    [METRIC_LOGIN_HASH] = { "portero_logins_total", "outcome=\"hash\"", "" },

    [METRIC_PASSWORD_CHANGED] = { "portero_password_changes_total",
        "outcome=\"ok\"", "Passwords changed or set by a link." },
    [METRIC_PASSWORD_REFUSED] = { "portero_password_changes_total",
        "outcome=\"refused\"", "" },

    [METRIC_REGISTER_OK] = { "portero_registrations_total", "outcome=\"ok\"",
        "Users who registered." },
    [METRIC_REGISTER_REFUSED] = { "portero_registrations_total",
        "outcome=\"refused\"", "" },

    [METRIC_REFRESH_ROTATED] = { "portero_refreshes_total",
        "outcome=\"rotated\"", "Refreshes: a new refresh token, the same "
        "again, or the reason why not." },
    [METRIC_REFRESH_REPEATED] = { "portero_refreshes_total",
        "outcome=\"repeated\"", "" },
    [METRIC_REFRESH_EXPIRED] = { "portero_refreshes_total",
        "outcome=\"expired\"", "" },
    [METRIC_REFRESH_IDLE] = { "portero_refreshes_total",
        "outcome=\"idle\"", "" },
    [METRIC_REFRESH_REVOKED] = { "portero_refreshes_total",
        "outcome=\"revoked\"", "" },
    [METRIC_REFRESH_REUSE] = { "portero_refreshes_total",
        "outcome=\"reuse\"", "" },
    [METRIC_REFRESH_INVALID] = { "portero_refreshes_total",
        "outcome=\"invalid\"", "" },

    [METRIC_LOGOUT] = { "portero_logouts_total", "",
        "Sessions ended by their users." },

    [METRIC_CLIENT_TOKEN] = { "portero_client_tokens_total",
        "outcome=\"ok\"", "Access tokens for clients and API keys." },
    [METRIC_CLIENT_REFUSED] = { "portero_client_tokens_total",
        "outcome=\"refused\"", "" },
    [METRIC_TOKEN_REVOKED] = { "portero_tokens_revoked_total", "",
        "Access tokens revoked by their holders." },

    [METRIC_THROTTLED_NETWORK] = { "portero_throttled_total",
        "limit=\"network\"", "Answers 429, by the limit that was reached." },
    [METRIC_THROTTLED_ACCOUNT_NETWORK] = { "portero_throttled_total",
        "limit=\"account_network\"", "" },
    [METRIC_THROTTLED_ACCOUNT] = { "portero_throttled_total",
        "limit=\"account\"", "" },

    [METRIC_REQUEST_REFUSED] = { "portero_requests_refused_total", "",
        "Requests of wrong form or from another origin." },
    [METRIC_UNAVAILABLE] = { "portero_unavailable_total", "",
        "Answers 503 of the service itself." },
    [METRIC_QUEUE_FULL] = { "portero_queue_full_total", "",
        "Requests taken from a password queue that was full; while it is, "
        "nginx is turned away and answers 503." },
    [METRIC_DATABASE_LOST] = { "portero_database_lost_total", "",
        "Times that a worker lost the database." },
    [METRIC_DATABASE_BACK] = { "portero_database_reconnects_total", "",
        "Times that it came back to it." },
    [METRIC_WORKER_DIED] = { "portero_worker_deaths_total", "",
        "Workers that ended by themselves." },
};

static metrics_page_t  *metrics;


int
metrics_init(void)
{
    void  *page;

    page = mmap(NULL, sizeof(*metrics), PROT_READ | PROT_WRITE,
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
        atomic_fetch_add_explicit(&metrics->counters[metric], n,
                                  memory_order_relaxed);
    }
}


uint64_t
metrics_get(metric_t metric)
{
    return metrics ? metrics_read(&metrics->counters[metric]) : 0;
}


void
metrics_hashed(uint64_t microseconds)
{
    size_t  i;

    if (metrics == NULL) {
        return;
    }

    for (i = 0; i < METRICS_BOUNDS; i++) {
        if (microseconds <= metrics_bounds[i].microseconds) {
            break;
        }
    }

    atomic_fetch_add_explicit(&metrics->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->microseconds, microseconds,
                              memory_order_relaxed);
}


void
metrics_write(FILE *out)
{
    size_t                i;
    const metrics_row_t  *row;

    for (i = 0; i < METRIC_COUNT; i++) {
        row = &metrics_rows[i];

        if (*row->help) {
            fprintf(out, "# HELP %s %s\n# TYPE %s counter\n", row->family,
                    row->help, row->family);
        }

        fprintf(out, *row->labels ? "%s{%s} %" PRIu64 "\n"
                                  : "%s%s %" PRIu64 "\n",
                row->family, row->labels, metrics_get(i));
    }

    metrics_write_hashes(out);
}


static void
metrics_write_hashes(FILE *out)
{
    size_t    i;
    uint64_t  sum, total;

    if (metrics == NULL) {
        return;
    }

    fputs("# HELP " METRICS_HASH " How long a password took to hash.\n"
          "# TYPE " METRICS_HASH " histogram\n", out);

    total = 0;

    for (i = 0; i < METRICS_BOUNDS; i++) {
        total += metrics_read(&metrics->buckets[i]);
        fprintf(out, METRICS_HASH "_bucket{le=\"%s\"} %" PRIu64 "\n",
                metrics_bounds[i].seconds, total);
    }

    total += metrics_read(&metrics->buckets[i]);
    sum = metrics_read(&metrics->microseconds);

    fprintf(out, METRICS_HASH "_bucket{le=\"+Inf\"} %" PRIu64 "\n"
            METRICS_HASH "_sum %" PRIu64 ".%06" PRIu64 "\n"
            METRICS_HASH "_count %" PRIu64 "\n", total, sum / 1000000,
            sum % 1000000, total);
}


static uint64_t
metrics_read(_Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}
