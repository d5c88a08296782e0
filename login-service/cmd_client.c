/*
 * portero client: add, list, remove.  A client authenticates at /oauth/token
 * with its name and a secret that is shown here, once.
 */

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd_machine.h"


static void client_show(const portero_t *portero, const char *secret);


portero_status_t
cmd_client_add(const portero_t *portero)
{
    char                secret[SECRET_SIZE], hex[SECRET_HEX_SIZE];
    PGresult           *result;
    const char         *values[4];
    machine_options_t   options;

    if (machine_options(portero, 1, 0, &options) != 0) {
        fputs("usage: portero client add NAME [--scope SCOPE]..."
              " [--description TEXT]\n", stderr);
        return PORTERO_USAGE;
    }

    if (strcmp(portero->argv[0], portero->config->client_id) == 0) {
        return portero_failed("\"%s\" is CLIENT_ID, the client of people's "
                              "sessions; a client needs another name",
                              portero->argv[0]);
    }

    if (machine_secret(secret, hex) != 0) {
        return PORTERO_FAILED;
    }

    values[0] = portero->argv[0];
    values[1] = hex;
    values[2] = options.scope;
    values[3] = options.description;

    result = admin_call(portero, "SELECT portero.admin_client_add($1,"
                        " decode($2, 'hex'), $3, $4)", 4, values,
                        machine_rules);
    if (result) {
        client_show(portero, secret);
    }

    explicit_bzero(secret, sizeof(secret));

    if (result == NULL) {
        return PORTERO_FAILED;
    }

    PQclear(result);
    return PORTERO_OK;
}


portero_status_t
cmd_client_list(const portero_t *portero)
{
    return machine_list(portero, 0, NULL);
}


portero_status_t
cmd_client_remove(const portero_t *portero)
{
    const char  *values[1] = { portero->argv[0] };

    return admin_change(portero, "SELECT portero.admin_client_remove($1)", 1,
                        values, NULL, "there is no client \"%s\"");
}


static void
client_show(const portero_t *portero, const char *secret)
{
    json_t  *json;

    if (!portero->json) {
        printf("client_id      %s\nclient_secret  %s\n", portero->argv[0],
               secret);
        return;
    }

    json = json_pack("{s:s, s:s}", "client_id", portero->argv[0],
                     "client_secret", secret);
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
}
