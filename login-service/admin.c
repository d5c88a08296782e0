/* The command line's own connection to PostgreSQL. */

#include <stdio.h>
#include <string.h>

#include "admin.h"


static void admin_refused(PGconn *conn, const admin_rule_t *rules);
static void one_line(char *text, size_t size, const char *message);


PGconn *
admin_connect(const portero_t *portero)
{
    char         message[512];
    PGconn      *conn;
    const char  *url;

    url = portero->config->admin_database_url;

    if (url[0] == '\0') {
        url = portero->config->database_url;
    }

    if (url[0] == '\0') {
        portero_failed("neither ADMIN_DATABASE_URL nor DATABASE_URL is set");
        return NULL;
    }

    conn = PQconnectdb(url);

    if (PQstatus(conn) != CONNECTION_OK) {
        one_line(message, sizeof(message), PQerrorMessage(conn));
        portero_failed("the database does not answer: %s", message);
        PQfinish(conn);
        return NULL;
    }

    return conn;
}


PGresult *
admin_query(PGconn *conn, const char *sql, int n, const char *const *values,
    char *sqlstate)
{
    char         message[512];
    PGresult    *result;
    const char  *state;

    result = PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(result) == PGRES_TUPLES_OK
        || PQresultStatus(result) == PGRES_COMMAND_OK)
    {
        return result;
    }

    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    if (sqlstate && state) {
        snprintf(sqlstate, 6, "%s", state);

    } else {
        one_line(message, sizeof(message), PQerrorMessage(conn));
        portero_failed("%s", message);
    }

    PQclear(result);
    return NULL;
}


PGresult *
admin_call(const portero_t *portero, const char *sql, int n,
    const char *const *values, const admin_rule_t *rules)
{
    char       state[6];
    PGconn    *conn;
    PGresult  *result;

    conn = admin_connect(portero);
    if (conn == NULL) {
        return NULL;
    }

    state[0] = '\0';
    result = admin_query(conn, sql, n, values, state);

    if (result == NULL && state[0]) {
        admin_refused(conn, rules);
    }

    PQfinish(conn);
    return result;
}


portero_status_t
admin_change(const portero_t *portero, const char *sql, int n,
    const char *const *values, const admin_rule_t *rules, const char *missing)
{
    PGresult          *result;
    portero_status_t   status;

    result = admin_call(portero, sql, n, values, rules);

    if (result == NULL) {
        return PORTERO_FAILED;
    }

    status = PORTERO_OK;

    if (PQgetvalue(result, 0, 0)[0] != 't') {
        status = portero_failed(missing, values[0]);
    }

    PQclear(result);
    return status;
}


const char *
admin_rule_text(const admin_rule_t *rules, const char *message)
{
    for ( ; rules && rules->constraint; rules++) {
        if (strstr(message, rules->constraint)) {
            return rules->text;
        }
    }

    return message;
}


static void
admin_refused(PGconn *conn, const admin_rule_t *rules)
{
    char  message[512];

    one_line(message, sizeof(message), PQerrorMessage(conn));
    portero_failed("%s", admin_rule_text(rules, message));
}


/* libpq's messages end with a newline and may have several lines. */

static void
one_line(char *text, size_t size, const char *message)
{
    size_t  len;

    snprintf(text, size, "%s", message);

    len = strcspn(text, "\n");
    text[len] = '\0';
}
