/*
 * A client that has left is not hashed for; and what cannot be computed for
 * want of memory may be asked for again.
 */

#include <string.h>

#include "credential.h"
#include "log.h"
#include "password.h"
#include "password_list.h"


typedef struct {
    unsigned      bit;
    const char   *word;
} credential_weakness_t;


static void credential_respond_failed(http_response_t *response);


static const credential_weakness_t  credential_weaknesses[] = {
    { PASSWORD_TOO_SHORT, "too_short" },
    { PASSWORD_TOO_LONG, "too_long" },
    { PASSWORD_COMMON, "common" },
    { PASSWORD_SAME_AS_NAME, "same_as_name" },
};


int
credential_check(const http_request_t *request, http_response_t *response,
    const char *password, const char *hash, const char *sub,
    const char **reason)
{
    *reason = "wrong";

    if (request->client_gone(request->client_data)) {
        log_event(LOG_CLIENT_GONE, "path", request->path, "address",
                  request->address, NULL);
        http_respond_unavailable(response);
        return -1;
    }

    switch (password_verify(password, hash)) {

    case PASSWORD_MATCH:
        *reason = NULL;
        return 0;

    case PASSWORD_MISMATCH:
        return 0;

    case PASSWORD_REFUSED:
        *reason = "hash";
        log_event(LOG_HASH_REFUSED, "user", sub, NULL);
        return 0;

    case PASSWORD_FAILED:
        break;
    }

    credential_respond_failed(response);
    return -1;
}


int
credential_weakness(const service_t *service, http_response_t *response,
    const char *password, const char *username, unsigned *weak)
{
    *weak = password_weakness(password, username,
                              service->config->password_min);

    switch (password_list_find(service->config->password_list, password)) {

    case 0:
        return 0;

    case 1:
        *weak |= PASSWORD_COMMON;
        return 0;

    default:
        break;
    }

    log_event(LOG_INTERNAL, "reason", "PASSWORD_LIST cannot be read, or is no "
              "sorted list of SHA-1", NULL);
    http_respond_unavailable(response);
    return -1;
}


void
credential_respond_weak(http_response_t *response, unsigned weak)
{
    size_t   i, n;
    json_t  *body, *reasons;

    body = json_pack("{s:s, s:s, s:[]}", "error", "weak_password",
                     "error_description", "choose another password",
                     "reasons");
    reasons = json_object_get(body, "reasons");     /* borrowed */

    n = sizeof(credential_weaknesses) / sizeof(credential_weaknesses[0]);

    for (i = 0; i < n; i++) {
        if (weak & credential_weaknesses[i].bit) {
            (void) json_array_append_new(reasons,
                                json_string(credential_weaknesses[i].word));
        }
    }

    http_respond_json(response, 422, body);
}


int
credential_hash(http_response_t *response, const char *password, char *hash)
{
    if (password_hash(password, hash) == 0) {
        return 0;
    }

    credential_respond_failed(response);
    return -1;
}


static void
credential_respond_failed(http_response_t *response)
{
    log_event(LOG_INTERNAL, "reason", "a hash could not be computed", NULL);
    http_respond_unavailable(response);
}
