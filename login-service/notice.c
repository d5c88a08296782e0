/* Who is to be told, and how, is for the command to find out by the sub. */

#include <stddef.h>

#include "log.h"
#include "notice.h"
#include "notify.h"


static void notice(const service_t *service, log_event_t event,
    const char *sub, const char *name, const client_t *client);


void
notice_new_device(const service_t *service, const char *sub,
    const char *name, const client_t *client)
{
    notice(service, LOG_NEW_DEVICE, sub, name, client);
}


void
notice_many_failures(const service_t *service, const char *sub,
    const char *name, const client_t *client)
{
    notice(service, LOG_MANY_FAILURES, sub, name, client);
}


static void
notice(const service_t *service, log_event_t event, const char *sub,
    const char *name, const client_t *client)
{
    log_event(event, "user", sub, "address", client->address, NULL);

    notify_start(service->config, log_event_name(event),
                 json_pack("{s:s, s:s, s:s, s:s?}", "user", sub, "name", name,
                           "address", client->address,
                           "user_agent", client->db.user_agent));
}
