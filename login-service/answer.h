/*
 * What several handlers answer: the state of a session, and its tokens in the
 * delivery that the client wants.
 */

#ifndef ANSWER_H
#define ANSWER_H

#include "db.h"
#include "http.h"
#include "service.h"
#include "token.h"


typedef enum {
    DELIVERY_COOKIE,
    DELIVERY_TOKEN
} delivery_t;

/* server_time, session and user; NULL if there is no memory. */
json_t *answer_session(const config_t *config, const char *sid,
    const db_session_t *session);

/* The two tokens of a session, of the generation that the session has. */
typedef struct {
    char      *access;
    char       refresh[TOKEN_REFRESH_SIZE];
    int64_t    expires_in;          /* of access; seconds */
} answer_pair_t;

/*
 * Unless TOKEN_OK, the response is a 500, or a 503 while the keys are not known
 * to be the right ones, and the log says why.  To be freed in any case; that
 * wipes them.
 */
token_result_t answer_pair(service_t *service,
    const db_session_t *session, token_refresh_t *refresh,
    answer_pair_t *pair, http_response_t *response);
void answer_pair_free(answer_pair_t *pair);

/*
 * 200 with an access token and the refresh token.  renewed is left out if it is
 * negative.  Unless TOKEN_OK, the response says so, as with a pair.
 */
token_result_t answer_tokens(service_t *service, delivery_t delivery,
    const db_session_t *session, token_refresh_t *refresh, int renewed,
    http_response_t *response);

/* Whole seconds from now, the session's, to a time in microseconds; or 0. */
int64_t answer_left(const db_session_t *session, int64_t time);

/*
 * DB_UNAVAILABLE: 503, which clients repeat, and cookies stay as they are.
 * DB_FAILED: 500.
 */
void answer_database(db_status_t status, http_response_t *response);

#endif
