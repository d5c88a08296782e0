/* Starting, watching and replacing workers. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "crew.h"
#include "log.h"
#include "metrics.h"
#include "worker.h"


#define CREW_BACKOFF      100           /* doubled with each death in a row */
#define CREW_BACKOFF_MAX  10000


static int crew_spawn(crew_worker_t *worker, const crew_outfit_t *outfit);
static void crew_died(crew_worker_t *worker, int status, int64_t now);
static void crew_log_death(const crew_worker_t *worker, int status,
    int64_t delay);


int
crew_replace(crew_t *crew, const config_t *config, int64_t now)
{
    size_t          i, n;
    lane_t          lane;
    crew_worker_t  *workers;

    n = crew->count;

    for (lane = 0; lane < LANE_COUNT; lane++) {
        n += lane_workers(lane, config);
    }

    workers = realloc(crew->workers, n * sizeof(*workers));
    if (workers == NULL) {
        return -1;
    }

    crew->workers = workers;
    crew_leave(crew);

    for (lane = 0; lane < LANE_COUNT; lane++) {

        for (i = 0; i < lane_workers(lane, config); i++) {
            workers = &crew->workers[crew->count++];

            memset(workers, 0, sizeof(*workers));
            workers->lane = lane;
            workers->due = now;
        }
    }

    return 0;
}


void
crew_leave(crew_t *crew)
{
    size_t  i;

    i = 0;

    while (i < crew->count) {

        if (crew->workers[i].pid == 0) {
            crew->workers[i] = crew->workers[--crew->count];
            continue;
        }

        crew->workers[i].leaving = 1;
        i++;
    }
}


void
crew_start(crew_t *crew, const crew_outfit_t *outfit, int64_t now)
{
    size_t          i;
    crew_worker_t  *worker;

    for (i = 0; i < crew->count; i++) {
        worker = &crew->workers[i];

        if (worker->pid || worker->due > now) {
            continue;
        }

        worker->started = now;

        if (crew_spawn(worker, outfit) != 0) {
            log_event(LOG_INTERNAL, "reason", "fork", "detail",
                      strerror(errno), NULL);
            worker->due = now + CREW_BACKOFF_MAX;
        }
    }
}


void
crew_reap(crew_t *crew, int64_t now)
{
    int     status;
    pid_t   pid;
    size_t  i;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {

        for (i = 0; i < crew->count && crew->workers[i].pid != pid; i++) {
            continue;
        }

        if (i == crew->count) {
            continue;
        }

        crew_died(&crew->workers[i], status, now);

        if (crew->workers[i].leaving) {
            crew->workers[i] = crew->workers[--crew->count];
        }
    }
}


void
crew_signal_leaving(const crew_t *crew, int signo)
{
    size_t  i;

    for (i = 0; i < crew->count; i++) {
        if (crew->workers[i].leaving) {
            kill(crew->workers[i].pid, signo);
        }
    }
}


int
crew_is_busy(const crew_t *crew)
{
    size_t  i;

    for (i = 0; i < crew->count; i++) {
        if (crew->workers[i].leaving || crew->workers[i].pid == 0) {
            return 1;
        }
    }

    return 0;
}


void
crew_free(crew_t *crew)
{
    free(crew->workers);
    crew->workers = NULL;
    crew->count = 0;
}


static int
crew_spawn(crew_worker_t *worker, const crew_outfit_t *outfit)
{
    pid_t  master, pid;

    master = getpid();
    pid = fork();

    if (pid == 0) {

        /* The child's part ends here, wherever the master was called from. */

        exit(worker_run(worker->lane, outfit, master));
    }

    if (pid == -1) {
        return -1;
    }

    worker->pid = pid;
    return 0;
}


static void
crew_died(crew_worker_t *worker, int status, int64_t now)
{
    int64_t  delay;

    delay = 0;

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {

        if (now - worker->started > CREW_BACKOFF_MAX) {
            worker->deaths = 0;
        }

        delay = CREW_BACKOFF_MAX;

        if (worker->deaths < 6) {
            delay = CREW_BACKOFF << worker->deaths++;
        }

        metrics_add(METRIC_WORKER_DIED, 1);
        crew_log_death(worker, status, delay);
    }

    worker->pid = 0;
    worker->due = now + delay;
}


static void
crew_log_death(const crew_worker_t *worker, int status, int64_t delay)
{
    char  again[32], how[64], pid[24];

    if (WIFSIGNALED(status)) {
        snprintf(how, sizeof(how), "signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));

    } else {
        snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(status));
    }

    snprintf(pid, sizeof(pid), "%d", (int) worker->pid);
    snprintf(again, sizeof(again), "%lld ms", (long long) delay);

    log_event(LOG_WORKER_DIED, "lane", lane_name(worker->lane),
              "worker", pid, "reason", how,
              "restart", worker->leaving ? NULL : again, NULL);
}
