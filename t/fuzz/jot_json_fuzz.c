/*
 * Any bytes as JSON, by both readers: the one of tokens and jansson.  Both take
 * it or both refuse it, and what they have read is the same.  Alone in this
 * they differ: ours finds a number too large from 1e308 on, jansson's are
 * doubles, which go on a little.
 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_must(int good)
{
    if (!good) {
        abort();
    }
}


static void
fuzz_string(jot_str_t got, const char *wanted, size_t len)
{
    fuzz_must(got.len == len && memcmp(got.data, wanted, len) == 0
              && got.data[len] == '\0');
}


static void
fuzz_number(jot_str_t raw, const json_t *node)
{
    char     *copy;
    double    number;
    int64_t   seconds;

    copy = strndup(raw.data, raw.len);
    number = strtod(copy, NULL);
    free(copy);

    fuzz_must(number == json_number_value(node));

    /* A double may have lost a fraction, or the last digit at 2^53. */

    if (jot_number_seconds(raw, &seconds) == 0) {
        fuzz_must(number >= 0 && fabs(seconds - number) <= 1);

    } else {
        fuzz_must(number < 0 || number >= 9007199254740991.0
                  || (number == 0 && raw.data[0] == '-'));
    }
}


/* Both keep members in the order of the text. */

static void
fuzz_same(const jot_entry_t *entry, const json_t *node)
{
    size_t               i;
    const char          *name;
    const json_t        *inside;
    const jot_entry_t   *child;

    child = entry + 1;

    switch (json_typeof(node)) {

    case JSON_OBJECT:
        fuzz_must(entry->type == JOT_OBJECT
                  && entry->count == json_object_size(node));

        json_object_foreach((json_t *) node, name, inside) {
            fuzz_string(child->name, name, strlen(name));
            fuzz_same(child, inside);
            child += child->next;
        }

        break;

    case JSON_ARRAY:
        fuzz_must(entry->type == JOT_ARRAY
                  && entry->count == json_array_size(node));

        json_array_foreach(node, i, inside) {
            fuzz_must(child->name.data == NULL);
            fuzz_same(child, inside);
            child += child->next;
        }

        break;

    case JSON_STRING:
        fuzz_must(entry->type == JOT_STRING);
        fuzz_string(entry->string, json_string_value(node),
                    json_string_length(node));
        break;

    case JSON_INTEGER:
    case JSON_REAL:
        fuzz_must(entry->type == JOT_NUMBER);
        fuzz_number(entry->raw, node);
        break;

    case JSON_TRUE:
    case JSON_FALSE:
        fuzz_must(entry->type == JOT_BOOLEAN
                  && entry->raw.data[0] == (json_is_true(node) ? 't' : 'f'));
        break;

    case JSON_NULL:
        fuzz_must(entry->type == JOT_NULL);
        break;
    }
}


/* Whether there is a number that ours may refuse. */

static int
fuzz_large(json_t *node)
{
    size_t       i;
    const char  *name;
    json_t      *inside;

    json_object_foreach(node, name, inside) {
        if (fuzz_large(inside)) {
            return 1;
        }
    }

    json_array_foreach(node, i, inside) {
        if (fuzz_large(inside)) {
            return 1;
        }
    }

    return fabs(json_number_value(node)) >= 1e308;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           line;
    char         *copy;
    json_t       *tree;
    const char   *ours, *theirs;
    jot_json_t   *json;

    copy = malloc(size ? size : 1);

    if (size) {
        memcpy(copy, data, size);
    }

    ours = NULL;
    (void) jot_json_parse(&json, copy, size, JOT_TOKEN_DEPTH, &ours);
    tree = jot_tree_load(copy, size, JOT_TOKEN_DEPTH, &theirs, &line);

    if (json && tree) {
        fuzz_same(json->entries, tree);

    } else {
        fuzz_must(json == NULL && ours && *ours);
        fuzz_must(tree == NULL
                  || (strcmp(ours, "JSON has a number that is too large") == 0
                      && fuzz_large(tree)));
    }

    jot_json_free(json);
    json_decref(tree);
    free(copy);

    return 0;
}
