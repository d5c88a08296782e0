/* Who asks, as the audit keeps it: valid UTF-8 of a bounded length. */

#ifndef CLIENT_H
#define CLIENT_H

#include "db.h"
#include "http.h"


typedef struct {
    char           address[64];
    char           user_agent[257];
    db_client_t    db;              /* views of the two */
} client_t;

void client_read(const http_request_t *request, client_t *client);

#endif
