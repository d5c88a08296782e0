/*
 * POST /oauth/introspect (RFC 7662), for clients of portero client alone.  It
 * answers for access tokens; a refresh token is nobody's business but its
 * holder's, and like anything else that is no live token it is "not active".
 */

#include <string.h>
#include <time.h>

#include <jansson.h>

#include "answer.h"
#include "oauth_client.h"
#include "routes.h"
#include "token.h"


static int oauth_introspect_may(const http_request_t *request,
    http_response_t *response, const oauth_client_t *client);
static void oauth_introspect_judge(service_t *service, jot_str_t text,
    http_response_t *response);
static json_t *oauth_introspect_active(const token_access_t *access);


void
oauth_introspect_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    const char      *text;
    oauth_client_t   client;

    if (oauth_client_find(service, request, response, &client) == 0
        && oauth_introspect_may(request, response, &client))
    {
        if (http_member(request, "token", &text) == 1) {
            oauth_introspect_judge(service,
                                   (jot_str_t) { text, strlen(text) },
                                   response);
        } else {
            routes_refuse(request, response, 400, "invalid_request",
                          "there is no token");
        }
    }

    oauth_client_free(&client);
}


static int
oauth_introspect_may(const http_request_t *request, http_response_t *response,
    const oauth_client_t *client)
{
    if (client->kind != OAUTH_CLIENT_MACHINE) {
        oauth_client_refuse(request, response, client->id, "no credentials");
        return 0;
    }

    if (client->machine.owned) {
        oauth_client_refuse(request, response, client->id,
                            "an API key may not introspect");
        return 0;
    }

    return 1;
}


static void
oauth_introspect_judge(service_t *service, jot_str_t text,
    http_response_t *response)
{
    db_token_t       token;
    db_status_t      status;
    token_access_t   access;

    status = DB_NONE;

    switch (token_access_verify(service->keys, service->config, text,
                                time(NULL), &access))
    {
    case JOT_OK:
        token.jti = access.jti;
        token.sid = access.sid[0] ? access.sid : NULL;
        token.sub = access.sub;
        token.client_id = access.client_id;
        token.ver = access.ver;

        status = db_token_live(service->db, &token);
        break;

    case JOT_INTERNAL:
        status = DB_FAILED;
        break;

    default:
        break;
    }

    if (status == DB_OK) {
        http_respond_json(response, 200, oauth_introspect_active(&access));

    } else if (status == DB_NONE) {
        http_respond_json(response, 200, json_pack("{s:b}", "active", 0));

    } else {
        answer_database(status, response);
    }

    token_access_free(&access);
}


/* All that the token says, and the two members of section 2.2 that it lacks. */

static json_t *
oauth_introspect_active(const token_access_t *access)
{
    json_t  *body;

    body = json_loads(access->payload, 0, NULL);

    if (body == NULL
        || json_object_set_new(body, "active", json_true()) != 0
        || json_object_set_new(body, "token_type", json_string("Bearer")) != 0)
    {
        json_decref(body);
        return NULL;
    }

    return body;
}
