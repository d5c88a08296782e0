/* What a person ought to hear of: a line in the log, and NOTIFY_COMMAND. */

#ifndef NOTICE_H
#define NOTICE_H

#include "client.h"
#include "service.h"


/* A login on a device and from a network that are not known of this user. */
void notice_new_device(const service_t *service, const char *sub,
    const char *name, const client_t *client);

/* So many failures that strangers are not let try any more; once a day. */
void notice_many_failures(const service_t *service, const char *sub,
    const char *name, const client_t *client);

#endif
