/*
 * A JSON text and its entries: how they come and go.  jot_read.c reads them,
 * jot_value.c finds values among them.
 */

#include <stdlib.h>
#include <string.h>

#include "jot.h"
#include "jot_json.h"


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


void
jot_json_free(jot_json_t *json)
{
    if (json && --json->owners == 0) {
        explicit_bzero(json->text, json->strings + json->len - json->text);
        free(json->entries);
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


/* The text, and as much again for its strings without escapes. */

static jot_json_t *
jot_json_new(size_t len)
{
    jot_json_t  *json;

    if (len > (UINT32_MAX - sizeof(jot_json_t)) / 2) {
        return NULL;                            /* entries count in 32 bits */
    }

    json = malloc(sizeof(jot_json_t) + 2 * len);

    if (json) {
        json->entries = NULL;
        json->nentries = 0;
        json->size = 0;
        json->owners = 1;
        json->len = len;
        json->strings = json->text + len;
    }

    return json;
}
