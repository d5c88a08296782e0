/* The only part that knows libfcgi: serves requests on one lane's socket. */

#ifndef FCGI_H
#define FCGI_H

#include "routes.h"


/* Seconds that a peer has to send its request, and again to take the answer. */
#define FCGI_PATIENCE  5

/* Once in a worker, before it installs its signal handlers.  0 or -1. */
int fcgi_init(void);

/*
 * Serves until *stop is set, one request after the other.  Signals that the
 * caller has blocked are let in while it waits for a connection and at no
 * other time, so that a request that runs is always finished.  listen_fd does
 * not block, and any number of workers share it.  SIGALRM is used in here.
 * 0, or -1 with errno when the socket fails.
 */
int fcgi_serve(int listen_fd, service_t *service, const volatile int *stop);

#endif
