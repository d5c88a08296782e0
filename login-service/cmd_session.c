/* portero session: list, end. */

#include <stdio.h>

#include <jansson.h>

#include "admin.h"


typedef struct {
    const char  *name;          /* in JSON, and of the column */
    int          width;
} session_column_t;


static void session_print(PGresult *result, int row);
static json_t *session_json(PGresult *result, int row);


static const session_column_t  session_columns[] = {
    { "sid", 38 },
    { "created_at", 31 },
    { "last_used_at", 31 },
    { "address", 17 },
    { "user_agent", 0 },
};

#define SESSION_COLUMNS                                                       \
    (int) (sizeof(session_columns) / sizeof(session_columns[0]))


portero_status_t
cmd_session_list(const portero_t *portero)
{
    int          row;
    json_t      *list;
    PGresult    *result;
    const char  *values[1];

    values[0] = portero->argv[0];

    result = admin_call(portero, "SELECT sid, created_at, last_used_at,"
                        " address, user_agent"
                        " FROM portero.admin_session_list($1)", 1, values,
                        NULL);
    if (result == NULL) {
        return PORTERO_FAILED;
    }

    list = json_array();

    for (row = 0; row < PQntuples(result); row++) {
        if (portero->json) {
            json_array_append_new(list, session_json(result, row));
        } else {
            session_print(result, row);
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
cmd_session_end(const portero_t *portero)
{
    const char  *values[1];

    values[0] = portero->argv[0];

    return admin_change(portero, "SELECT portero.admin_session_end($1)", 1,
                        values, NULL, "there is no live session \"%s\"; "
                        "\"portero session list NAME\" tells them");
}


/* A browser's name is the client's to choose, and would reach the terminal. */
static void
session_print(PGresult *result, int row)
{
    int          i, n;
    const char  *p;

    for (i = 0; i < SESSION_COLUMNS; i++) {

        n = 0;
        p = PQgetisnull(result, row, i) ? "-" : PQgetvalue(result, row, i);

        for ( /* void */ ; *p; p++, n++) {
            putchar(*p >= 0x20 && *p < 0x7f ? *p : '?');
        }

        printf("%*s", n < session_columns[i].width
                      ? session_columns[i].width - n : 0, "");
    }

    putchar('\n');
}


static json_t *
session_json(PGresult *result, int row)
{
    int      i;
    json_t  *json;

    json = json_object();

    for (i = 0; i < SESSION_COLUMNS; i++) {
        json_object_set_new(json, session_columns[i].name,
                            PQgetisnull(result, row, i) ? json_null()
                            : json_string(PQgetvalue(result, row, i)));
    }

    return json;
}
