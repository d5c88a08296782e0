/* What is old leaves the database, while there is nothing else to do. */

#ifndef CLEANUP_H
#define CLEANUP_H

#include "service.h"


/*
 * To be called between two requests, at least once a second.  Does something
 * in the internal lane alone, and there once a minute: one small batch of
 * each kind, the next one after a second if there may be more.
 */
void cleanup_tick(service_t *service);

#endif
