/*
 * GET /metrics, for Prometheus: the counters of this instance, and what is
 * looked up when it asks.  While the database is away its part is missing,
 * and the rest is answered.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "db.h"
#include "keys.h"
#include "lane.h"
#include "metrics.h"
#include "queue.h"
#include "routes.h"
#include "version.h"


static void metrics_page_queues(FILE *out, const lanes_t *lanes);
static void metrics_page_keys(FILE *out, const keys_t *keys);
static void metrics_page_database(FILE *out, db_t *db);
static void metrics_page_ended(FILE *out, const char *text);
static void metrics_page_head(FILE *out, const char *name, const char *type,
    const char *help);


static const char *const  metrics_page_states[] = {
    [KEY_NEXT]    = "next",
    [KEY_ACTIVE]  = "active",
    [KEY_RETIRED] = "retired",
};


void
metrics_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    FILE    *out;
    size_t   len;

    (void) request;

    out = open_memstream(&response->text, &len);

    if (out == NULL) {
        response->status = 500;
        return;
    }

    metrics_page_head(out, "portero_build_info", "gauge", "Which version runs.");
    fprintf(out, "portero_build_info{version=\"%s\"} 1\n", PORTERO_VERSION);

    metrics_write(out);
    metrics_page_queues(out, service->lanes);
    metrics_page_keys(out, service->keys);
    metrics_page_database(out, service->db);

    if (fclose(out) != 0) {
        response->status = 500;
        return;
    }

    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    response->status = 200;
}


static void
metrics_page_queues(FILE *out, const lanes_t *lanes)
{
    lane_t   lane;
    queue_t  queue;

    metrics_page_head(out, "portero_queue_waiting", "gauge",
                      "Requests that wait for a worker.");

    for (lane = 0; lane < LANE_COUNT; lane++) {
        if (queue_look(lanes->sockets[lane].socket_ino, &queue) == 0) {
            fprintf(out, "portero_queue_waiting{lane=\"%s\"} %u\n",
                    lane_name(lane), queue.waiting);
        }
    }

    metrics_page_head(out, "portero_queue_limit", "gauge",
                      "How many may wait before nginx is turned away.");

    for (lane = 0; lane < LANE_COUNT; lane++) {
        if (queue_look(lanes->sockets[lane].socket_ino, &queue) == 0) {
            fprintf(out, "portero_queue_limit{lane=\"%s\"} %u\n",
                    lane_name(lane), queue.limit + 1);
        }
    }
}


/* Of several retired ones the youngest; with SECRET_KEY nothing is known. */
static void
metrics_page_keys(FILE *out, const keys_t *keys)
{
    size_t             i;
    int64_t            since[KEY_RETIRED + 1] = { 0 };
    const key_info_t  *key;

    for (i = 0; i < keys_count(keys); i++) {
        key = keys_info(keys, i);

        if (key->since > since[key->state]) {
            since[key->state] = key->since;
        }
    }

    metrics_page_head(out, "portero_key_age_seconds", "gauge",
                      "Since when a signing key has been in this state.");

    for (i = KEY_NEXT; i <= KEY_RETIRED; i++) {
        if (since[i]) {
            fprintf(out, "portero_key_age_seconds{state=\"%s\"} %" PRId64 "\n",
                    metrics_page_states[i], (int64_t) time(NULL) - since[i]);
        }
    }
}


static void
metrics_page_database(FILE *out, db_t *db)
{
    int           up;
    char         *ended;
    int64_t       live;

    up = db_metrics(db, &live, &ended) == DB_OK;

    metrics_page_head(out, "portero_database_up", "gauge",
                      "Whether the database answered just now.");
    fprintf(out, "portero_database_up %d\n", up);

    if (up) {
        metrics_page_head(out, "portero_sessions_live", "gauge",
                          "Sessions that may be refreshed, of all instances.");
        fprintf(out, "portero_sessions_live %" PRId64 "\n", live);
        metrics_page_ended(out, ended);
    }

    free(ended);
}


/* The reasons are the database's, by a constraint: words without quotes. */
static void
metrics_page_ended(FILE *out, const char *text)
{
    json_t      *n, *ended;
    const char  *reason;

    ended = json_loads(text, 0, NULL);

    metrics_page_head(out, "portero_sessions_ended_total", "counter",
                      "Sessions that were ended, by why, of all instances; "
                      "those that ran out are not among them.");

    json_object_foreach(ended, reason, n) {
        fprintf(out, "portero_sessions_ended_total{reason=\"%s\"} %"
                JSON_INTEGER_FORMAT "\n", reason, json_integer_value(n));
    }

    json_decref(ended);
}


static void
metrics_page_head(FILE *out, const char *name, const char *type,
    const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}
