/*
 * A worker obeys SIGTERM alone, and only between two requests.  What a
 * terminal sends to the whole group (SIGINT, SIGQUIT) is the master's
 * business, which then tells the workers.
 */

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>

#include "db.h"
#include "fcgi.h"
#include "log.h"
#include "title.h"
#include "worker.h"


static int worker_signals(void);
static void worker_on_term(int signo);


static volatile int  worker_stop;


int
worker_run(lane_t lane, const crew_outfit_t *outfit, pid_t master)
{
    int        rc;
    char       title[32];
    service_t  service;

    log_set_role(lane_name(lane));
    snprintf(title, sizeof(title), "%s worker", lane_name(lane));
    title_set(title);

    if (fcgi_init() != 0 || worker_signals() != 0) {
        log_event(LOG_INTERNAL, "reason", strerror(errno), NULL);
        return 1;
    }

    /* Dies with the master, and the master may be dead by now. */

    prctl(PR_SET_PDEATHSIG, SIGTERM);

    if (getppid() != master) {
        return 0;
    }

    lane_keep(outfit->lanes, lane);

    errno = 0;

    if (nice(lane_niceness(lane)) == -1 && errno) {
        log_event(LOG_INTERNAL, "reason", strerror(errno), NULL);
    }

    /* Libraries free what tokens and passwords were in; large pieces first. */

    mallopt(M_PERTURB, 0x5a);

    service.lane = lane;
    service.lanes = outfit->lanes;
    service.config = outfit->config;
    service.keys = outfit->keys;
    service.ring_known = outfit->ring_known;
    service.ring_told = 0;
    service.db = db_new(outfit->config);

    if (service.db == NULL) {
        log_event(LOG_INTERNAL, "reason", "out of memory", NULL);
        return 1;
    }

    rc = fcgi_serve(outfit->lanes->sockets[lane].fd, &service, &worker_stop);

    if (rc != 0) {
        log_event(LOG_INTERNAL, "reason", strerror(errno), NULL);
    }

    db_free(service.db);

    return rc == 0 ? 0 : 1;
}


/* SIGTERM stays blocked; fcgi_serve() lets it in where it waits. */
static int
worker_signals(void)
{
    sigset_t          mask;
    struct sigaction  sa;

    memset(&sa, 0, sizeof(sa));
    sigemptyset(&sa.sa_mask);

    sa.sa_handler = SIG_IGN;

    if (sigaction(SIGHUP, &sa, NULL) == -1
        || sigaction(SIGINT, &sa, NULL) == -1
        || sigaction(SIGQUIT, &sa, NULL) == -1
        || sigaction(SIGUSR1, &sa, NULL) == -1)
    {
        return -1;
    }

    sa.sa_handler = worker_on_term;

    if (sigaction(SIGTERM, &sa, NULL) == -1) {
        return -1;
    }

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);

    return sigprocmask(SIG_SETMASK, &mask, NULL);
}


static void
worker_on_term(int signo)
{
    (void) signo;

    worker_stop = 1;
}
