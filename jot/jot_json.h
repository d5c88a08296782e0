/*
 * JSON as the core reads it.  Private to jot.
 *
 * Tokens are read into flat entries, for each request may bring a new one; key
 * sets, which are read once, into jansson's trees.  Both take and refuse the
 * same texts, but for numbers from 1e308 on, of which jansson takes a few more
 * (t/fuzz/jot_json_fuzz.c holds one against the other).
 */

#ifndef JOT_JSON_H
#define JOT_JSON_H

#include <string.h>

#include <jansson.h>


/*
 * A value, in the order of the text: what is inside of an object or an array
 * comes directly behind it.
 */
typedef struct {
    jot_type_t    type;
    uint32_t      next;         /* so many on is the next beside it; 0: none */
    uint32_t      count;        /* members or elements, not deeper */
    jot_str_t     name;         /* of a member, as string; data is NULL: none */
    jot_str_t     string;       /* a string without escapes, and a NUL */
    jot_str_t     raw;          /* its slice of the text */
} jot_entry_t;

struct jot_json_s {
    jot_entry_t  *entries;      /* the first is the top */
    size_t        nentries;     /* 0: it was not read, or not taken */
    size_t        size;         /* how many have room */
    unsigned      owners;
    size_t        len;
    char         *strings;      /* room for all, len bytes in text */
    char          text[];
};


/*
 * In two steps, for a payload, whose base64url is looked at before and whose
 * JSON after the signature.  _decode gives NULL and *status on failure, and on
 * success something that has no values before jot_json_read() took it.
 */
jot_json_t *jot_json_decode(jot_str_t encoded, jot_status_t *status);
jot_status_t jot_json_read(jot_json_t *json, unsigned depth,
    const char **detail);

/* A member of the top: 1 and *value, or 0. */
int jot_json_member(const jot_json_t *json, const char *name,
    jot_value_t *value);

int jot_value_is(const jot_value_t *value, jot_str_t string);   /* exactly */

/* Most names differ in the first letter, which is cheaper than a call. */

static inline int
jot_str_same(jot_str_t a, jot_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || (a.data[0] == b.data[0]
                              && memcmp(a.data, b.data, a.len) == 0));
}

/* One more owner of what nobody changes; each calls jot_json_free(). */
jot_json_t *jot_json_share(jot_json_t *json);

/* The caller's to free, or NULL; _add keeps a share of json. */
jot_json_t *jot_headers_find(const jot_headers_t *headers, jot_str_t encoded);
void jot_headers_add(jot_headers_t *headers, jot_str_t encoded,
    jot_json_t *json);


/* RFC 8259, 2. */

static inline int
jot_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


/*
 * A JSON number by its digits, exactly: without doubles, and without a locale.
 * Both take what the reader has found to be one.
 *
 * _seconds rounds a fraction up, to 2^53 at most; -1 if the number is negative
 * or not below 2^53.
 */
int jot_number_is_large(jot_str_t raw);         /* from 1e308 on */
int jot_number_seconds(jot_str_t raw, int64_t *seconds);


/*
 * The one place that calls jansson's parser.  Returns a new reference to an
 * object; or NULL, with *line 0 where none can be told.
 */
json_t *jot_tree_load(const char *data, size_t len, unsigned depth,
    const char **detail, int *line);

#endif
