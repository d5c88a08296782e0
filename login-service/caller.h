/*
 * Who asks: the session of the access token that a request offers.  Its row is
 * asked as well as the token, which outlives a logout by some minutes.
 */

#ifndef CALLER_H
#define CALLER_H

#include "answer.h"
#include "db.h"
#include "http.h"
#include "service.h"
#include "token.h"


typedef struct {
    token_access_t   access;
    delivery_t       delivery;      /* how the token came */
    db_session_t     session;
} caller_t;

/*
 * 0 and a live session, which this does not extend; or -1, and the response
 * and the log say why.  To be freed either way.
 */
int caller_find(service_t *service, const http_request_t *request,
    http_response_t *response, caller_t *caller);
void caller_free(caller_t *caller);

/* 401; reason is for the log. */
void caller_refuse(const http_request_t *request, http_response_t *response,
    const char *reason);

#endif
