/*
 * JSON as the core reads it.  Private to jot.
 */

#ifndef JOT_JSON_H
#define JOT_JSON_H

#include <jansson.h>


/*
 * The one place that calls jansson's parser.  Returns a new reference to an
 * object; or NULL, with *line 0 where none can be told.
 */
json_t *jot_json_load(const char *data, size_t len, unsigned depth,
    const char **detail, int *line);

/*
 * In two steps, for a payload, whose base64url is looked at before and whose
 * JSON after the signature.  _decode gives NULL and *status on failure, and on
 * success something that only jot_json_read() and jot_json_free() may touch.
 */
jot_json_t *jot_json_decode(jot_str_t encoded, jot_status_t *status);
jot_status_t jot_json_read(jot_json_t *json, unsigned depth,
    const char **detail);

json_t *jot_json_root(const jot_json_t *json);      /* borrowed */

/* One more owner of what nobody changes any more; each calls jot_json_free(). */
jot_json_t *jot_json_share(jot_json_t *json);

/* The caller's to free, or NULL; _add keeps a share of json. */
jot_json_t *jot_headers_find(const jot_headers_t *headers, jot_str_t encoded);
void jot_headers_add(jot_headers_t *headers, jot_str_t encoded,
    jot_json_t *json);

#endif
