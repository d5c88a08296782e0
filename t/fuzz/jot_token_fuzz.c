/*
 * Any bytes as a token, and any bytes as the header and payload of a token
 * whose signature is right, so that what comes after it is reached as well.
 * The first byte chooses; of the rest a 0xff divides header from payload.
 */

#include <stdint.h>

#include "jot.h"
#include "hs256.h"


static const char  fuzz_keys[] =
    "{\"keys\":[{" HS256_KEY "},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";


static const jot_str_t  fuzz_wanted[] = { { "a", 1 } };


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* A value's slice lies in the text; what it is as text is no longer than that. */

static void
fuzz_value(const jot_json_t *json, const jot_value_t *value)
{
    char         *text;
    int           more;
    size_t        len, n;
    jot_str_t     all, raw;
    jot_value_t   element;

    all = jot_json_text(json);
    raw = jot_value_raw(value);

    if (raw.len == 0 || raw.data < all.data
        || raw.data + raw.len > all.data + all.len)
    {
        abort();
    }

    if (jot_value_text(value, &text, &len) != JOT_OK || len > raw.len) {
        abort();
    }

    free(text);

    n = 0;

    for (more = jot_value_first(value, &element);
         more;
         more = jot_value_next(&element))
    {
        fuzz_value(json, &element);
        n++;
    }

    if (n != jot_value_count(value)) {
        abort();
    }
}


static void
fuzz_values(const jot_json_t *json)
{
    size_t           i, n;
    jot_value_t      value;
    const jot_str_t  path[][2] = {
        { { "a", 1 }, { "a", 1 } }, { { "a", 1 }, { "0", 1 } },
        { { "sub", 3 }, { "", 0 } }, { { "", 0 }, { "1", 1 } }
    };

    if (!jot_json_find(json, NULL, 0, &value)) {
        abort();
    }

    fuzz_value(json, &value);

    for (i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
        for (n = 1; n <= 2; n++) {
            if (jot_json_find(json, path[i], n, &value)) {
                fuzz_value(json, &value);
            }
        }
    }
}


static jot_status_t
fuzz_token(const jot_keys_t *keys, jot_headers_t *before, const char *text,
    size_t len)
{
    char           *copy;
    jot_token_t     token;
    jot_trust_t     trust;
    jot_policy_t    policy;
    jot_status_t    status;

    trust = (jot_trust_t) { keys, { NULL, 0 } };
    memset(&policy, 0, sizeof(policy));
    policy.issuers = fuzz_wanted;
    policy.nissuers = len % 2;
    policy.audiences = fuzz_wanted;
    policy.naudiences = len % 3 == 0;
    policy.typs = fuzz_wanted;
    policy.ntyps = len % 5 == 0;

    /* without a NUL behind it */

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    status = jot_token_parse(&token, before, copy, len);

    if (token.header) {
        fuzz_values(token.header);
    }

    if (status == JOT_OK) {
        status = jot_token_verify(&token, &trust, 1, JOT_ALGS_ALL);
    }

    if ((status == JOT_OK) != (token.payload != NULL)) {
        abort();
    }

    if (status == JOT_OK) {
        fuzz_values(token.payload);
        status = jot_claims_check(&token, &policy, 1000);
    }

    if (status != JOT_OK && token.detail[0] == '\0') {
        abort();
    }

    jot_token_free(&token);
    free(copy);

    return status;
}


/* Headers that were read before change nothing. */

static void
fuzz_judge(const jot_keys_t *keys, const char *text, size_t len)
{
    jot_status_t           status;
    static jot_headers_t  *before;

    if (before == NULL) {
        before = jot_headers_new();
    }

    status = fuzz_token(keys, NULL, text, len);

    if (fuzz_token(keys, before, text, len) != status
        || fuzz_token(keys, before, text, len) != status)
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char               *text, reason[JOT_REASON_SIZE];
    const uint8_t      *part;
    static jot_keys_t  *keys;

    if (keys == NULL) {
        keys = jot_keys_parse(fuzz_keys, sizeof(fuzz_keys) - 1, 0, NULL, NULL,
                              reason);
    }

    if (size == 0) {
        return 0;
    }

    if (data[0] != 's') {
        fuzz_judge(keys, (const char *) data + 1, size - 1);
        return 0;
    }

    data++;
    size--;
    part = memchr(data, 0xff, size);

    if (part == NULL) {
        text = hs256_token("{\"alg\":\"HS256\"}", 15, (const char *) data,
                           size);
    } else {
        text = hs256_token((const char *) data, part - data,
                           (const char *) part + 1, data + size - part - 1);
    }

    fuzz_judge(keys, text, strlen(text));
    free(text);

    return 0;
}
