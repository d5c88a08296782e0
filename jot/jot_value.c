/*
 * Values inside a JSON text: how to find one, and how to write it down.
 *
 * A value is a node of jansson's tree and its slice of the text.  Both are
 * walked side by side: jansson keeps members in the order of the text, and the
 * text was found well-formed before, so that skipping over it can be simple.
 */

#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"


typedef struct {
    const char   *p;
    const char   *end;
} jot_cursor_t;


static void jot_value_set(jot_value_t *value, json_t *node, jot_str_t raw);
static jot_str_t jot_value_trim(jot_str_t text);
static int jot_value_member(const jot_value_t *value, const jot_str_t *name,
    jot_value_t *member);
static int jot_value_index(const jot_str_t *name, size_t *index);
static int jot_value_joins(const jot_value_t *value);
static char *jot_value_scalar(char *p, const jot_value_t *value);
static char *jot_value_join(char *p, const jot_value_t *value);
static char *jot_value_compact(char *p, const jot_value_t *value);
static inline int jot_is_space(char c);
static void jot_cursor_space(jot_cursor_t *cursor);
static void jot_cursor_string(jot_cursor_t *cursor);
static jot_str_t jot_cursor_value(jot_cursor_t *cursor);
static size_t jot_cursor_scalar(const jot_cursor_t *cursor);


int
jot_json_find(const jot_json_t *json, const jot_str_t *path, size_t n,
    jot_value_t *value)
{
    size_t        i, index;
    jot_value_t   at, next;

    jot_value_set(&at, jot_json_root(json), jot_value_trim(jot_json_text(json)));

    for (i = 0; i < n; i++) {
        if (at.type == JOT_OBJECT) {
            if (!jot_value_member(&at, &path[i], &next)) {
                return 0;
            }

        } else if (!jot_value_index(&path[i], &index)
                   || !jot_value_at(&at, index, &next))
        {
            return 0;
        }

        at = next;
    }

    *value = at;
    return 1;
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
    size_t        n;
    json_t       *node;
    jot_str_t     raw;
    jot_cursor_t  cursor;

    node = json_array_get(value->node, i);      /* borrowed */
    if (node == NULL) {
        return 0;
    }

    cursor.p = value->raw.data + 1;
    cursor.end = value->raw.data + value->raw.len;

    for (n = 0; /* void */ ; n++) {
        jot_cursor_space(&cursor);
        raw = jot_cursor_value(&cursor);

        if (n == i) {
            jot_value_set(element, node, raw);
            return 1;
        }

        jot_cursor_space(&cursor);
        cursor.p++;                             /* a comma */
    }
}


jot_status_t
jot_value_text(const jot_value_t *value, char **text, size_t *len)
{
    char  *start, *end;

    *text = NULL;
    *len = 0;

    /* No value is longer as text than its slice: escapes shrink. */

    start = malloc(value->raw.len);
    if (start == NULL) {
        return JOT_INTERNAL;
    }

    if (jot_value_joins(value)) {
        end = jot_value_join(start, value);

    } else if (value->type == JOT_OBJECT || value->type == JOT_ARRAY) {
        end = jot_value_compact(start, value);

    } else {
        end = jot_value_scalar(start, value);
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
jot_value_set(jot_value_t *value, json_t *node, jot_str_t raw)
{
    value->node = node;
    value->raw = raw;
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


/* White space around a JSON text is no part of its value. */

static jot_str_t
jot_value_trim(jot_str_t text)
{
    while (text.len && jot_is_space(text.data[0])) {
        text.data++;
        text.len--;
    }

    while (text.len && jot_is_space(text.data[text.len - 1])) {
        text.len--;
    }

    return text;
}


static int
jot_value_member(const jot_value_t *value, const jot_str_t *name,
    jot_value_t *member)
{
    void          *iter;
    json_t        *object;
    jot_str_t      raw;
    const char    *key;
    jot_cursor_t   cursor;

    object = (json_t *) value->node;
    cursor.p = value->raw.data + 1;
    cursor.end = value->raw.data + value->raw.len;

    for (iter = json_object_iter(object);
         iter;
         iter = json_object_iter_next(object, iter))
    {
        jot_cursor_space(&cursor);
        jot_cursor_string(&cursor);
        jot_cursor_space(&cursor);
        cursor.p++;                             /* a colon */
        jot_cursor_space(&cursor);
        raw = jot_cursor_value(&cursor);

        key = json_object_iter_key(iter);       /* borrowed */

        if (strlen(key) == name->len && memcmp(key, name->data, name->len) == 0)
        {
            jot_value_set(member, json_object_iter_value(iter), raw);
            return 1;
        }

        jot_cursor_space(&cursor);
        cursor.p++;                             /* a comma, or the end */
    }

    return 0;
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
jot_value_scalar(char *p, const jot_value_t *value)
{
    jot_str_t  text;

    switch (value->type) {

    case JOT_NULL:
        return p;

    case JOT_STRING:
        text = jot_value_string(value);
        break;

    default:
        text = value->raw;
    }

    return mempcpy(p, text.data, text.len);
}


static char *
jot_value_join(char *p, const jot_value_t *value)
{
    size_t         i, n;
    jot_value_t    element;
    jot_cursor_t   cursor;

    n = jot_value_count(value);
    cursor.p = value->raw.data + 1;
    cursor.end = value->raw.data + value->raw.len;

    for (i = 0; i < n; i++) {
        jot_cursor_space(&cursor);
        jot_value_set(&element, json_array_get(value->node, i),
                      jot_cursor_value(&cursor));

        if (i) {
            *p++ = ',';
        }

        p = jot_value_scalar(p, &element);
        jot_cursor_space(&cursor);
        cursor.p++;                             /* a comma, or the end */
    }

    return p;
}


static char *
jot_value_compact(char *p, const jot_value_t *value)
{
    const char    *start;
    jot_cursor_t   cursor;

    cursor.p = value->raw.data;
    cursor.end = value->raw.data + value->raw.len;

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
