/*
 * Values inside a JSON text: how to find one, and how to write it down.
 *
 * A value is a node of jansson's tree.  How it was written is only in the text,
 * and looked for there when somebody asks: tree and text are walked side by
 * side, for jansson keeps members in the order of the text, and the text was
 * found well-formed before, so that skipping over it can be simple.
 */

#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"


typedef struct {
    const char   *p;
    const char   *end;
} jot_cursor_t;


static void jot_value_set(jot_value_t *value, const jot_json_t *json,
    json_t *node);
static int jot_value_index(const jot_str_t *name, size_t *index);
static int jot_value_joins(const jot_value_t *value);
static char *jot_value_scalar(char *p, const jot_value_t *value,
    jot_str_t raw);
static char *jot_value_join(char *p, const jot_value_t *value, jot_str_t raw);
static char *jot_value_compact(char *p, jot_str_t raw);
static int jot_cursor_find(jot_cursor_t *cursor, json_t *at,
    const json_t *node, jot_str_t *raw);
static inline int jot_is_space(char c);
static void jot_cursor_space(jot_cursor_t *cursor);
static void jot_cursor_mark(jot_cursor_t *cursor);
static void jot_cursor_string(jot_cursor_t *cursor);
static jot_str_t jot_cursor_value(jot_cursor_t *cursor);
static size_t jot_cursor_scalar(const jot_cursor_t *cursor);


int
jot_json_find(const jot_json_t *json, const jot_str_t *path, size_t n,
    jot_value_t *value)
{
    size_t   i, index;
    json_t  *node;

    node = jot_json_root(json);                 /* borrowed, each of them */

    for (i = 0; node && i < n; i++) {
        if (json_is_object(node)) {
            node = json_object_getn(node, path[i].data, path[i].len);

        } else if (jot_value_index(&path[i], &index)) {
            node = json_array_get(node, index);

        } else {
            node = NULL;
        }
    }

    if (node == NULL) {
        return 0;
    }

    jot_value_set(value, json, node);
    return 1;
}


jot_str_t
jot_value_raw(const jot_value_t *value)
{
    jot_str_t     raw;
    jot_cursor_t  cursor;

    /* These nodes are jansson's own, and stand in the tree more than once. */

    switch (json_typeof((const json_t *) value->node)) {

    case JSON_TRUE:
        return (jot_str_t) { "true", 4 };

    case JSON_FALSE:
        return (jot_str_t) { "false", 5 };

    case JSON_NULL:
        return (jot_str_t) { "null", 4 };

    default:
        break;
    }

    raw = jot_json_text(value->json);
    cursor.p = raw.data;
    cursor.end = raw.data + raw.len;

    jot_cursor_space(&cursor);
    (void) jot_cursor_find(&cursor, jot_json_root(value->json), value->node,
                           &raw);

    return raw;
}


jot_str_t
jot_value_string(const jot_value_t *value)
{
    const json_t  *node = value->node;

    return (jot_str_t) { json_string_value(node), json_string_length(node) };
}


size_t
jot_value_count(const jot_value_t *value)
{
    return json_array_size(value->node);
}


int
jot_value_at(const jot_value_t *value, size_t i, jot_value_t *element)
{
    json_t  *node;

    node = json_array_get(value->node, i);      /* borrowed */
    if (node == NULL) {
        return 0;
    }

    jot_value_set(element, value->json, node);
    return 1;
}


jot_status_t
jot_value_text(const jot_value_t *value, char **text, size_t *len)
{
    char       *start, *end;
    jot_str_t   raw;

    *text = NULL;
    *len = 0;

    /* No value is longer as text than its slice: escapes shrink. */

    raw = value->type == JOT_STRING ? jot_value_string(value)
                                    : jot_value_raw(value);

    start = malloc(raw.len + 1);
    if (start == NULL) {
        return JOT_INTERNAL;
    }

    if (jot_value_joins(value)) {
        end = jot_value_join(start, value, raw);

    } else if (value->type == JOT_OBJECT || value->type == JOT_ARRAY) {
        end = jot_value_compact(start, raw);

    } else {
        end = jot_value_scalar(start, value, raw);
    }

    if (end == start) {
        free(start);
        return JOT_OK;
    }

    *text = start;
    *len = end - start;
    return JOT_OK;
}


static void
jot_value_set(jot_value_t *value, const jot_json_t *json, json_t *node)
{
    value->json = json;
    value->node = node;
    value->type = JOT_NULL;

    switch (json_typeof(node)) {

    case JSON_OBJECT:
        value->type = JOT_OBJECT;
        break;

    case JSON_ARRAY:
        value->type = JOT_ARRAY;
        break;

    case JSON_STRING:
        value->type = JOT_STRING;
        break;

    case JSON_INTEGER:
    case JSON_REAL:
        value->type = JOT_NUMBER;
        break;

    case JSON_TRUE:
    case JSON_FALSE:
        value->type = JOT_BOOLEAN;
        break;

    case JSON_NULL:
        break;
    }
}


/* A decimal index has one spelling: "1", not "01" or "+1". */

static int
jot_value_index(const jot_str_t *name, size_t *index)
{
    size_t  i;

    if (name->len == 0 || name->len > 9
        || (name->data[0] == '0' && name->len > 1))
    {
        return 0;
    }

    *index = 0;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < '0' || name->data[i] > '9') {
            return 0;
        }

        *index = *index * 10 + (name->data[i] - '0');
    }

    return 1;
}


/* Whether an array holds scalars only, so that it is written with commas. */

static int
jot_value_joins(const jot_value_t *value)
{
    size_t   i;
    json_t  *node;

    if (value->type != JOT_ARRAY) {
        return 0;
    }

    json_array_foreach(value->node, i, node) {
        if (json_is_object(node) || json_is_array(node)) {
            return 0;
        }
    }

    return 1;
}


static char *
jot_value_scalar(char *p, const jot_value_t *value, jot_str_t raw)
{
    jot_str_t  text;

    switch (value->type) {

    case JOT_NULL:
        return p;

    case JOT_STRING:
        text = jot_value_string(value);
        break;

    default:
        text = raw;
    }

    return mempcpy(p, text.data, text.len);
}


static char *
jot_value_join(char *p, const jot_value_t *value, jot_str_t raw)
{
    size_t         i;
    jot_value_t    element;
    jot_cursor_t   cursor;

    cursor.p = raw.data;
    cursor.end = raw.data + raw.len;

    for (i = 0; jot_value_at(value, i, &element); i++) {
        jot_cursor_mark(&cursor);               /* the bracket, or a comma */

        if (i) {
            *p++ = ',';
        }

        p = jot_value_scalar(p, &element, jot_cursor_value(&cursor));
    }

    return p;
}


static char *
jot_value_compact(char *p, jot_str_t raw)
{
    const char    *start;
    jot_cursor_t   cursor;

    cursor.p = raw.data;
    cursor.end = raw.data + raw.len;

    for ( ;; ) {
        jot_cursor_space(&cursor);

        if (cursor.p == cursor.end) {
            return p;
        }

        start = cursor.p;

        if (*start == '"') {
            jot_cursor_string(&cursor);

        } else {
            cursor.p++;
        }

        p = mempcpy(p, start, cursor.p - start);
    }
}


/*
 * From the beginning of a value to that of the node, if it is in there; or to
 * its end.
 */

static int
jot_cursor_find(jot_cursor_t *cursor, json_t *at, const json_t *node,
    jot_str_t *raw)
{
    void    *iter;
    size_t   i;
    json_t  *element;

    if (at == node) {
        *raw = jot_cursor_value(cursor);
        return 1;
    }

    if (json_object_size(at) == 0 && json_array_size(at) == 0) {
        (void) jot_cursor_value(cursor);
        return 0;
    }

    jot_cursor_mark(cursor);                    /* what opens it */

    for (iter = json_object_iter(at);
         iter;
         iter = json_object_iter_next(at, iter))
    {
        jot_cursor_string(cursor);
        jot_cursor_mark(cursor);                /* a colon */

        if (jot_cursor_find(cursor, json_object_iter_value(iter), node, raw)) {
            return 1;
        }

        jot_cursor_mark(cursor);                /* a comma, or what ends it */
    }

    json_array_foreach(at, i, element) {
        if (jot_cursor_find(cursor, element, node, raw)) {
            return 1;
        }

        jot_cursor_mark(cursor);
    }

    return 0;
}


static inline int
jot_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


static void
jot_cursor_space(jot_cursor_t *cursor)
{
    while (cursor->p < cursor->end && jot_is_space(*cursor->p)) {
        cursor->p++;
    }
}


/* Over one mark, and the white space around it. */

static void
jot_cursor_mark(jot_cursor_t *cursor)
{
    jot_cursor_space(cursor);
    cursor->p++;
    jot_cursor_space(cursor);
}


/* To the first quotation mark with an even number of backslashes before it. */

static void
jot_cursor_string(jot_cursor_t *cursor)
{
    const char  *p, *quote, *slash;

    p = cursor->p + 1;

    do {
        quote = memchr(p, '"', cursor->end - p);
        if (quote == NULL) {
            cursor->p = cursor->end;
            return;
        }

        for (slash = quote; slash > p && slash[-1] == '\\'; slash--) {
            /* void */
        }

        p = quote + 1;

    } while ((quote - slash) % 2);

    cursor->p = p;
}


static jot_str_t
jot_cursor_value(jot_cursor_t *cursor)
{
    unsigned     level;
    const char  *start;

    start = cursor->p;
    level = 0;

    do {
        switch (*cursor->p) {

        case '"':
            jot_cursor_string(cursor);
            break;

        case '{':
        case '[':
            level++;
            cursor->p++;
            break;

        case '}':
        case ']':
            level--;
            cursor->p++;
            break;

        default:
            cursor->p += level ? 1 : jot_cursor_scalar(cursor);
        }

    } while (level && cursor->p < cursor->end);

    return (jot_str_t) { start, cursor->p - start };
}


static size_t
jot_cursor_scalar(const jot_cursor_t *cursor)
{
    const char  *p;

    p = cursor->p;

    while (p < cursor->end && *p != ',' && *p != ']' && *p != '}'
           && !jot_is_space(*p))
    {
        p++;
    }

    return p - cursor->p;
}
