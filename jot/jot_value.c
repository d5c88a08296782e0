/*
 * Values inside a JSON text: how to find one, and how to write it down.  A
 * value is an entry that jot_read.c has made.
 */

#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"


typedef struct {
    const char   *p;
    const char   *end;
} jot_cursor_t;


static const jot_entry_t *jot_value_member(const jot_entry_t *entry,
    jot_str_t name);
static const jot_entry_t *jot_value_element(const jot_entry_t *entry,
    jot_str_t name);
static void jot_value_set(jot_value_t *value, const jot_json_t *json,
    const jot_entry_t *entry);
static int jot_value_index(jot_str_t name, size_t *index);
static int jot_value_joins(const jot_value_t *value);
static char *jot_value_scalar(char *p, const jot_value_t *value);
static char *jot_value_join(char *p, const jot_value_t *value);
static char *jot_value_compact(char *p, jot_str_t raw);
static void jot_cursor_space(jot_cursor_t *cursor);
static void jot_cursor_string(jot_cursor_t *cursor);


int
jot_json_find(const jot_json_t *json, const jot_str_t *path, size_t n,
    jot_value_t *value)
{
    size_t              i;
    const jot_entry_t  *entry;

    entry = json->nentries ? json->entries : NULL;

    for (i = 0; entry && i < n; i++) {
        entry = entry->type == JOT_OBJECT
                ? jot_value_member(entry, path[i])
                : jot_value_element(entry, path[i]);
    }

    if (entry == NULL) {
        return 0;
    }

    jot_value_set(value, json, entry);
    return 1;
}


int
jot_json_member(const jot_json_t *json, const char *name, jot_value_t *value)
{
    jot_str_t  path = { name, strlen(name) };

    return jot_json_find(json, &path, 1, value);
}


jot_str_t
jot_value_raw(const jot_value_t *value)
{
    const jot_entry_t  *entry = value->entry;

    return entry->raw;
}


jot_str_t
jot_value_string(const jot_value_t *value)
{
    const jot_entry_t  *entry = value->entry;

    return entry->string;
}


int
jot_value_is(const jot_value_t *value, jot_str_t string)
{
    const jot_entry_t  *entry = value->entry;

    return entry->type == JOT_STRING && jot_str_same(entry->string, string);
}


size_t
jot_value_count(const jot_value_t *value)
{
    const jot_entry_t  *entry = value->entry;

    return entry->type == JOT_ARRAY ? entry->count : 0;
}


int
jot_value_first(const jot_value_t *value, jot_value_t *element)
{
    const jot_entry_t  *entry = value->entry;

    if (jot_value_count(value) == 0) {
        return 0;
    }

    jot_value_set(element, value->json, entry + 1);
    return 1;
}


int
jot_value_next(jot_value_t *element)
{
    const jot_entry_t  *entry = element->entry;

    if (entry->next == 0) {
        return 0;
    }

    jot_value_set(element, element->json, entry + entry->next);
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

    raw = jot_value_raw(value);

    start = malloc(raw.len + 1);
    if (start == NULL) {
        return JOT_INTERNAL;
    }

    if (jot_value_joins(value)) {
        end = jot_value_join(start, value);

    } else if (value->type == JOT_OBJECT || value->type == JOT_ARRAY) {
        end = jot_value_compact(start, raw);

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


static const jot_entry_t *
jot_value_member(const jot_entry_t *entry, jot_str_t name)
{
    uint32_t  i, n;

    n = entry->count;
    entry++;

    for (i = 0; i < n; i++) {
        if (jot_str_same(entry->name, name)) {
            return entry;
        }

        entry += entry->next;
    }

    return NULL;
}


static const jot_entry_t *
jot_value_element(const jot_entry_t *entry, jot_str_t name)
{
    size_t  i, index;

    if (entry->type != JOT_ARRAY || !jot_value_index(name, &index)
        || index >= entry->count)
    {
        return NULL;
    }

    entry++;

    for (i = 0; i < index; i++) {
        entry += entry->next;
    }

    return entry;
}


static void
jot_value_set(jot_value_t *value, const jot_json_t *json,
    const jot_entry_t *entry)
{
    value->type = entry->type;
    value->json = json;
    value->entry = entry;
}


/* A decimal index has one spelling: "1", not "01" or "+1". */

static int
jot_value_index(jot_str_t name, size_t *index)
{
    size_t  i;

    if (name.len == 0 || name.len > 9
        || (name.data[0] == '0' && name.len > 1))
    {
        return 0;
    }

    *index = 0;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return 0;
        }

        *index = *index * 10 + (name.data[i] - '0');
    }

    return 1;
}


/* Whether an array holds scalars only, so that it is written with commas. */

static int
jot_value_joins(const jot_value_t *value)
{
    int          more;
    jot_value_t  element;

    if (value->type != JOT_ARRAY) {
        return 0;
    }

    for (more = jot_value_first(value, &element);
         more;
         more = jot_value_next(&element))
    {
        if (element.type == JOT_OBJECT || element.type == JOT_ARRAY) {
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
        text = jot_value_raw(value);
    }

    return mempcpy(p, text.data, text.len);
}


static char *
jot_value_join(char *p, const jot_value_t *value)
{
    int          more;
    char        *start;
    jot_value_t  element;

    start = p;

    for (more = jot_value_first(value, &element);
         more;
         more = jot_value_next(&element))
    {
        p = jot_value_scalar(p, &element);
        *p++ = ',';
    }

    return p > start ? p - 1 : p;               /* without the last comma */
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
