/*
 * portero user import FILE: users with their hashes, from a table in CSV
 * (RFC 4180) whose first line is
 *
 *     username,password_hash,email,roles
 *
 * All of it or nothing: the form of every line is looked at before the
 * database is asked, and what the database refuses takes back the rest.  No
 * field may hold a line break, so a record is a line and errors can name it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "admin.h"
#include "cmd_user.h"
#include "password_method.h"
#include "username.h"


#define IMPORT_HEADER      "username,password_hash,email,roles"
#define IMPORT_FIELDS      4
#define IMPORT_LINE_MAX    4096
#define IMPORT_HASH_MAX    383
#define IMPORT_ERRORS_MAX  20           /* shown; there may be more */
#define IMPORT_BOM         "\xef\xbb\xbf"

typedef struct {
    const portero_t  *portero;
    const char       *file;
    FILE             *stream;
    PGconn           *conn;             /* NULL: only the form is looked at */
    unsigned          number;           /* of the line, from 1 */
    unsigned          errors;
    unsigned          users;
} import_t;


static portero_status_t import_twice(import_t *import);
static int import_lines(import_t *import);
static void import_line(import_t *import, char *line, size_t len);
static const char *import_split(char *line, char *fields[IMPORT_FIELDS]);
static char *import_field(char **rest, const char **fault);
static const char *import_check(char *const fields[IMPORT_FIELDS]);
static void import_add(import_t *import, char *const fields[IMPORT_FIELDS]);
static char *import_roles(char *text);
static void import_refuse(import_t *import, const char *fault);


portero_status_t
cmd_user_import(const portero_t *portero)
{
    import_t          import;
    portero_status_t  status;

    memset(&import, 0, sizeof(import));
    import.portero = portero;
    import.file = portero->argv[0];
    import.stream = fopen(import.file, "re");

    if (import.stream == NULL) {
        return portero_failed("%s: %s", import.file, strerror(errno));
    }

    /* Its buffer has hashes in it, and would not be wiped. */

    setvbuf(import.stream, NULL, _IONBF, 0);

    status = import_twice(&import);

    fclose(import.stream);
    return status;
}


static portero_status_t
import_twice(import_t *import)
{
    int               rc;
    PGconn           *conn;
    PGresult         *result;
    portero_status_t  status;

    if (import_lines(import) != 0) {
        return PORTERO_FAILED;
    }

    if (fseek(import->stream, 0, SEEK_SET) != 0) {
        return portero_failed("%s: %s; a file would be right, for it is read "
                              "twice", import->file, strerror(errno));
    }

    conn = admin_connect(import->portero);

    if (conn == NULL) {
        return PORTERO_FAILED;
    }

    import->conn = conn;
    import->users = 0;

    result = admin_query(conn, "BEGIN", 0, NULL, NULL);
    rc = result ? import_lines(import) : -1;
    PQclear(result);

    /* Whatever was not committed goes with the connection. */

    result = rc == 0 ? admin_query(conn, "COMMIT", 0, NULL, NULL) : NULL;
    status = result ? PORTERO_OK : PORTERO_FAILED;

    PQclear(result);
    PQfinish(conn);

    if (status == PORTERO_OK) {
        printf(import->portero->json ? "{\"users\":%u}\n" : "%u users\n",
               import->users);
    }

    return status;
}


static int
import_lines(import_t *import)
{
    char     *line;
    size_t    size;
    ssize_t   len;

    line = NULL;
    size = 0;
    import->number = 0;

    while ((len = getline(&line, &size, import->stream)) != -1) {
        import->number++;
        import_line(import, line, len);
        explicit_bzero(line, len);

        /* Past a wrong header, or what the database refused, all is wrong. */

        if (import->errors == IMPORT_ERRORS_MAX
            || (import->errors && (import->conn || import->number == 1)))
        {
            break;
        }
    }

    if (ferror(import->stream)) {
        import_refuse(import, strerror(errno));

    } else if (import->number == 0) {
        import->number = 1;
        import_refuse(import, "the file is empty; its first line has to be "
                      IMPORT_HEADER);
    }

    free(line);
    return import->errors ? -1 : 0;
}


static void
import_line(import_t *import, char *line, size_t len)
{
    char        *fields[IMPORT_FIELDS];
    const char  *fault;

    if (strlen(line) != len || len > IMPORT_LINE_MAX) {
        import_refuse(import, "a NUL byte, or more than 4096 bytes");
        return;
    }

    line[strcspn(line, "\r\n")] = '\0';

    if (import->number == 1) {
        line += strncmp(line, IMPORT_BOM, 3) == 0 ? 3 : 0;

        if (strcmp(line, IMPORT_HEADER) != 0) {
            import_refuse(import, "the first line has to be " IMPORT_HEADER);
        }

        return;
    }

    if (*line == '\0') {
        return;
    }

    fault = import_split(line, fields);

    if (fault == NULL) {
        fault = import_check(fields);
    }

    if (fault) {
        import_refuse(import, fault);

    } else if (import->conn) {
        import_add(import, fields);
    }
}


/* In place; NULL, or what is wrong. */
static const char *
import_split(char *line, char *fields[IMPORT_FIELDS])
{
    int          i;
    char        *rest;
    const char  *fault;

    fault = NULL;
    rest = line;

    for (i = 0; i < IMPORT_FIELDS && fault == NULL; i++) {
        if (rest == NULL) {
            return "there are not four fields";
        }

        fields[i] = import_field(&rest, &fault);
    }

    if (fault == NULL && rest) {
        return "there are more than four fields";
    }

    return fault;
}


/* *rest is what follows the comma, NULL after the last field. */
static char *
import_field(char **rest, const char **fault)
{
    int    closed;
    char  *field, *from, *to;

    closed = 0;
    field = *rest;

    if (*field != '"') {
        to = field + strcspn(field, ",\"");

        if (*to == '"') {
            *fault = "a quote within a field that does not begin with one";
            return NULL;
        }

        *rest = *to ? to + 1 : NULL;
        *to = '\0';
        return field;
    }

    for (from = to = field + 1; *from; *to++ = *from++) {

        if (*from == '"' && *++from != '"') {
            closed = 1;
            break;
        }
    }

    if (!closed || (*from && *from != ',')) {
        *fault = "a quoted field that does not end with a quote and a comma";
        return NULL;
    }

    *rest = *from ? from + 1 : NULL;
    *to = '\0';

    return field + 1;
}


/* What the database would not say as well. */
static const char *
import_check(char *const fields[IMPORT_FIELDS])
{
    unsigned long      cost;
    password_method_t  method;

    if (!username_valid(fields[0])) {
        return "a username has to be 1 to 64 of the letters A to Z, digits "
               "and . _ - @ +";
    }

    if (*fields[1]
        && (strlen(fields[1]) > IMPORT_HASH_MAX
            || password_method_parse(fields[1], &method, &cost) != 0))
    {
        return "the password_hash is none that is verified, or too dear: "
               "yescrypt ($y$) up to cost 9, bcrypt ($2a$ $2b$ $2y$) up to "
               "14, sha crypt ($5$ $6$) up to 1000000 rounds, scrypt ($7$) "
               "up to 256 MiB would be right";
    }

    return NULL;
}


static void
import_add(import_t *import, char *const fields[IMPORT_FIELDS])
{
    char        *roles, state[6];
    PGresult    *result;
    const char  *values[4];

    roles = import_roles(fields[3]);

    if (roles == NULL) {
        import_refuse(import, "out of memory");
        return;
    }

    values[0] = fields[0];
    values[1] = *fields[1] ? fields[1] : NULL;
    values[2] = *fields[2] ? fields[2] : NULL;
    values[3] = roles;

    state[0] = '\0';
    result = admin_query(import->conn, "SELECT portero.admin_user_add($1, $2,"
                         " $3, ARRAY(SELECT jsonb_array_elements_text($4)))",
                         4, values, state);

    if (result) {
        import->users++;

    } else if (state[0]) {
        import_refuse(import, admin_rule_text(user_rules,
                                              PQerrorMessage(import->conn)));

    } else {
        import->errors++;               /* it is said already */
    }

    PQclear(result);
    free(roles);
}


/* JSON, so that nobody has to quote for an array's text form. */
static char *
import_roles(char *text)
{
    char    *json, *role, *rest;
    json_t  *array, *element;

    array = json_array();
    rest = NULL;

    for (role = strtok_r(text, " ", &rest); role;
         role = strtok_r(NULL, " ", &rest))
    {
        /* What is no UTF-8 becomes null, which the database refuses. */

        element = json_string(role);
        json_array_append_new(array, element ? element : json_null());
    }

    json = json_dumps(array, JSON_COMPACT);
    json_decref(array);

    return json;
}


static void
import_refuse(import_t *import, const char *fault)
{
    import->errors++;
    portero_failed("%s:%u: %.*s", import->file, import->number,
                   (int) strcspn(fault, "\n"), fault);
}
