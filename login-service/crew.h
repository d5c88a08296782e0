/*
 * The workers as the master knows them: who is to run, who runs, who was told
 * to leave.  Times are milliseconds of a clock that only goes forward.
 */

#ifndef CREW_H
#define CREW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "lane.h"
#include "service.h"


typedef struct {
    pid_t       pid;                    /* 0: to be started when due */
    lane_t      lane;
    int         leaving;                /* told so, and not replaced */
    unsigned    deaths;                 /* in a row */
    int64_t     started;
    int64_t     due;
} crew_worker_t;

typedef struct {
    crew_worker_t   *workers;
    size_t           count;
} crew_t;

/* What a worker is forked with. */
typedef struct {
    lanes_t          *lanes;
    const config_t   *config;
    const keys_t     *keys;
    int               ring_known;       /* the database has confirmed them */
} crew_outfit_t;

/* All who are there leave, and those that config asks for are due.  0 or -1. */
int crew_replace(crew_t *crew, const config_t *config, int64_t now);

/* All leave. */
void crew_leave(crew_t *crew);

/* Forks who is due.  Does not return in the child. */
void crew_start(crew_t *crew, const crew_outfit_t *outfit, int64_t now);

/* Collects the dead; who was not to leave is due again, later each time. */
void crew_reap(crew_t *crew, int64_t now);

/* To all who are to leave: it may have come before they listened to it. */
void crew_signal_leaving(const crew_t *crew, int signo);

/* Whether something is about to happen: somebody leaves, or is due. */
int crew_is_busy(const crew_t *crew);

void crew_free(crew_t *crew);

#endif
