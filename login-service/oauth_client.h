/*
 * Which client asks for something of OAuth's (RFC 6749, 2.3 and 3.2.1): HTTP
 * Basic, or client_id and client_secret in the form.  A machine proves that it
 * is the one; the client of people's sessions (CLIENT_ID) is public and only
 * says so.
 */

#ifndef OAUTH_CLIENT_H
#define OAUTH_CLIENT_H

#include "db.h"
#include "http.h"
#include "service.h"


typedef enum {
    OAUTH_CLIENT_NONE,          /* the request names none */
    OAUTH_CLIENT_PUBLIC,
    OAUTH_CLIENT_MACHINE        /* authenticated; the machine is filled */
} oauth_client_kind_t;

typedef struct {
    oauth_client_kind_t    kind;
    const char            *id;          /* view; NULL if there is none */
    db_machine_t           machine;
    char                  *basic;       /* owned; what the views are of */
    size_t                 basic_len;
} oauth_client_t;

/*
 * 0; or -1, and the response and the log say why.  To be freed either way, and
 * not before the request is.
 */
int oauth_client_find(service_t *service, const http_request_t *request,
    http_response_t *response, oauth_client_t *client);
void oauth_client_free(oauth_client_t *client);

/* 401 invalid_client; reason is for the log, id may be NULL. */
void oauth_client_refuse(const http_request_t *request,
    http_response_t *response, const char *id, const char *reason);

#endif
