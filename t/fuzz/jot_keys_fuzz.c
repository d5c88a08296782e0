/*
 * Any bytes as a JWK Set.  What is taken has to be of use; what is not has to
 * have a reason of one printable line.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jot.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_line(void *data, const char *text)
{
    const char  *p;

    (void) data;

    if (*text == '\0' || strlen(text) >= JOT_REASON_SIZE) {
        abort();
    }

    for (p = text; *p; p++) {
        if (*p < ' ' || *p > '~') {
            abort();
        }
    }
}


static void
fuzz_keys(const char *text, size_t size, unsigned how)
{
    char         reason[JOT_REASON_SIZE];
    jot_keys_t  *keys;

    keys = jot_keys_parse(text, size, how, fuzz_line, NULL, reason);

    if (keys == NULL) {
        fuzz_line(NULL, reason);
        return;
    }

    if (jot_keys_count(keys) == 0 || jot_keys_algs(keys) == 0
        || (jot_keys_algs(keys) & ~JOT_ALGS_ALL)
        || (how == JOT_KEYS_PUBLIC && jot_keys_algs(keys) & JOT_ALGS_HMAC))
    {
        abort();
    }

    jot_keys_free(keys);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char  *copy;

    copy = malloc(size ? size : 1);

    if (size) {
        memcpy(copy, data, size);
    }

    fuzz_keys(copy, size, 0);
    fuzz_keys(copy, size, JOT_KEYS_PUBLIC);
    fuzz_keys(copy, size, JOT_KEYS_KEYVAL);

    free(copy);
    return 0;
}
