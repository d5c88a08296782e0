/* The public keys, a text that was made when the keys were read. */

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "routes.h"


static int jwks_is_known(const char *if_none_match, const char *etag);


void
jwks_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    const char  *etag;

    etag = keys_etag(service->keys);

    http_header_add(response, "Cache-Control", "public, max-age=300");
    http_header_add(response, "ETag", etag);

    if (response->status == 500) {
        return;
    }

    if (jwks_is_known(request->if_none_match, etag)) {
        response->status = 304;
        return;
    }

    response->text = strdup(keys_jwks(service->keys));
    response->content_type = "application/json";
    response->status = response->text ? 200 : 500;
}


/* RFC 9110, 13.1.2: a list of tags, compared weakly, or "*". */
static int
jwks_is_known(const char *if_none_match, const char *etag)
{
    size_t       len;
    const char  *p;

    if (if_none_match == NULL) {
        return 0;
    }

    for (p = if_none_match; *p; p += len) {

        p += strspn(p, " \t,");

        if (p[0] == 'W' && p[1] == '/') {
            p += 2;
        }

        len = strcspn(p, " \t,");

        if ((len == 1 && *p == '*')
            || (len == strlen(etag) && memcmp(p, etag, len) == 0))
        {
            return 1;
        }
    }

    return 0;
}
