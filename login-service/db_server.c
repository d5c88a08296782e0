/* Where the server is: DATABASE_URL, with its hosts in an order of our own. */

#include <stdlib.h>
#include <string.h>

#include "db_call.h"
#include "log.h"


#define DB_SERVER_OPTIONS  64       /* libpq knows about 40 */

struct db_server_s {
    PQconninfoOption   *options;
};


static char *db_server_option(const db_server_t *server, const char *name);
static size_t db_list_count(const char *list);
static void db_list_rotate(char *list);


db_server_t *
db_server_new(const char *url)
{
    char         *error;
    db_server_t  *server;

    server = malloc(sizeof(db_server_t));
    if (server == NULL) {
        return NULL;
    }

    error = NULL;
    server->options = PQconninfoParse(url, &error);

    if (server->options == NULL) {

        /* Its words may quote the text, and that may have a password. */

        log_event(LOG_DATABASE_ERROR, "message",
                  "DATABASE_URL is not what libpq understands; right would be "
                  "postgresql://USER@HOST/DATABASE", NULL);
        PQfreemem(error);
        free(server);
        return NULL;
    }

    return server;
}


void
db_server_free(db_server_t *server)
{
    char  *password;

    if (server == NULL) {
        return;
    }

    password = db_server_option(server, "password");
    if (password) {
        explicit_bzero(password, strlen(password));
    }

    PQconninfoFree(server->options);
    free(server);
}


size_t
db_server_hosts(const db_server_t *server)
{
    size_t  hosts, addresses;

    hosts = db_list_count(db_server_option(server, "host"));
    addresses = db_list_count(db_server_option(server, "hostaddr"));

    return hosts > addresses ? hosts : addresses;
}


PGconn *
db_server_start(const db_server_t *server)
{
    size_t                   n;
    const char              *names[DB_SERVER_OPTIONS];
    const char              *values[DB_SERVER_OPTIONS];
    const PQconninfoOption  *option;

    names[0] = "client_encoding";
    values[0] = "UTF8";
    names[1] = "fallback_application_name";
    values[1] = "portero-login";
    n = 2;

    for (option = server->options; option->keyword; option++) {
        if (option->val == NULL || n == DB_SERVER_OPTIONS - 1
            || strcmp(option->keyword, "client_encoding") == 0)
        {
            continue;
        }

        names[n] = option->keyword;
        values[n] = option->val;
        n++;
    }

    names[n] = NULL;
    values[n] = NULL;

    return PQconnectStartParams(names, values, 0);
}


void
db_server_next(db_server_t *server)
{
    db_list_rotate(db_server_option(server, "host"));
    db_list_rotate(db_server_option(server, "hostaddr"));
    db_list_rotate(db_server_option(server, "port"));
}


static char *
db_server_option(const db_server_t *server, const char *name)
{
    PQconninfoOption  *option;

    for (option = server->options; option->keyword; option++) {
        if (strcmp(option->keyword, name) == 0) {
            return option->val;
        }
    }

    return NULL;
}


static size_t
db_list_count(const char *list)
{
    size_t  n;

    for (n = 1; list && (list = strchr(list, ',')) != NULL; list++) {
        n++;
    }

    return n;
}


/* "a,b,c" becomes "b,c,a"; a list of one stays, as a port for all hosts. */
static void
db_list_rotate(char *list)
{
    char    *comma, *first;
    size_t   len, rest;

    comma = list ? strchr(list, ',') : NULL;
    if (comma == NULL) {
        return;
    }

    len = comma - list;
    first = strndup(list, len);

    if (first == NULL) {
        return;                         /* the order of before is as good */
    }

    rest = strlen(comma + 1);
    memmove(list, comma + 1, rest);
    list[rest] = ',';
    memcpy(list + rest + 1, first, len);

    free(first);
}
