/*
 * A secret is compared by its digest, in the database; a wrong one is no more
 * than that to whoever asks, whether or not there is a client of the name.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "log.h"
#include "metrics.h"
#include "oauth_client.h"
#include "routes.h"
#include "secret.h"
#include "throttle.h"


#define OAUTH_BASIC_SIZE  1024      /* encoded; what we made has 100 or so */


typedef struct {
    const char  *id;
    const char  *secret;
} oauth_credentials_t;


static int oauth_credentials(const http_request_t *request,
    oauth_client_t *client, oauth_credentials_t *credentials,
    const char **fault);
static int oauth_basic(const http_request_t *request, oauth_client_t *client,
    oauth_credentials_t *credentials);
static char *oauth_base64_decode(const char *text, size_t *len);
static int oauth_authenticate(service_t *service,
    const http_request_t *request, http_response_t *response,
    const char *secret, oauth_client_t *client);


int
oauth_client_find(service_t *service, const http_request_t *request,
    http_response_t *response, oauth_client_t *client)
{
    const char           *fault;
    oauth_credentials_t   credentials;

    memset(client, 0, sizeof(oauth_client_t));

    if (oauth_credentials(request, client, &credentials, &fault) != 0) {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return -1;
    }

    client->id = credentials.id;

    if (client->id == NULL) {
        client->kind = OAUTH_CLIENT_NONE;
        return 0;
    }

    if (credentials.secret == NULL
        && strcmp(client->id, service->config->client_id) == 0)
    {
        client->kind = OAUTH_CLIENT_PUBLIC;
        return 0;
    }

    if (credentials.secret == NULL) {
        oauth_client_refuse(request, response, client->id, "no secret");
        return -1;
    }

    return oauth_authenticate(service, request, response, credentials.secret,
                              client);
}


void
oauth_client_free(oauth_client_t *client)
{
    db_machine_free(&client->machine);

    if (client->basic) {
        explicit_bzero(client->basic, client->basic_len);
        free(client->basic);
    }

    memset(client, 0, sizeof(oauth_client_t));
}


void
oauth_client_refuse(const http_request_t *request, http_response_t *response,
    const char *id, const char *reason)
{
    /* What is as long as a secret or a token may be one in the wrong place. */

    if (id && strlen(id) >= SECRET_SIZE - 1) {
        id = NULL;
    }

    log_event(LOG_CLIENT_REFUSED, "reason", reason, "client", id, "path",
              request->path, "address", request->address, NULL);
    metrics_add(METRIC_CLIENT_REFUSED, 1);

    http_respond_error(response, 401, "invalid_client",
                       "this client is not known by these credentials");
}


/* One way of the two, never both (2.3). */

static int
oauth_credentials(const http_request_t *request, oauth_client_t *client,
    oauth_credentials_t *credentials, const char **fault)
{
    int                  by_basic;
    oauth_credentials_t  form;

    memset(credentials, 0, sizeof(oauth_credentials_t));
    memset(&form, 0, sizeof(oauth_credentials_t));

    (void) http_member(request, "client_id", &form.id);
    (void) http_member(request, "client_secret", &form.secret);

    by_basic = oauth_basic(request, client, credentials);

    if (by_basic == -1) {
        *fault = "the Authorization header is malformed";
        return -1;
    }

    if (by_basic == 0) {

        if (form.secret && form.id == NULL) {
            *fault = "there is a client_secret without a client_id";
            return -1;
        }

        *credentials = form;
        return 0;
    }

    if (form.secret) {
        *fault = "there is a client secret in the header and in the form";
        return -1;
    }

    if (form.id && strcmp(form.id, credentials->id) != 0) {
        *fault = "the client_id is another one than in the header";
        return -1;
    }

    return 0;
}


/*
 * 1, 0 if there is none (another scheme, too), -1 if it is malformed.  Both
 * parts are form-encoded before base64 (2.3.1).  An empty secret is none.
 */
static int
oauth_basic(const http_request_t *request, oauth_client_t *client,
    oauth_credentials_t *credentials)
{
    char        *secret;
    const char  *p;

    p = request->authorization;

    if (p == NULL || strncasecmp(p, "Basic", 5) != 0
        || (p[5] != ' ' && p[5] != '\0'))
    {
        return 0;
    }

    p += 5;
    p += strspn(p, " ");

    client->basic = oauth_base64_decode(p, &client->basic_len);

    if (client->basic == NULL
        || memchr(client->basic, '\0', client->basic_len) != NULL)
    {
        return -1;
    }

    secret = strchr(client->basic, ':');

    if (secret == NULL) {
        return -1;
    }

    *secret++ = '\0';

    if (http_form_decode(client->basic) != 0 || http_form_decode(secret) != 0
        || client->basic[0] == '\0')
    {
        return -1;
    }

    credentials->id = client->basic;
    credentials->secret = secret[0] ? secret : NULL;

    return 1;
}


/* RFC 4648, 4, strictly, by way of the alphabet of section 5; NUL follows. */

static char *
oauth_base64_decode(const char *text, size_t *len)
{
    char    *decoded, url[OAUTH_BASIC_SIZE];
    size_t   i, n, padding;

    n = strlen(text);

    while (n && text[n - 1] == ' ') {
        n--;
    }

    for (padding = 0; padding < 2 && n && text[n - 1] == '='; padding++) {
        n--;
    }

    if (n > sizeof(url) || (padding && (n + padding) % 4 != 0)
        || memchr(text, '-', n) || memchr(text, '_', n))
    {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        url[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }

    decoded = malloc(JOT_BASE64URL_DECODED(n) + 1);

    if (decoded && jot_base64url_decode(decoded, len, url, n) != 0) {
        free(decoded);
        decoded = NULL;
    }

    if (decoded) {
        decoded[*len] = '\0';
    }

    explicit_bzero(url, sizeof(url));
    return decoded;
}


/*
 * Only what is wrong counts for the network: a secret of 256 bits is not
 * guessed, and a client that asks often is not to be slowed by its neighbours.
 */
static int
oauth_authenticate(service_t *service, const http_request_t *request,
    http_response_t *response, const char *secret, oauth_client_t *client)
{
    throttle_t     throttle;
    db_status_t    status;
    unsigned char  digest[SECRET_DIGEST_SIZE];

    status = secret_digest(secret, digest) == 0
             ? db_machine_find(service->db, client->id, digest,
                               &client->machine)
             : DB_NONE;

    if (status == DB_NONE) {

        if (throttle_take(service, request, response, NULL, NULL, &throttle)
            == 0)
        {
            oauth_client_refuse(request, response, client->id,
                                "wrong secret");
        }

        return -1;
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return -1;
    }

    client->kind = OAUTH_CLIENT_MACHINE;
    return 0;
}
