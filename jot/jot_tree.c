/*
 * jansson's trees, for what is read once.
 *
 * jansson is strict in UTF-8, refuses duplicate members and \u0000 as well, so
 * that no string has a NUL in it.  It allows 2048 levels, though, and passes
 * over a NUL byte behind a number as if it were not there; so a scan before it
 * looks for both.
 */

#include <string.h>

#include "jot.h"
#include "jot_json.h"


static int jot_tree_is_deep(const char *data, size_t len, unsigned depth);
static const char *jot_tree_reason(const json_error_t *error);


json_t *
jot_tree_load(const char *data, size_t len, unsigned depth,
    const char **detail, int *line)
{
    json_t        *root;
    json_error_t   error;

    *line = 0;

    if (len && memchr(data, '\0', len)) {
        *detail = "JSON has a NUL character";
        return NULL;
    }

    if (jot_tree_is_deep(data, len, depth)) {
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
        *detail = jot_tree_reason(&error);
        return NULL;
    }

    if (!json_is_object(root)) {
        json_decref(root);
        *detail = "not a JSON object";
        return NULL;
    }

    return root;
}


/*
 * Counts brackets outside of strings.  Whether they match is for jansson to
 * say, and so is everything else.
 */

static int
jot_tree_is_deep(const char *data, size_t len, unsigned depth)
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
jot_tree_reason(const json_error_t *error)
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
