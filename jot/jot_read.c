/*
 * The reader of JSON (RFC 8259): a text into entries, in one pass.
 *
 * It takes an object of UTF-8, with nothing behind it, nesting at most so deep,
 * no name twice in an object, and no NUL, neither as a byte nor as \u0000.
 * Whatever is not taken explicitly is refused.
 */

#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"
#include "jot_read.h"


#define JOT_READ_FEW      16    /* so many names are compared with each other */
#define JOT_READ_PLAIN   300    /* digits with which nothing is too large */


static int jot_read_value(jot_reader_t *reader);
static int jot_read_entry(jot_reader_t *reader);
static int jot_read_inside(jot_reader_t *reader, size_t at, char last);
static int jot_read_name(jot_reader_t *reader, jot_str_t *name);
static int jot_read_twice(jot_reader_t *reader, size_t at);
static int jot_read_compare(const void *one, const void *two);
static int jot_read_number(jot_reader_t *reader);
static size_t jot_read_digits(jot_reader_t *reader);
static int jot_read_word(jot_reader_t *reader, const char *word, size_t len);
static inline void jot_read_space(jot_reader_t *reader);


jot_status_t
jot_json_read(jot_json_t *json, unsigned depth, const char **detail)
{
    int           rc;
    jot_reader_t  reader;

    memset(&reader, 0, sizeof(jot_reader_t));

    reader.json = json;
    reader.p = json->text;
    reader.end = json->text + json->len;
    reader.string = json->strings;
    reader.levels = depth;
    reader.status = JOT_MALFORMED;

    if (memchr(json->text, '\0', json->len)) {
        *detail = "JSON has a NUL character";
        return JOT_MALFORMED;
    }

    jot_read_space(&reader);

    if (reader.p < reader.end && *reader.p != '{' && *reader.p != '[') {
        rc = jot_read_fail(&reader);

    } else {
        rc = jot_read_value(&reader);
    }

    if (rc == 0) {
        jot_read_space(&reader);

        if (reader.p < reader.end) {
            rc = jot_read_refuse(&reader, "something follows the JSON text");

        } else if (json->entries[0].type != JOT_OBJECT) {
            rc = jot_read_refuse(&reader, "not a JSON object");
        }
    }

    if (rc != 0) {
        json->nentries = 0;
        *detail = reader.detail;
        return reader.status;
    }

    return JOT_OK;
}


/* A value, with all that is inside; its entry is the next one. */

static int
jot_read_value(jot_reader_t *reader)
{
    int           rc;
    size_t        at;
    jot_str_t     string;
    const char   *start;
    jot_type_t    type;
    jot_entry_t  *entry;

    at = reader->json->nentries;                /* they move when they grow */

    if (reader->p == reader->end) {
        return jot_read_fail(reader);
    }

    if (jot_read_entry(reader) != 0) {
        return -1;
    }

    start = reader->p;
    string = (jot_str_t) { NULL, 0 };

    switch (*start) {

    case '{':
        type = JOT_OBJECT;
        rc = jot_read_inside(reader, at, '}');
        break;

    case '[':
        type = JOT_ARRAY;
        rc = jot_read_inside(reader, at, ']');
        break;

    case '"':
        type = JOT_STRING;
        rc = jot_string_read(reader, &string);
        break;

    case 't':
        type = JOT_BOOLEAN;
        rc = jot_read_word(reader, "true", 4);
        break;

    case 'f':
        type = JOT_BOOLEAN;
        rc = jot_read_word(reader, "false", 5);
        break;

    case 'n':
        type = JOT_NULL;
        rc = jot_read_word(reader, "null", 4);
        break;

    default:
        type = JOT_NUMBER;
        rc = jot_read_number(reader);
    }

    entry = &reader->json->entries[at];

    entry->type = type;
    entry->string = string;
    entry->raw = (jot_str_t) { start, reader->p - start };

    return rc;
}


/*
 * Room for one more.  Most texts have fewer than one in eight bytes, so that
 * they are asked for once.
 */

static int
jot_read_entry(jot_reader_t *reader)
{
    size_t        size;
    jot_json_t   *json;
    jot_entry_t  *entries;

    json = reader->json;

    if (json->nentries == json->size) {
        size = json->size ? 2 * json->size : json->len / 8 + 4;

        entries = reallocarray(json->entries, size, sizeof(jot_entry_t));
        if (entries == NULL) {
            reader->status = JOT_INTERNAL;
            return jot_read_refuse(reader, "out of memory");
        }

        json->entries = entries;
        json->size = size;
    }

    memset(&json->entries[json->nentries++], 0, sizeof(jot_entry_t));

    return 0;
}


/* An object or an array, from its first bracket to its last. */

static int
jot_read_inside(jot_reader_t *reader, size_t at, char last)
{
    size_t       n, before;
    uint32_t     count;
    jot_str_t    name;
    jot_json_t  *json;

    json = reader->json;

    if (reader->levels == 0) {
        return jot_read_refuse(reader, "nested too deep");
    }

    reader->levels--;
    reader->p++;
    jot_read_space(reader);

    name = (jot_str_t) { NULL, 0 };
    before = 0;
    count = 0;

    if (!jot_read_mark(reader, last)) {

        do {
            jot_read_space(reader);

            if (last == '}' && jot_read_name(reader, &name) != 0) {
                return -1;
            }

            n = json->nentries;

            if (jot_read_value(reader) != 0) {
                return -1;
            }

            json->entries[n].name = name;

            if (count++) {
                json->entries[before].next = n - before;
            }

            before = n;
            jot_read_space(reader);

        } while (jot_read_mark(reader, ','));

        if (!jot_read_mark(reader, last)) {
            return jot_read_fail(reader);
        }
    }

    reader->levels++;
    json->entries[at].count = count;

    return last == '}' ? jot_read_twice(reader, at) : 0;
}


static int
jot_read_name(jot_reader_t *reader, jot_str_t *name)
{
    if (reader->p == reader->end || *reader->p != '"') {
        return jot_read_fail(reader);
    }

    if (jot_string_read(reader, name) != 0) {
        return -1;
    }

    jot_read_space(reader);

    if (!jot_read_mark(reader, ':')) {
        return jot_read_fail(reader);
    }

    jot_read_space(reader);
    return 0;
}


/*
 * A name that an object has twice is refused: two readers of one token might
 * take either.  Many names are sorted, for a header is read before anything is
 * known about who sent it.
 */

static int
jot_read_twice(jot_reader_t *reader, size_t at)
{
    int           twice;
    size_t        n, i, k;
    jot_str_t     few[JOT_READ_FEW], *names;
    jot_entry_t  *entry;

    entry = &reader->json->entries[at];
    n = entry->count;

    if (n < 2) {
        return 0;
    }

    names = few;

    if (n > JOT_READ_FEW) {
        names = reallocarray(NULL, n, sizeof(jot_str_t));
        if (names == NULL) {
            reader->status = JOT_INTERNAL;
            return jot_read_refuse(reader, "out of memory");
        }
    }

    twice = 0;
    entry++;                                    /* the first one inside */

    for (i = 0; i < n; i++) {
        names[i] = entry->name;
        entry += entry->next;

        for (k = 0; n <= JOT_READ_FEW && k < i; k++) {
            twice |= jot_str_same(names[k], names[i]);
        }
    }

    if (n > JOT_READ_FEW) {
        qsort(names, n, sizeof(jot_str_t), jot_read_compare);

        for (i = 1; i < n; i++) {
            twice |= jot_str_same(names[i - 1], names[i]);
        }

        free(names);
    }

    return twice ? jot_read_refuse(reader, "JSON has a member twice") : 0;
}


static int
jot_read_compare(const void *one, const void *two)
{
    const jot_str_t  *a = one, *b = two;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    return memcmp(a->data, b->data, a->len);
}


/* A number stays as it was written (RFC 8259, 6). */

static int
jot_read_number(jot_reader_t *reader)
{
    int          scaled;
    const char  *start;

    start = reader->p;
    scaled = 0;

    (void) jot_read_mark(reader, '-');

    if (!jot_read_mark(reader, '0') && jot_read_digits(reader) == 0) {
        return jot_read_fail(reader);
    }

    if (jot_read_mark(reader, '.') && jot_read_digits(reader) == 0) {
        return jot_read_fail(reader);
    }

    if (jot_read_mark(reader, 'e') || jot_read_mark(reader, 'E')) {
        scaled = 1;

        if (!jot_read_mark(reader, '+')) {
            (void) jot_read_mark(reader, '-');
        }

        if (jot_read_digits(reader) == 0) {
            return jot_read_fail(reader);
        }
    }

    if ((scaled || reader->p - start > JOT_READ_PLAIN)
        && jot_number_is_large((jot_str_t) { start, reader->p - start }))
    {
        return jot_read_refuse(reader, "JSON has a number that is too large");
    }

    return 0;
}


static size_t
jot_read_digits(jot_reader_t *reader)
{
    const char  *start;

    start = reader->p;

    while (reader->p < reader->end && *reader->p >= '0' && *reader->p <= '9') {
        reader->p++;
    }

    return reader->p - start;
}


static int
jot_read_word(jot_reader_t *reader, const char *word, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!jot_read_mark(reader, word[i])) {
            return jot_read_fail(reader);
        }
    }

    return 0;
}


static inline void
jot_read_space(jot_reader_t *reader)
{
    while (reader->p < reader->end && jot_is_space(*reader->p)) {
        reader->p++;
    }
}
