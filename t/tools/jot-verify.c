/*
 * jot-verify KEYS NOW [ALG ...] < TOKENS
 *
 * Judges tokens, one on a line, as the gateway would: with the JWK Set in the
 * file KEYS, at the time NOW, allowing the algorithms named (all if none is).
 * Prints a line for each token: the status, a tab, the detail.  Before them
 * come lines "warning<tab>text"; or, alone, "refused<tab>reason".
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "jot.h"


#define KEYS_SIZE  (1024 * 1024)


static jot_keys_t *keys_load(const char *path);
static void print_warning(void *data, const char *text);
static void judge(const jot_keys_t *keys, jot_headers_t *before, unsigned algs,
    int64_t now, const char *data, size_t len);


int
main(int argc, char **argv)
{
    int             i, alg;
    char           *line;
    size_t          size;
    ssize_t         len;
    int64_t         now;
    unsigned        algs;
    jot_keys_t     *keys;
    jot_headers_t  *before;

    if (argc < 3) {
        fprintf(stderr, "usage: jot-verify KEYS NOW [ALG ...] < TOKENS\n");
        return 2;
    }

    now = strtoll(argv[2], NULL, 10);
    algs = argc == 3 ? JOT_ALGS_ALL : 0;

    for (i = 3; i < argc; i++) {
        alg = jot_alg_find(argv[i], strlen(argv[i]));

        if (alg == -1) {
            fprintf(stderr, "jot-verify: no algorithm \"%s\"\n", argv[i]);
            return 2;
        }

        algs |= JOT_ALG_BIT(alg);
    }

    keys = keys_load(argv[1]);
    if (keys == NULL) {
        return 1;
    }

    line = NULL;
    size = 0;
    before = jot_headers_new();

    while ((len = getline(&line, &size, stdin)) != -1) {
        if (len && line[len - 1] == '\n') {
            len--;
        }

        judge(keys, before, algs, now, line, len);
    }

    free(line);
    jot_headers_free(before);
    jot_keys_free(keys);

    return 0;
}


static jot_keys_t *
keys_load(const char *path)
{
    FILE        *file;
    char        *data, reason[JOT_REASON_SIZE];
    size_t       len;
    jot_keys_t  *keys;

    data = malloc(KEYS_SIZE);
    file = fopen(path, "r");

    if (data == NULL || file == NULL) {
        perror(path);
        exit(2);
    }

    len = fread(data, 1, KEYS_SIZE, file);
    fclose(file);

    keys = jot_keys_parse(data, len, 0, print_warning, NULL, reason);

    if (keys == NULL) {
        printf("refused\t%s\n", reason);
    }

    free(data);
    return keys;
}


static void
print_warning(void *data, const char *text)
{
    (void) data;

    printf("warning\t%s\n", text);
}


static void
judge(const jot_keys_t *keys, jot_headers_t *before, unsigned algs,
    int64_t now, const char *data, size_t len)
{
    char          *exact;
    jot_token_t    token;
    jot_trust_t    trust;
    jot_policy_t   policy;
    jot_status_t   status;

    trust = (jot_trust_t) { keys, { NULL, 0 } };
    memset(&policy, 0, sizeof(policy));

    /* a copy of exactly that size, for a sanitizer to watch its end */

    exact = malloc(len ? len : 1);
    if (exact == NULL) {
        exit(2);
    }

    memcpy(exact, data, len);

    status = jot_token_parse(&token, before, exact, len);

    if (status == JOT_OK) {
        status = jot_token_verify(&token, &trust, 1, algs);
    }

    if (status == JOT_OK) {
        status = jot_claims_check(&token, &policy, now);
    }

    printf("%s\t%s%s\n", jot_status_text(status),
           status == JOT_OK ? "" : token.detail,
           ERR_peek_error() ? " (and left errors in OpenSSL's queue)" : "");

    jot_token_free(&token);
    free(exact);
}
