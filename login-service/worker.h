/* One process that serves one lane. */

#ifndef WORKER_H
#define WORKER_H

#include <sys/types.h>

#include "config.h"
#include "lane.h"
#include "service.h"


/*
 * In the child, right after the fork from the master: serves until SIGTERM
 * comes or the master dies, and returns the exit status.
 */
int worker_run(lane_t lane, lanes_t *lanes, const config_t *config,
    const keys_t *keys, pid_t master);

#endif
