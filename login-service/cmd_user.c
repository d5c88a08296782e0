/* portero user: add, list, disable, enable, unlock, role, password. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "admin.h"
#include "cmd_user.h"
#include "password.h"
#include "password_list.h"
#include "terminal.h"


#define USER_PASSWORD_SIZE  1024


static int user_hash(const portero_t *portero, const char *name,
    char hash[PASSWORD_HASH_SIZE]);
static int user_weak(const portero_t *portero, const char *name,
    const char *password);
static portero_status_t user_create(const portero_t *portero,
    const char *email, const char *roles);
static portero_status_t user_change(const portero_t *portero, const char *sql,
    int n, const char *const *values);
static char *user_role_array(char **roles, int n);
static void user_print(PGresult *result, int row);
static json_t *user_json(PGresult *result, int row);


const admin_rule_t  user_rules[] = {
    { "users_username_key", "there is a user of that name already" },
    { "users_username_form", "a name has to be 1 to 64 of the letters A to Z, "
      "digits and . _ - @ +" },
    { "users_email_form", "an e-mail address has to be NAME@HOST, of at most "
      "254 characters" },
    { "roles_role_form", "a role has to be 1 to 64 of the letters A to Z, "
      "digits and . _ - @ + : /" },
    { NULL, NULL }
};

static const struct {
    unsigned     reason;
    const char  *text;
} user_reasons[] = {
    { PASSWORD_TOO_SHORT, "too short (PASSWORD_MIN)" },
    { PASSWORD_TOO_LONG, "too long (256 characters, 500 bytes)" },
    { PASSWORD_COMMON, "one of the most common ones" },
    { PASSWORD_SAME_AS_NAME, "the user's name" },
};


portero_status_t
cmd_user_add(const portero_t *portero)
{
    int                i, n;
    char              *array, **roles;
    const char        *email;
    portero_status_t   status;

    email = NULL;
    n = 0;
    roles = calloc(portero->argc, sizeof(char *));

    for (i = 1; roles && i + 1 < portero->argc; i += 2) {
        if (strcmp(portero->argv[i], "--email") == 0) {
            email = portero->argv[i + 1];

        } else if (strcmp(portero->argv[i], "--role") == 0) {
            roles[n++] = portero->argv[i + 1];

        } else {
            break;
        }
    }

    if (i < portero->argc || strncmp(portero->argv[0], "--", 2) == 0) {
        free(roles);
        fputs("usage: portero user add NAME [--email ADDRESS] "
              "[--role ROLE]...\n", stderr);
        return PORTERO_USAGE;
    }

    array = user_role_array(roles, n);
    status = array ? user_create(portero, email, array)
                   : portero_failed("out of memory");

    free(array);
    free(roles);
    return status;
}


portero_status_t
cmd_user_list(const portero_t *portero)
{
    int        row;
    json_t    *list;
    PGresult  *result;

    result = admin_call(portero, "SELECT sub, username, email,"
                        " array_to_json(roles), disabled, created_at,"
                        " last_login_at FROM portero.admin_user_list()",
                        0, NULL, NULL);
    if (result == NULL) {
        return PORTERO_FAILED;
    }

    list = json_array();

    for (row = 0; row < PQntuples(result); row++) {
        if (portero->json) {
            json_array_append_new(list, user_json(result, row));
        } else {
            user_print(result, row);
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


portero_status_t
cmd_user_disable(const portero_t *portero)
{
    const char  *values[1] = { portero->argv[0] };

    return user_change(portero,
                       "SELECT portero.admin_user_set_disabled($1, true)", 1,
                       values);
}


portero_status_t
cmd_user_enable(const portero_t *portero)
{
    const char  *values[1] = { portero->argv[0] };

    return user_change(portero,
                       "SELECT portero.admin_user_set_disabled($1, false)", 1,
                       values);
}


portero_status_t
cmd_user_unlock(const portero_t *portero)
{
    const char  *values[1] = { portero->argv[0] };

    return user_change(portero, "SELECT portero.admin_user_unlock($1)", 1,
                       values);
}


portero_status_t
cmd_user_role(const portero_t *portero)
{
    const char  *verb, *values[3];

    verb = portero->argv[1];

    if (strcmp(verb, "add") != 0 && strcmp(verb, "remove") != 0) {
        fputs("usage: portero user role NAME add|remove ROLE\n", stderr);
        return PORTERO_USAGE;
    }

    values[0] = portero->argv[0];
    values[1] = portero->argv[2];
    values[2] = strcmp(verb, "add") == 0 ? "true" : "false";

    return user_change(portero,
                       "SELECT portero.admin_user_role($1, $2, $3::boolean)",
                       3, values);
}


portero_status_t
cmd_user_password(const portero_t *portero)
{
    char              hash[PASSWORD_HASH_SIZE];
    const char       *values[2];
    portero_status_t  status;

    if (user_hash(portero, portero->argv[0], hash) != 0) {
        return PORTERO_FAILED;
    }

    values[0] = portero->argv[0];
    values[1] = hash;

    status = user_change(portero, "SELECT portero.admin_user_password($1, $2)",
                         2, values);

    explicit_bzero(hash, sizeof(hash));
    return status;
}


static int
user_hash(const portero_t *portero, const char *name,
    char hash[PASSWORD_HASH_SIZE])
{
    int   rc;
    char  password[USER_PASSWORD_SIZE];

    rc = -1;

    if (terminal_password(password, sizeof(password)) == 0
        && !user_weak(portero, name, password))
    {
        rc = password_hash(password, hash);

        if (rc != 0) {
            portero_failed("the password cannot be hashed");
        }
    }

    explicit_bzero(password, sizeof(password));
    return rc;
}


static int
user_weak(const portero_t *portero, const char *name, const char *password)
{
    char      text[256];
    size_t    i, len;
    unsigned  reasons;

    reasons = password_weakness(password, name,
                                portero->config->password_min);

    switch (password_list_find(portero->config->password_list, password)) {

    case 0:
        break;

    case 1:
        reasons |= PASSWORD_COMMON;
        break;

    default:
        portero_failed("%s, the PASSWORD_LIST, cannot be read, or is no "
                       "sorted list of SHA-1",
                       portero->config->password_list);
        return -1;
    }

    if (reasons == 0) {
        return 0;
    }

    text[0] = '\0';

    for (i = 0; i < sizeof(user_reasons) / sizeof(user_reasons[0]); i++) {
        if (reasons & user_reasons[i].reason) {
            len = strlen(text);
            snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "",
                     user_reasons[i].text);
        }
    }

    portero_failed("the password is %s; at least %d characters that nobody "
                   "would guess are right", text,
                   (int) portero->config->password_min);

    return -1;
}


static portero_status_t
user_create(const portero_t *portero, const char *email, const char *roles)
{
    char         hash[PASSWORD_HASH_SIZE];
    PGresult    *result;
    const char  *values[4];

    if (user_hash(portero, portero->argv[0], hash) != 0) {
        return PORTERO_FAILED;
    }

    values[0] = portero->argv[0];
    values[1] = hash;
    values[2] = email;
    values[3] = roles;

    result = admin_call(portero, "SELECT portero.admin_user_add($1, $2, $3,"
                        " ARRAY(SELECT jsonb_array_elements_text($4)))",
                        4, values, user_rules);

    explicit_bzero(hash, sizeof(hash));

    if (result == NULL) {
        return PORTERO_FAILED;
    }

    printf("%s\n", PQgetvalue(result, 0, 0));
    PQclear(result);
    return PORTERO_OK;
}


/* A function that is true when there is such a user; $1 is the name. */

static portero_status_t
user_change(const portero_t *portero, const char *sql, int n,
    const char *const *values)
{
    return admin_change(portero, sql, n, values, user_rules,
                        "there is no user \"%s\"");
}


/* JSON, so that nobody has to quote for an array's text form. */

static char *
user_role_array(char **roles, int n)
{
    int      i;
    char    *text;
    json_t  *array;

    array = json_array();

    for (i = 0; i < n; i++) {
        json_array_append_new(array, json_string(roles[i]));
    }

    text = json_dumps(array, JSON_COMPACT);
    json_decref(array);

    return text;
}


static void
user_print(PGresult *result, int row)
{
    size_t   i;
    json_t  *roles;

    printf("%s\t%s\t", PQgetvalue(result, row, 1), PQgetvalue(result, row, 0));

    roles = json_loads(PQgetvalue(result, row, 3), 0, NULL);

    for (i = 0; i < json_array_size(roles); i++) {
        printf("%s%s", i ? "," : "",
               json_string_value(json_array_get(roles, i)));
    }

    printf("\t%s\n", PQgetvalue(result, row, 4)[0] == 't' ? "disabled" : "");
    json_decref(roles);
}


static json_t *
user_json(PGresult *result, int row)
{
    return json_pack("{s:s, s:s, s:s?, s:o?, s:b, s:s, s:s?}",
                     "sub", PQgetvalue(result, row, 0),
                     "username", PQgetvalue(result, row, 1),
                     "email", PQgetisnull(result, row, 2)
                              ? NULL : PQgetvalue(result, row, 2),
                     "roles", json_loads(PQgetvalue(result, row, 3), 0, NULL),
                     "disabled", PQgetvalue(result, row, 4)[0] == 't',
                     "created_at", PQgetvalue(result, row, 5),
                     "last_login_at", PQgetisnull(result, row, 6)
                                      ? NULL : PQgetvalue(result, row, 6));
}
