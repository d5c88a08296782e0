/*
 * Headers that were read before.  A signer writes the same header into every
 * token; so the last few of those that verified are kept as they were read, and
 * found by their text.
 *
 * Nothing is decided by it: the header of a text is what it is.  Only tokens
 * that verified leave theirs here, so forged ones push nobody out.
 */

#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"


#define JOT_HEADERS      8
#define JOT_HEADER_SIZE  1024           /* longer ones are not kept */


typedef struct {
    jot_json_t          *json;          /* NULL: the place is empty */
    size_t               len;
    char                *encoded;
} jot_header_t;

struct jot_headers_s {
    size_t               next;          /* the oldest */
    jot_header_t         header[JOT_HEADERS];
};


jot_headers_t *
jot_headers_new(void)
{
    return calloc(1, sizeof(jot_headers_t));
}


void
jot_headers_free(jot_headers_t *headers)
{
    size_t  i;

    if (headers) {
        for (i = 0; i < JOT_HEADERS; i++) {
            jot_json_free(headers->header[i].json);
            free(headers->header[i].encoded);
        }

        free(headers);
    }
}


jot_json_t *
jot_headers_find(const jot_headers_t *headers, jot_str_t encoded)
{
    size_t               i;
    const jot_header_t  *header;

    for (i = 0; headers && i < JOT_HEADERS; i++) {
        header = &headers->header[i];

        if (header->json && header->len == encoded.len
            && memcmp(header->encoded, encoded.data, encoded.len) == 0)
        {
            return jot_json_share(header->json);
        }
    }

    return NULL;
}


void
jot_headers_add(jot_headers_t *headers, jot_str_t encoded, jot_json_t *json)
{
    char          *copy;
    jot_json_t    *known;
    jot_header_t  *header;

    if (headers == NULL || encoded.len > JOT_HEADER_SIZE) {
        return;
    }

    known = jot_headers_find(headers, encoded);
    if (known) {
        jot_json_free(known);
        return;
    }

    copy = malloc(encoded.len);
    if (copy == NULL) {
        return;
    }

    memcpy(copy, encoded.data, encoded.len);

    header = &headers->header[headers->next];
    headers->next = (headers->next + 1) % JOT_HEADERS;

    jot_json_free(header->json);
    free(header->encoded);

    header->json = jot_json_share(json);
    header->len = encoded.len;
    header->encoded = copy;
}
