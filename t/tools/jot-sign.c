/*
 * jot-sign ALG PEM < LINES
 *
 * Signs tokens as the login service would, with the private key in the file
 * PEM (or, with "-", one just made, which is printed first).  Prints the
 * public JWK, then a token for each line, whose text is the payload.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jot.h"


#define PEM_SIZE  65536


static char *pem_read(const char *path, jot_alg_t alg);
static int sign(const jot_private_t *key, const char *payload, size_t len);


int
main(int argc, char **argv)
{
    int             alg, rc;
    char           *pem, *jwk, *line, reason[JOT_REASON_SIZE];
    size_t          size;
    ssize_t         len;
    jot_private_t  *key;

    alg = argc == 3 ? jot_alg_find(argv[1], strlen(argv[1])) : -1;

    if (alg == -1) {
        fprintf(stderr, "usage: jot-sign ALG PEM < LINES\n");
        return 2;
    }

    pem = pem_read(argv[2], alg);
    key = jot_private_parse(pem, strlen(pem), alg, reason);
    free(pem);

    if (key == NULL) {
        printf("refused\t%s\n", reason);
        return 1;
    }

    jwk = jot_private_jwk(key);
    printf("%s\n", jwk);
    free(jwk);

    rc = 0;
    line = NULL;
    size = 0;

    while (rc == 0 && (len = getline(&line, &size, stdin)) != -1) {
        if (len && line[len - 1] == '\n') {
            len--;
        }

        rc = sign(key, line, len);
    }

    free(line);
    jot_private_free(key);

    return rc;
}


static char *
pem_read(const char *path, jot_alg_t alg)
{
    char   *pem;
    FILE   *file;
    size_t  len;

    if (strcmp(path, "-") == 0) {
        if (jot_private_generate(alg, &pem) != 0) {
            fprintf(stderr, "jot-sign: no key for %s\n", jot_alg_name(alg));
            exit(2);
        }

        printf("%s", pem);
        return pem;
    }

    pem = calloc(1, PEM_SIZE);
    file = fopen(path, "r");

    if (pem == NULL || file == NULL) {
        perror(path);
        exit(2);
    }

    len = fread(pem, 1, PEM_SIZE - 1, file);
    pem[len] = '\0';
    fclose(file);

    return pem;
}


static int
sign(const jot_private_t *key, const char *payload, size_t len)
{
    char          *token, header[256];
    jot_status_t   status;

    snprintf(header, sizeof(header),
             "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
             jot_alg_name(jot_private_alg(key)), jot_private_kid(key));

    status = jot_private_sign(key, (jot_str_t) { header, strlen(header) },
                              (jot_str_t) { payload, len }, &token);

    if (status != JOT_OK) {
        printf("refused\t%s\n", jot_status_text(status));
        return 1;
    }

    printf("%s\n", token);
    free(token);

    return 0;
}
