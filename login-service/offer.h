/*
 * The tokens that a request offers.  Each function returns 1 and the token,
 * 0 if there is none, and -1 and a fault (static) if it is not clear which one
 * is meant; then the request is to be refused, not judged by either.
 */

#ifndef OFFER_H
#define OFFER_H

#include "answer.h"
#include "config.h"
#include "http.h"


/* The refresh cookie, or "refresh_token" in the body; answers go likewise. */
int offer_refresh(const http_request_t *request, const config_t *config,
    jot_str_t *token, delivery_t *delivery, const char **fault);

/* "Authorization: Bearer ...", or the access cookie, or both of them alike. */
int offer_access(const http_request_t *request, const config_t *config,
    jot_str_t *token, delivery_t *delivery, const char **fault);

#endif
