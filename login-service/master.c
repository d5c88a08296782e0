/*
 * Signals stay blocked and are taken one at a time by sigtimedwait(), so there
 * are no handlers and no races with them.  Between two signals the master
 * looks at the clock: keys that changed, workers to be started again, workers
 * that were told to leave and have not left.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "crew.h"
#include "db.h"
#include "keys.h"
#include "lane.h"
#include "log.h"
#include "master.h"
#include "metrics.h"
#include "password.h"
#include "password_list.h"
#include "ring.h"
#include "title.h"


/* In milliseconds. */
#define MASTER_TICK         1000
#define MASTER_TICK_BUSY    50
#define MASTER_KEYS_PERIOD  2000
#define MASTER_PATIENCE     10000       /* what a request has to end in */

typedef struct {
    const char   *config_file;
    config_t     *config;
    keys_t       *keys;
    int           ring_known;       /* the database has confirmed them */
    lanes_t       lanes;
    crew_t        crew;
    sigset_t      signals;

    int64_t       keys_due;
    char          keys_error[MASTER_ERROR_SIZE];    /* told already */

    int           stopping;
    int64_t       deadline;
} master_t;


static int master_start(master_t *master, char error[MASTER_ERROR_SIZE]);
static int master_block_signals(master_t *master);
static int master_load(const char *file, config_t **config, keys_t **keys,
    char error[MASTER_ERROR_SIZE]);
static int master_check_database(const config_t *config,
    char error[MASTER_ERROR_SIZE]);
static int master_check_ring(const config_t *config, const keys_t *keys,
    int *known, char error[MASTER_ERROR_SIZE]);
static void master_start_crew(master_t *master, int64_t now);
static void master_log_start(const master_t *master);
static void master_free(master_t *master);

static void master_loop(master_t *master);
static int master_wait(const master_t *master);
static void master_reload(master_t *master, int64_t now);
static void master_check_keys(master_t *master, int64_t now);
static int master_replace(master_t *master, config_t *config, keys_t *keys,
    int64_t now, char error[MASTER_ERROR_SIZE]);
static void master_stop(master_t *master, int64_t now);
static const char *master_kid(const master_t *master);
static int64_t master_now(void);


int
master_run(const char *config_file, char error[MASTER_ERROR_SIZE])
{
    int       rc;
    master_t  master;

    memset(&master, 0, sizeof(master));
    master.config_file = config_file;
    lane_init(&master.lanes);

    rc = master_start(&master, error);

    if (rc == 0) {
        master_log_start(&master);
        master_loop(&master);
        log_event(LOG_STOPPED, NULL);
    }

    master_free(&master);
    return rc;
}


static int
master_start(master_t *master, char error[MASTER_ERROR_SIZE])
{
    int64_t  now;

    now = master_now();

    title_set("master");

    if (master_block_signals(master) != 0 || metrics_init() != 0) {
        snprintf(error, MASTER_ERROR_SIZE, "%s", strerror(errno));
        return -1;
    }

    if (master_load(master->config_file, &master->config, &master->keys, error)
        != 0)
    {
        return -1;
    }

    if (password_init() != 0) {
        snprintf(error, MASTER_ERROR_SIZE, "no password hash can be made: out "
                 "of memory, or libcrypt has no yescrypt");
        return -1;
    }

    if (lane_open(&master->lanes, master->config, error) != 0
        || master_check_ring(master->config, master->keys,
                             &master->ring_known, error) != 0
        || keys_write_gateway_file(master->keys, master->config, error) != 0)
    {
        return -1;
    }

    if (crew_replace(&master->crew, master->config, now) != 0) {
        snprintf(error, MASTER_ERROR_SIZE, "out of memory");
        return -1;
    }

    master->keys_due = now + MASTER_KEYS_PERIOD;
    master_start_crew(master, now);

    return 0;
}


static int
master_block_signals(master_t *master)
{
    sigemptyset(&master->signals);
    sigaddset(&master->signals, SIGHUP);
    sigaddset(&master->signals, SIGINT);
    sigaddset(&master->signals, SIGQUIT);
    sigaddset(&master->signals, SIGTERM);
    sigaddset(&master->signals, SIGCHLD);

    return sigprocmask(SIG_BLOCK, &master->signals, NULL);
}


static int
master_load(const char *file, config_t **config, keys_t **keys,
    char error[MASTER_ERROR_SIZE])
{
    *keys = NULL;

    *config = config_load(file, environ, error);
    if (*config == NULL) {
        return -1;
    }

    if (config_check_service(*config, error) == 0
        && password_list_check((*config)->password_list, error,
                               MASTER_ERROR_SIZE) == 0
        && master_check_database(*config, error) == 0)
    {
        *keys = keys_load(*config, error);
    }

    if (*keys == NULL) {
        config_free(*config);
        *config = NULL;
        return -1;
    }

    return 0;
}


/* While the database is away, known is 0, and the workers go on asking. */
static int
master_check_ring(const config_t *config, const keys_t *keys, int *known,
    char error[MASTER_ERROR_SIZE])
{
    db_t           *db;
    ring_status_t   status;

    db = db_new(config);

    if (db == NULL) {
        snprintf(error, MASTER_ERROR_SIZE, "out of memory");
        return -1;
    }

    status = ring_check(db, keys);
    db_free(db);

    if (status == RING_OTHER || status == RING_OLDER) {
        snprintf(error, MASTER_ERROR_SIZE, "%s: %s", config->key_dir,
                 ring_text(status));
        return -1;
    }

    *known = status == RING_KNOWN;

    return 0;
}


/* Whether its URL can be read; it may be away, and come back. */
static int
master_check_database(const config_t *config, char error[MASTER_ERROR_SIZE])
{
    db_t  *db;

    db = db_new(config);

    if (db == NULL) {
        snprintf(error, MASTER_ERROR_SIZE, "DATABASE_URL: libpq cannot read "
                 "it; right would be postgresql://USER@HOST/NAME, with %%XX "
                 "for special characters");
        return -1;
    }

    db_free(db);
    return 0;
}


static void
master_start_crew(master_t *master, int64_t now)
{
    crew_outfit_t  outfit;

    outfit.lanes = &master->lanes;
    outfit.config = master->config;
    outfit.keys = master->keys;
    outfit.ring_known = master->ring_known;

    crew_start(&master->crew, &outfit, now);
}


static void
master_log_start(const master_t *master)
{
    char    workers[64];
    size_t  len;
    lane_t  lane;

    if (master->config->insecure_cookies) {
        log_event(LOG_INSECURE_COOKIES, "reason", "INSECURE_COOKIES: cookies "
                  "go over plain http, which is for a demo on this host only",
                  NULL);
    }

    if (geteuid() == 0) {
        log_event(LOG_RUNS_AS_ROOT, "reason", "it needs no rights of root's: "
                  "start it as a user of its own", NULL);
    }

    len = 0;

    for (lane = 0; lane < LANE_COUNT; lane++) {
        len += snprintf(workers + len, sizeof(workers) - len, "%s%s %zu",
                        lane ? ", " : "", lane_name(lane),
                        lane_workers(lane, master->config));
    }

    log_event(LOG_STARTED, "workers", workers,
              "sockets", master->config->socket_dir,
              "issuer", master->config->issuer,
              "kid", master_kid(master), NULL);
}


static void
master_free(master_t *master)
{
    crew_free(&master->crew);
    lane_close(&master->lanes);
    keys_free(master->keys);
    config_free(master->config);
}


static void
master_loop(master_t *master)
{
    int      signo;
    int64_t  now;

    while (!master->stopping || master->crew.count) {

        signo = master_wait(master);
        now = master_now();

        if (signo == SIGHUP && !master->stopping) {
            master_reload(master, now);
        }

        if (signo == SIGTERM || signo == SIGINT || signo == SIGQUIT) {
            master_stop(master, now);
        }

        crew_reap(&master->crew, now);

        if (!master->stopping) {
            master_check_keys(master, now);
            master_start_crew(master, now);
        }

        crew_signal_leaving(&master->crew,
                            master->stopping && now > master->deadline
                            ? SIGKILL : SIGTERM);
    }
}


/* A signal, or -1 when it is time to look around. */
static int
master_wait(const master_t *master)
{
    long             tick;
    struct timespec  wait;

    tick = crew_is_busy(&master->crew) ? MASTER_TICK_BUSY : MASTER_TICK;
    wait.tv_sec = tick / 1000;
    wait.tv_nsec = tick % 1000 * 1000000;

    return sigtimedwait(&master->signals, NULL, &wait);
}


static void
master_reload(master_t *master, int64_t now)
{
    char       error[MASTER_ERROR_SIZE];
    keys_t    *keys;
    config_t  *config;

    if (master_load(master->config_file, &config, &keys, error) == 0) {

        if (master_replace(master, config, keys, now, error) == 0) {
            log_event(LOG_RELOADED, "kid", master_kid(master), NULL);
            return;
        }

        keys_free(keys);
        config_free(config);
    }

    log_event(LOG_RELOAD_REFUSED, "reason", error, NULL);
}


/* A directory that is wrong is told about once, until it is wrong otherwise. */
static void
master_check_keys(master_t *master, int64_t now)
{
    char     error[MASTER_ERROR_SIZE];
    keys_t  *keys;

    if (now < master->keys_due) {
        return;
    }

    master->keys_due = now + MASTER_KEYS_PERIOD;

    if (!keys_changed(master->keys, master->config)) {
        master->keys_error[0] = '\0';
        return;
    }

    keys = keys_load(master->config, error);

    if (keys
        && master_replace(master, master->config, keys, now, error) == 0)
    {
        log_event(LOG_KEYS_LOADED, "kid", master_kid(master), NULL);
        return;
    }

    keys_free(keys);

    if (strcmp(error, master->keys_error) != 0) {
        snprintf(master->keys_error, sizeof(master->keys_error), "%s", error);
        log_event(LOG_KEYS_REFUSED, "reason", error, NULL);
    }
}


/*
 * Takes over config and keys and lets new workers start with them, or leaves
 * all as it was.  Gateways get to know new keys before a token is signed.
 */
static int
master_replace(master_t *master, config_t *config, keys_t *keys, int64_t now,
    char error[MASTER_ERROR_SIZE])
{
    int  known;

    if (strcmp(config->socket_dir, master->config->socket_dir) != 0
        || strcmp(config->socket_group, master->config->socket_group) != 0)
    {
        snprintf(error, MASTER_ERROR_SIZE, "SOCKET_DIR and SOCKET_GROUP cannot "
                 "change while it runs: restart portero-login");
        return -1;
    }

    if (master_check_ring(config, keys, &known, error) != 0
        || keys_write_gateway_file(keys, config, error) != 0)
    {
        return -1;
    }

    if (lane_listen(&master->lanes, config) != 0
        || crew_replace(&master->crew, config, now) != 0)
    {
        snprintf(error, MASTER_ERROR_SIZE, "%s", strerror(errno));
        return -1;
    }

    keys_free(master->keys);
    master->keys = keys;
    master->ring_known = known;
    master->keys_error[0] = '\0';

    if (config != master->config) {
        config_free(master->config);
        master->config = config;
    }

    return 0;
}


/* Without sockets to connect to; what waits in them closes with the workers. */
static void
master_stop(master_t *master, int64_t now)
{
    if (master->stopping) {
        return;
    }

    log_event(LOG_STOPPING, NULL);

    master->stopping = 1;
    master->deadline = now + MASTER_PATIENCE;

    lane_close(&master->lanes);
    crew_leave(&master->crew);
}


static const char *
master_kid(const master_t *master)
{
    const jot_private_t  *key;

    key = keys_active(master->keys);

    return key ? jot_private_kid(key) : NULL;
}


static int64_t
master_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
