/*
 * NOTIFY_COMMAND: a program of the operator's that is told what a person ought
 * to hear of.  It is run without a shell, with the event as its only argument,
 * and reads one JSON object from standard input.
 */

#ifndef NOTIFY_H
#define NOTIFY_H

#include <jansson.h>

#include "config.h"


/*
 * Starts it, if it is set, and does not wait for it; it has 30 s.  What it
 * says goes to the log as it is.  A failure is logged.
 */
void notify_start(const config_t *config, const char *event,
    json_t *details /* stolen */);

/*
 * Runs it, if it is set: 0 if it ended with status 0; else what it ended with,
 * or -1 if it could not be started.
 */
int notify_run(const config_t *config, const char *event,
    json_t *details /* stolen */);

#endif
