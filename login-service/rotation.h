/*
 * A refresh token exchanged for its successor, whatever form the request and
 * the answer have.  What is no token of ours is refused before the database is
 * asked; all else is decided by one statement there (session_refresh).
 */

#ifndef ROTATION_H
#define ROTATION_H

#include "client.h"
#include "service.h"
#include "token.h"


typedef struct {
    token_refresh_t    token;
    char               sid[37];     /* "" if the token is none of ours */
    db_session_t       session;
    const char        *reason;      /* static: why not; NULL: it was done */
} rotation_t;

/*
 * DB_OK, and the rotation, or the reason why it was refused; both are logged.
 * Else nothing is known: the client is to ask again.  renew moves the idle
 * deadline, too.  To be freed in any case.
 */
db_status_t rotation_perform(service_t *service, jot_str_t text, int renew,
    const client_t *client, rotation_t *rotation);
void rotation_free(rotation_t *rotation);

#endif
