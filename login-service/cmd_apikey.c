/*
 * portero apikey: create, list, revoke, rotate.  A key is one text, ID:SECRET,
 * as curl -u takes it; the ID begins with "ak_", so that a key is recognised
 * where it was left lying about.
 */

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/rand.h>

#include "cmd_machine.h"


#define APIKEY_ID_SIZE      28      /* "ak_", 24 hex digits, NUL */
#define APIKEY_OVERLAP      "24"    /* hours */
#define APIKEY_OVERLAP_MAX  (90 * 24)


static int apikey_id(char id[APIKEY_ID_SIZE]);
static void apikey_show(const portero_t *portero, const char *id,
    const char *secret);


portero_status_t
cmd_apikey_create(const portero_t *portero)
{
    char                secret[SECRET_SIZE], hex[SECRET_HEX_SIZE];
    char                id[APIKEY_ID_SIZE];
    const char         *values[6];
    portero_status_t    status;
    machine_options_t   options;

    if (machine_options(portero, 1, 1, &options) != 0) {
        fputs("usage: portero apikey create USER [--scope SCOPE]..."
              " [--expires DAYS] [--description TEXT]\n", stderr);
        return PORTERO_USAGE;
    }

    if (apikey_id(id) != 0 || machine_secret(secret, hex) != 0) {
        return PORTERO_FAILED;
    }

    values[0] = portero->argv[0];
    values[1] = id;
    values[2] = hex;
    values[3] = options.scope;
    values[4] = options.description;
    values[5] = options.expires;

    status = admin_change(portero, "SELECT portero.admin_apikey_create($1, $2,"
                          " decode($3, 'hex'), $4, $5, $6::integer)", 6,
                          values, machine_rules, "there is no user \"%s\"");

    if (status == PORTERO_OK) {
        apikey_show(portero, id, secret);
    }

    explicit_bzero(secret, sizeof(secret));
    return status;
}


portero_status_t
cmd_apikey_list(const portero_t *portero)
{
    return machine_list(portero, 1, portero->argc ? portero->argv[0] : NULL);
}


portero_status_t
cmd_apikey_revoke(const portero_t *portero)
{
    const char  *values[1] = { portero->argv[0] };

    return admin_change(portero, "SELECT portero.admin_apikey_revoke($1)", 1,
                        values, NULL, "there is no API key \"%s\" in force");
}


portero_status_t
cmd_apikey_rotate(const portero_t *portero)
{
    char               secret[SECRET_SIZE], hex[SECRET_HEX_SIZE];
    const char        *hours, *values[3];
    portero_status_t   status;

    hours = APIKEY_OVERLAP;

    if (portero->argc == 3 && strcmp(portero->argv[1], "--overlap") == 0) {
        hours = portero->argv[2];
    }

    if (portero->argc == 2
        || (portero->argc == 3 && hours != portero->argv[2])
        || machine_number(hours, APIKEY_OVERLAP_MAX) == -1)
    {
        fputs("usage: portero apikey rotate ID [--overlap HOURS]\n", stderr);
        return PORTERO_USAGE;
    }

    if (machine_secret(secret, hex) != 0) {
        return PORTERO_FAILED;
    }

    values[0] = portero->argv[0];
    values[1] = hex;
    values[2] = hours;

    status = admin_change(portero, "SELECT portero.admin_apikey_rotate($1,"
                          " decode($2, 'hex'), $3::integer)", 3, values, NULL,
                          "there is no API key \"%s\" in force");

    if (status == PORTERO_OK) {
        apikey_show(portero, values[0], secret);
    }

    explicit_bzero(secret, sizeof(secret));
    return status;
}


static int
apikey_id(char id[APIKEY_ID_SIZE])
{
    size_t         i;
    unsigned char  random[(APIKEY_ID_SIZE - 4) / 2];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        portero_failed("OpenSSL makes no name for a key");
        return -1;
    }

    strcpy(id, "ak_");

    for (i = 0; i < sizeof(random); i++) {
        sprintf(id + 3 + 2 * i, "%02x", random[i]);
    }

    return 0;
}


static void
apikey_show(const portero_t *portero, const char *id, const char *secret)
{
    char     key[APIKEY_ID_SIZE + SECRET_SIZE + 64];
    json_t  *json;

    snprintf(key, sizeof(key), "%s:%s", id, secret);

    if (portero->json) {
        json = json_pack("{s:s, s:s}", "client_id", id, "key", key);
        json_dumpf(json, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(json);

    } else {
        printf("%s\n", key);
    }

    explicit_bzero(key, sizeof(key));
}
