/* The only part that knows libfcgi: accepts requests on one lane's socket. */

#ifndef FCGI_H
#define FCGI_H

#include "routes.h"


/* Listens on a unix socket; mode 0660.  A descriptor, or -1 with errno. */
int fcgi_listen(const char *path, int backlog);

/*
 * Serves until *stop is set; a request that runs is finished first.  before is
 * called ahead of each request (changed keys, a lost database).  0 or -1.
 */
int fcgi_serve(int listen_fd, service_t *service,
    void (*before)(service_t *service), const volatile int *stop);

#endif
