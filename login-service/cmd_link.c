/*
 * portero user: invite, reset-link.  Each prints a link that serves once, and
 * passes it to NOTIFY_COMMAND, if there is one.
 */

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "admin.h"
#include "notify.h"
#include "secret.h"


#define MINUTE          60
#define DAY             (24 * 60 * MINUTE)
#define LINK_INVITE     (7 * DAY)
#define LINK_RESET      (10 * MINUTE)
#define LINK_PAGE       "/portero/link.html"
#define LINK_TEXT_SIZE  2048

typedef struct {
    const char   *event;        /* and the word in the link */
    const char   *user;         /* NULL: nobody's yet */
    int           seconds;
} link_kind_t;


static portero_status_t link_make(const portero_t *portero,
    const link_kind_t *kind);
static portero_status_t link_store(const portero_t *portero,
    const link_kind_t *kind, const unsigned char *digest);
static portero_status_t link_tell(const portero_t *portero,
    const link_kind_t *kind, const char *secret);


portero_status_t
cmd_user_invite(const portero_t *portero)
{
    const link_kind_t  kind = { "invite", NULL, LINK_INVITE };

    return link_make(portero, &kind);
}


portero_status_t
cmd_user_reset_link(const portero_t *portero)
{
    const link_kind_t  kind = { "reset", portero->argv[0], LINK_RESET };

    return link_make(portero, &kind);
}


static portero_status_t
link_make(const portero_t *portero, const link_kind_t *kind)
{
    char               secret[SECRET_SIZE];
    unsigned char      digest[SECRET_DIGEST_SIZE];
    portero_status_t   status;

    if (portero->config->issuer[0] == '\0') {
        return portero_failed("ISSUER is not set; links begin with it");
    }

    if (secret_new(secret) != 0 || secret_digest(secret, digest) != 0) {
        return portero_failed("there are no random numbers");
    }

    status = link_store(portero, kind, digest);

    if (status == PORTERO_OK) {
        status = link_tell(portero, kind, secret);
    }

    explicit_bzero(secret, sizeof(secret));
    return status;
}


static portero_status_t
link_store(const portero_t *portero, const link_kind_t *kind,
    const unsigned char *digest)
{
    char         hex[SECRET_HEX_SIZE], seconds[16];
    const char  *values[3];

    secret_hex(digest, hex);
    snprintf(seconds, sizeof(seconds), "%d", kind->seconds);
    values[0] = kind->user;
    values[1] = hex;
    values[2] = seconds;

    return kind->user
           ? admin_change(portero, "SELECT portero.admin_link_reset($1,"
                          " decode($2, 'hex'), $3::integer)", 3, values, NULL,
                          "there is no user \"%s\"")
           : admin_change(portero, "SELECT portero.admin_link_invite("
                          "decode($1, 'hex'), $2::integer)", 2, values + 1,
                          NULL, "no invite was made");
}


static portero_status_t
link_tell(const portero_t *portero, const link_kind_t *kind,
    const char *secret)
{
    int               status;
    char              text[LINK_TEXT_SIZE];
    size_t            len;
    json_t           *details;
    const config_t   *config;

    config = portero->config;
    len = strlen(config->issuer);

    if (len && config->issuer[len - 1] == '/') {
        len--;
    }

    snprintf(text, sizeof(text), "%.*s" LINK_PAGE "#%s=%s", (int) len,
             config->issuer, kind->event, secret);

    details = json_pack("{s:s, s:s?, s:i}", "link", text, "name", kind->user,
                        "expires_in", kind->seconds);

    if (portero->json) {
        json_dumpf(details, stdout, JSON_COMPACT);
        putchar('\n');

    } else {
        printf("%s\n", text);
    }

    explicit_bzero(text, sizeof(text));
    status = notify_run(config, kind->event, details);

    if (status != 0) {
        return portero_failed("%s, the NOTIFY_COMMAND, %s; the link is good",
                              config->notify_command, status == -1
                              ? "was killed, or could not be started"
                              : status == 127 ? "could not be started"
                              : "failed");
    }

    return PORTERO_OK;
}
