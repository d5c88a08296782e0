/* Options, secrets and lists of machines. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cmd_machine.h"


/* Columns of portero.admin_client_list. */
enum {
    COLUMN_CLIENT_ID,
    COLUMN_OWNER,
    COLUMN_NAME,
    COLUMN_SCOPE,
    COLUMN_DESCRIPTION,
    COLUMN_CREATED,
    COLUMN_EXPIRES,
    COLUMN_REVOKED,
    COLUMN_LAST_USED,
    COLUMN_SECRETS
};


static int machine_scope_add(machine_options_t *options, const char *scope);
static void machine_print(PGresult *result, int row, int keys);
static json_t *machine_json(PGresult *result, int row, int keys);
static const char *machine_text(PGresult *result, int row, int column);


const admin_rule_t  machine_rules[] = {
    { "clients_pkey", "there is a client of that name already" },
    { "clients_id_kind", "a client's name may not begin with \"ak_\", as API "
      "keys do" },
    { "clients_id_form", "a client's name has to be 1 to 64 of the letters A "
      "to Z, digits and . _ -" },
    { "clients_scope_form", "a scope has to be of visible ASCII characters "
      "without \" and \\, and all of them at most 1000 bytes" },
    { "clients_description_length", "a description has at most 200 "
      "characters" },
    { NULL, NULL }
};


int
machine_options(const portero_t *portero, int first, int may_expire,
    machine_options_t *options)
{
    int          i;
    const char  *name, *value;

    memset(options, 0, sizeof(machine_options_t));

    for (i = first; i + 1 < portero->argc; i += 2) {

        name = portero->argv[i];
        value = portero->argv[i + 1];

        if (strcmp(name, "--scope") == 0) {
            if (machine_scope_add(options, value) != 0) {
                return -1;
            }

        } else if (strcmp(name, "--description") == 0) {
            options->description = value;

        } else if (may_expire && strcmp(name, "--expires") == 0) {
            if (machine_number(value, 36500) < 1) {
                return -1;
            }

            options->expires = value;

        } else {
            return -1;
        }
    }

    return i == portero->argc && strncmp(portero->argv[0], "--", 2) != 0
           ? 0 : -1;
}


int
machine_number(const char *text, int max)
{
    long   number;
    char  *end;

    if (*text < '0' || *text > '9') {
        return -1;
    }

    number = strtol(text, &end, 10);

    return *end == '\0' && number <= max ? (int) number : -1;
}


int
machine_secret(char secret[SECRET_SIZE], char hex[SECRET_HEX_SIZE])
{
    unsigned char  digest[SECRET_DIGEST_SIZE];

    if (secret_new(secret) != 0
        || secret_digest(secret, digest) != 0)
    {
        portero_failed("OpenSSL makes no secret");
        return -1;
    }

    secret_hex(digest, hex);
    return 0;
}


portero_status_t
machine_list(const portero_t *portero, int keys, const char *login)
{
    int          row;
    json_t      *list;
    PGresult    *result;
    const char  *values[2];

    values[0] = keys ? "true" : "false";
    values[1] = login;

    result = admin_call(portero, "SELECT client_id, owner, name, scope,"
                        " description, created_at, expires_at, revoked_at,"
                        " last_used_at, secrets"
                        " FROM portero.admin_client_list($1, $2)",
                        2, values, NULL);
    if (result == NULL) {
        return PORTERO_FAILED;
    }

    list = json_array();

    for (row = 0; row < PQntuples(result); row++) {
        if (portero->json) {
            json_array_append_new(list, machine_json(result, row, keys));
        } else {
            machine_print(result, row, keys);
        }
    }

    if (portero->json) {
        json_dumpf(list, stdout, JSON_COMPACT);
        putchar('\n');
    }

    json_decref(list);
    PQclear(result);
    return PORTERO_OK;
}


static int
machine_scope_add(machine_options_t *options, const char *scope)
{
    size_t  len;

    len = strlen(options->scope);

    if (scope[0] == '\0'
        || len + strlen(scope) + 2 > sizeof(options->scope))
    {
        return -1;
    }

    snprintf(options->scope + len, sizeof(options->scope) - len, "%s%s",
             len ? " " : "", scope);
    return 0;
}


static void
machine_print(PGresult *result, int row, int keys)
{
    const char  *state;

    printf("%s\t", PQgetvalue(result, row, COLUMN_CLIENT_ID));

    if (keys) {
        printf("%s\t", PQgetisnull(result, row, COLUMN_NAME)
                       ? PQgetvalue(result, row, COLUMN_OWNER)
                       : PQgetvalue(result, row, COLUMN_NAME));
    }

    state = !PQgetisnull(result, row, COLUMN_REVOKED) ? "revoked"
            : PQgetvalue(result, row, COLUMN_EXPIRES);

    printf("%s\t%s\t%s\t%s\n", PQgetvalue(result, row, COLUMN_SCOPE), state,
           PQgetisnull(result, row, COLUMN_LAST_USED)
           ? "never used" : PQgetvalue(result, row, COLUMN_LAST_USED),
           PQgetvalue(result, row, COLUMN_DESCRIPTION));
}


static json_t *
machine_json(PGresult *result, int row, int keys)
{
    json_t  *json;

    json = json_pack("{s:s, s:s, s:s, s:s, s:s?}",
                     "client_id", machine_text(result, row, COLUMN_CLIENT_ID),
                     "scope", machine_text(result, row, COLUMN_SCOPE),
                     "description",
                     machine_text(result, row, COLUMN_DESCRIPTION),
                     "created_at", machine_text(result, row, COLUMN_CREATED),
                     "last_used_at",
                     machine_text(result, row, COLUMN_LAST_USED));

    if (keys && json
        && json_object_update_new(json,
               json_pack("{s:s, s:s?, s:s?, s:s?, s:i}",
                         "owner", machine_text(result, row, COLUMN_OWNER),
                         "name", machine_text(result, row, COLUMN_NAME),
                         "expires_at",
                         machine_text(result, row, COLUMN_EXPIRES),
                         "revoked_at",
                         machine_text(result, row, COLUMN_REVOKED),
                         "secrets",
                         atoi(PQgetvalue(result, row, COLUMN_SECRETS)))) != 0)
    {
        json_decref(json);
        return NULL;
    }

    return json;
}


static const char *
machine_text(PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column)
           ? NULL : PQgetvalue(result, row, column);
}
