/* POST /auth/register: a new user, who logs in afterwards like any other. */

#include <string.h>

#include "answer.h"
#include "client.h"
#include "credential.h"
#include "log.h"
#include "metrics.h"
#include "password.h"
#include "routes.h"
#include "secret.h"
#include "throttle.h"
#include "username.h"


typedef struct {
    const char   *name;
    const char   *password;
    const char   *email;        /* NULL: none */
    const char   *token;        /* of the invite; NULL: none */
    client_t      client;
    unsigned char invite[SECRET_DIGEST_SIZE];
} registration_form_t;


static int register_parse(const http_request_t *request,
    http_response_t *response, registration_form_t *form);
static int register_email_valid(const char *email);
static int register_allowed(service_t *service, const http_request_t *request,
    http_response_t *response);
static int register_invited(service_t *service, registration_form_t *form,
    http_response_t *response);
static void register_not_invited(const registration_form_t *form,
    http_response_t *response);
static void register_create(service_t *service,
    const registration_form_t *form, http_response_t *response);
static void register_refused(const registration_form_t *form,
    const char *reason);


void
register_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    unsigned             weak;
    db_user_t            user;
    throttle_t           throttle;
    db_status_t          status;
    registration_form_t  form;

    if (register_parse(request, response, &form) != 0
        || register_allowed(service, request, response) != 0
        || throttle_take(service, request, response, NULL, NULL, &throttle)
           != 0)
    {
        return;
    }

    /* What was taken is not given back: nobody needs to register often. */

    client_read(request, &form.client);

    if (service->config->registration == REGISTRATION_INVITE
        && register_invited(service, &form, response) != 0)
    {
        return;
    }

    if (credential_weakness(service, response, form.password, form.name,
                            &weak)
        != 0)
    {
        return;
    }

    if (weak) {
        register_refused(&form, "weak");
        credential_respond_weak(response, weak);
        return;
    }

    /* Before the hash is paid for; that nobody was faster shows later. */

    status = db_user_find(service->db, form.name, &user);
    explicit_bzero(&user, sizeof(user));

    if (status == DB_OK) {
        register_refused(&form, "taken");
        http_respond_error(response, 409, "username_taken",
                           "this user name is taken");

    } else if (status != DB_NONE) {
        answer_database(status, response);

    } else if (request->client_gone(request->client_data)) {
        log_event(LOG_CLIENT_GONE, "path", request->path, "address",
                  request->address, NULL);
        http_respond_unavailable(response);

    } else {
        register_create(service, &form, response);
    }
}


static int
register_parse(const http_request_t *request, http_response_t *response,
    registration_form_t *form)
{
    int          rc;
    const char  *fault;

    fault = NULL;
    form->email = NULL;
    form->token = NULL;
    rc = http_member(request, "email", &form->email);

    if (http_member(request, "username", &form->name) != 1
        || http_member(request, "password", &form->password) != 1)
    {
        fault = "username and password have to be there, as strings";

    } else if (!username_valid(form->name)) {
        fault = "a username is 1 to 64 of A-Z a-z 0-9 . _ - @ +";

    } else if (rc == -1 || (rc == 1 && !register_email_valid(form->email))) {
        fault = "email is no address";

    } else if (http_member(request, "invite", &form->token) == -1) {
        fault = "invite is no string";
    }

    if (fault) {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return -1;
    }

    /* A form's empty field. */

    if (rc == 1 && form->email[0] == '\0') {
        form->email = NULL;
    }

    return 0;
}


/* As the table's own check: something, one "@", something.  Or empty. */
static int
register_email_valid(const char *email)
{
    size_t                len;
    const char           *at;
    const unsigned char  *p;

    if (*email == '\0') {
        return 1;
    }

    for (p = (const unsigned char *) email; *p; p++) {
        if (*p <= ' ' || *p == 0x7f) {
            return 0;
        }
    }

    len = strlen(email);
    at = strchr(email, '@');

    return len <= 254 && at != NULL && at != email && at[1] != '\0'
           && strchr(at + 1, '@') == NULL;
}


static int
register_allowed(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    db_status_t  status;

    if (service->config->registration == REGISTRATION_OFF) {
        routes_refuse(request, response, 403, "access_denied",
                      "registration is closed");
        return -1;
    }

    status = db_user_can_register(service->db);

    if (status == DB_NONE) {
        routes_refuse(request, response, 404, "not_found",
                      "users are not registered here");
        return -1;
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return -1;
    }

    return 0;
}


/* Whether the invite can be used; using it comes last, with the user. */
static int
register_invited(service_t *service, registration_form_t *form,
    http_response_t *response)
{
    char         nobody[DB_SUB_SIZE];
    db_status_t  status;

    status = form->token && secret_digest(form->token, form->invite) == 0
             ? db_link_find(service->db, DB_LINK_INVITE, form->invite, nobody)
             : DB_NONE;

    if (status == DB_NONE) {
        register_not_invited(form, response);
        return -1;
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return -1;
    }

    return 0;
}


static void
register_not_invited(const registration_form_t *form,
    http_response_t *response)
{
    register_refused(form, "invite");
    http_respond_error(response, 403, "access_denied",
                       "registration is for invited people; this invite is "
                       "missing, used, or too old");
}


static void
register_create(service_t *service, const registration_form_t *form,
    http_response_t *response)
{
    char         hash[PASSWORD_HASH_SIZE], sub[DB_SUB_SIZE];
    db_status_t  status;

    if (credential_hash(response, form->password, hash) != 0) {
        return;
    }

    status = service->config->registration == REGISTRATION_INVITE
             ? db_link_register(service->db, form->invite, form->name, hash,
                                form->email, &form->client.db, sub)
             : db_user_register(service->db, form->name, hash, form->email,
                                &form->client.db, sub);
    explicit_bzero(hash, sizeof(hash));

    if (status == DB_NONE) {
        register_not_invited(form, response);
        return;
    }

    if (status == DB_CONFLICT) {
        register_refused(form, "taken");
        http_respond_error(response, 409, "username_taken",
                           "this user name is taken");
        return;
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return;
    }

    log_event(LOG_REGISTERED, "user", sub, "address", form->client.address,
              NULL);
    metrics_add(METRIC_REGISTER_OK, 1);

    http_respond_json(response, 201, json_pack("{s:{s:s, s:s}}", "user",
                                               "sub", sub,
                                               "name", form->name));
}


static void
register_refused(const registration_form_t *form, const char *reason)
{
    log_event(LOG_REGISTER_REFUSED, "reason", reason, "address",
              form->client.address, NULL);
    metrics_add(METRIC_REGISTER_REFUSED, 1);
}
