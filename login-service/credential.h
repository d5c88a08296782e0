/*
 * The password of a request against the hash of a user: what logging in and
 * changing a password have in common.
 */

#ifndef CREDENTIAL_H
#define CREDENTIAL_H

#include "http.h"
#include "service.h"


/*
 * Costs one hash whatever it finds.  hash NULL: there is none to compare with,
 * for a reason of the caller's.  0: *reason is NULL if the password is right,
 * else "wrong", or "hash" if that of the user cannot be used, which is logged.
 * -1: nothing was judged, and the response says why.
 */
int credential_check(const http_request_t *request, http_response_t *response,
    const char *password, const char *hash, const char *sub,
    const char **reason);

/*
 * What speaks against choosing a password (password.h), PASSWORD_LIST too: 0
 * and *weak; -1 if the list cannot be read, and the response.
 */
int credential_weakness(const service_t *service, http_response_t *response,
    const char *password, const char *username, unsigned *weak);

/* 422: what speaks against a new password (password.h). */
void credential_respond_weak(http_response_t *response, unsigned weak);

/* The hash of a new password: 0, or -1 and the response says why not. */
int credential_hash(http_response_t *response, const char *password,
    char *hash /* PASSWORD_HASH_SIZE */);

#endif
