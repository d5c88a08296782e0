/* GET /auth/session: what is left of a session.  It extends nothing. */

#include "answer.h"
#include "caller.h"
#include "routes.h"


void
session_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    json_t    *body;
    int64_t    left;
    caller_t   caller;

    if (caller_find(service, request, response, &caller) == 0) {

        left = answer_left(&caller.session, caller.access.exp * 1000000);
        body = answer_session(service->config, caller.access.sid,
                              &caller.session);

        if (body
            && json_object_set_new(body, "access_expires_in",
                                   json_integer(left)) != 0)
        {
            json_decref(body);
            body = NULL;
        }

        http_respond_json(response, 200, body);
    }

    caller_free(&caller);
}
