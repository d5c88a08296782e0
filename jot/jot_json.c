/*
 * A JSON text and its tree.
 *
 * jansson reads it: strict in UTF-8, duplicate members refused, and \u0000 as
 * well, so that no string has a NUL in it.  It allows 2048 levels, though, and
 * passes over a NUL byte behind a number as if it were not there; so a scan
 * before it looks for both.  It keeps numbers as doubles only; the text is kept
 * to tell how one was written (see jot_value.c).
 */

#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"


struct jot_json_s {
    json_t       *root;
    unsigned      owners;
    size_t        len;
    char          text[];
};


static int jot_json_is_flat(const char *data, size_t len, unsigned depth);
static int jot_json_too_deep(const char *data, size_t len, unsigned depth);
static const char *jot_json_reason(const json_error_t *error);
static jot_json_t *jot_json_new(size_t len);


jot_status_t
jot_json_parse(jot_json_t **json, const char *data, size_t len, unsigned depth,
    const char **detail)
{
    const char    *ignored;
    jot_json_t    *new;
    jot_status_t   status;

    *json = NULL;

    if (detail == NULL) {
        detail = &ignored;
    }

    new = jot_json_new(len);
    if (new == NULL) {
        *detail = "out of memory";
        return JOT_INTERNAL;
    }

    if (len) {
        memcpy(new->text, data, len);
    }

    status = jot_json_read(new, depth, detail);

    if (status != JOT_OK) {
        jot_json_free(new);
        return status;
    }

    *json = new;
    return JOT_OK;
}


jot_json_t *
jot_json_decode(jot_str_t encoded, jot_status_t *status)
{
    jot_json_t  *json;

    json = jot_json_new(JOT_BASE64URL_DECODED(encoded.len));
    if (json == NULL) {
        *status = JOT_INTERNAL;
        return NULL;
    }

    if (jot_base64url_decode(json->text, &json->len, encoded.data, encoded.len)
        != 0)
    {
        jot_json_free(json);
        *status = JOT_MALFORMED;
        return NULL;
    }

    return json;
}


jot_status_t
jot_json_read(jot_json_t *json, unsigned depth, const char **detail)
{
    int  line;

    json->root = jot_json_load(json->text, json->len, depth, detail, &line);

    return json->root ? JOT_OK : JOT_MALFORMED;
}


json_t *
jot_json_load(const char *data, size_t len, unsigned depth,
    const char **detail, int *line)
{
    json_t        *root;
    json_error_t   error;

    *line = 0;

    if (len && memchr(data, '\0', len)) {
        *detail = "JSON has a NUL character";
        return NULL;
    }

    if (!jot_json_is_flat(data, len, depth)
        && jot_json_too_deep(data, len, depth))
    {
        *detail = "nested too deep";
        return NULL;
    }

    /* An integer that does not fit into 64 bits is no fault: a double then. */

    root = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL && json_error_code(&error) == json_error_numeric_overflow)
    {
        root = json_loadb(data, len,
                          JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                          &error);
    }

    if (root == NULL) {
        *line = error.line > 0 ? error.line : 0;
        *detail = jot_json_reason(&error);
        return NULL;
    }

    if (!json_is_object(root)) {
        json_decref(root);
        *detail = "not a JSON object";
        return NULL;
    }

    return root;
}


void
jot_json_free(jot_json_t *json)
{
    if (json && --json->owners == 0) {
        json_decref(json->root);
        explicit_bzero(json->text, json->len);
        free(json);
    }
}


jot_json_t *
jot_json_share(jot_json_t *json)
{
    json->owners++;

    return json;
}


jot_str_t
jot_json_text(const jot_json_t *json)
{
    return (jot_str_t) { json->text, json->len };
}


json_t *
jot_json_root(const jot_json_t *json)
{
    return json->root;
}


static jot_json_t *
jot_json_new(size_t len)
{
    jot_json_t  *json;

    if (len > SIZE_MAX - sizeof(jot_json_t)) {
        return NULL;
    }

    json = malloc(sizeof(jot_json_t) + len);

    if (json) {
        json->root = NULL;
        json->owners = 1;
        json->len = len;
    }

    return json;
}


/* Whether it has no more brackets that open than there may be levels. */

static int
jot_json_is_flat(const char *data, size_t len, unsigned depth)
{
    unsigned     n;
    const char  *p, *end, *kind;

    n = 0;
    end = data + len;

    for (kind = "{["; *kind; kind++) {
        for (p = data;
             p < end && (p = memchr(p, *kind, end - p)) != NULL;
             p++)
        {
            if (++n > depth) {
                return 0;
            }
        }
    }

    return 1;
}


/*
 * Counts brackets outside of strings.  Whether they match is for jansson to
 * say, and so is everything else.
 */

static int
jot_json_too_deep(const char *data, size_t len, unsigned depth)
{
    int          string;
    unsigned     level;
    const char  *p, *end;

    string = 0;
    level = 0;
    end = data + len;

    for (p = data; p < end; p++) {
        if (string) {
            if (*p == '\\') {
                p++;
            } else if (*p == '"') {
                string = 0;
            }

        } else if (*p == '"') {
            string = 1;

        } else if (*p == '{' || *p == '[') {
            if (++level > depth) {
                return 1;
            }

        } else if ((*p == '}' || *p == ']') && level) {
            level--;
        }
    }

    return 0;
}


/* jansson's own texts quote the input, which may be a secret. */

static const char *
jot_json_reason(const json_error_t *error)
{
    switch (json_error_code(error)) {

    case json_error_out_of_memory:
        return "out of memory";

    case json_error_invalid_utf8:
        return "JSON is not UTF-8";

    case json_error_premature_end_of_input:
        return "JSON ends too early";

    case json_error_end_of_input_expected:
        return "something follows the JSON text";

    case json_error_duplicate_key:
        return "JSON has a member twice";

    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "JSON has a NUL character";

    case json_error_numeric_overflow:
        return "JSON has a number that is too large";

    default:
        return "not JSON";
    }
}
