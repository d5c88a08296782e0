/* One process that serves one lane. */

#ifndef WORKER_H
#define WORKER_H

#include <sys/types.h>

#include "crew.h"


/*
 * In the child, right after the fork from the master: serves until SIGTERM
 * comes or the master dies, and returns the exit status.
 */
int worker_run(lane_t lane, const crew_outfit_t *outfit, pid_t master);

#endif
