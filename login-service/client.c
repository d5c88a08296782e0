/* The address is nginx's (after realip), never one that a header claims. */

#include <stddef.h>

#include "client.h"
#include "utf8.h"


void
client_read(const http_request_t *request, client_t *client)
{
    utf8_copy(client->address, sizeof(client->address), request->address);
    client->db.address = client->address;
    client->db.user_agent = NULL;

    if (request->user_agent) {
        utf8_copy(client->user_agent, sizeof(client->user_agent),
                  request->user_agent);
        client->db.user_agent = client->user_agent;
    }
}
