/* POST /auth/refresh. */

#include <string.h>

#include "cookie.h"
#include "offer.h"
#include "rotation.h"
#include "routes.h"


static int refresh_intent(const http_request_t *request, int *renew,
    const char **fault);
static void refresh_refuse(const config_t *config, const char *reason,
    http_response_t *response);


void
refresh_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    int           rc, renew;
    client_t      client;
    jot_str_t     text;
    const char   *fault;
    delivery_t    delivery;
    rotation_t    rotation;
    db_status_t   status;

    if (refresh_intent(request, &renew, &fault) != 0
        || (rc = offer_refresh(request, service->config, &text, &delivery,
                               &fault)) == -1)
    {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return;
    }

    if (rc == 0) {
        text = (jot_str_t) { "", 0 };       /* refused like any that is none */
    }

    client_read(request, &client);
    status = rotation_perform(service, text, renew, &client, &rotation);

    if (status != DB_OK) {
        answer_database(status, response);

    } else if (rotation.reason) {
        refresh_refuse(service->config, rotation.reason, response);

    } else {
        (void) answer_tokens(service, delivery, &rotation.session,
                             &rotation.token, rotation.session.renewed,
                             response);
    }

    rotation_free(&rotation);
}


static int
refresh_intent(const http_request_t *request, int *renew, const char **fault)
{
    int          rc;
    const char  *intent;

    rc = http_member(request, "intent", &intent);

    if (rc == 0 || (rc == 1 && strcmp(intent, "continue") == 0)) {
        *renew = 1;
        return 0;
    }

    if (rc == 1 && strcmp(intent, "silent") == 0) {
        *renew = 0;
        return 0;
    }

    *fault = "intent is \"silent\" or \"continue\"";
    return -1;
}


static void
refresh_refuse(const config_t *config, const char *reason,
    http_response_t *response)
{
    cookie_clear(response, config);

    http_respond_json(response, 401,
        json_pack("{s:s, s:s, s:s}", "error", "invalid_grant",
                  "error_description", "this session cannot be continued",
                  "reason", reason));
}
