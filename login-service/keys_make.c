/* New keys: first the file, and then the caller puts a state in place. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/rand.h>

#include "keys_make.h"


static unsigned keys_make_number(const keys_state_t *state,
    const keys_dir_t *dir);


int
keys_make_sign(keys_state_t *state, key_state_t in,
    const config_t *config, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE])
{
    int             rc;
    char           *pem, name[KEYS_NAME_SIZE], reason[JOT_REASON_SIZE];
    size_t          len;
    jot_private_t  *key;

    if (jot_private_generate(config->algorithm, &pem) != 0) {
        return keys_dir_refuse(dir, NULL, error, "OpenSSL makes no key");
    }

    len = strlen(pem);
    key = jot_private_parse(pem, len, config->algorithm, reason);

    if (key == NULL) {
        rc = keys_dir_refuse(dir, NULL, error, "%s", reason);

    } else if (keys_state_add(state, KEYS_SIGN, in, config->algorithm,
                              jot_private_kid(key), time(NULL))
               != 0)
    {
        rc = keys_dir_refuse(dir, NULL, error, "has no room for more keys");

    } else {
        keys_state_name(&state->entries[state->n - 1], name);
        rc = keys_dir_write(dir, name, pem, len, error);
    }

    jot_private_free(key);
    explicit_bzero(pem, len);
    free(pem);

    return rc;
}


int
keys_make_refresh(keys_state_t *state, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE])
{
    int            rc;
    char           number[16], name[KEYS_NAME_SIZE];
    unsigned       id;
    unsigned char  key[KEYS_REFRESH_SIZE];

    id = keys_make_number(state, dir);
    snprintf(number, sizeof(number), "%u", id);

    if (id > KEYS_RING_MAX
        || keys_state_add(state, KEYS_REFRESH, KEY_ACTIVE, JOT_HS256, number,
                          time(NULL))
           != 0)
    {
        return keys_dir_refuse(dir, NULL, error, "has no room for more keys");
    }

    if (RAND_priv_bytes(key, sizeof(key)) != 1) {
        return keys_dir_refuse(dir, NULL, error, "no random numbers");
    }

    keys_state_name(&state->entries[state->n - 1], name);
    rc = keys_dir_write(dir, name, key, sizeof(key), error);
    explicit_bzero(key, sizeof(key));

    return rc;
}


/*
 * One above all that the state names, and above any file that is there: a key
 * that an older state names, which may come back, is not written over.
 */

static unsigned
keys_make_number(const keys_state_t *state, const keys_dir_t *dir)
{
    size_t        i;
    unsigned      number, id;
    struct stat   st;
    keys_entry_t  entry;
    char          name[KEYS_NAME_SIZE];

    number = 1;

    for (i = 0; i < state->n; i++) {
        if (state->entries[i].use == KEYS_REFRESH) {
            id = strtoul(state->entries[i].info.kid, NULL, 10);
            number = id >= number ? id + 1 : number;
        }
    }

    entry.use = KEYS_REFRESH;

    for ( /* void */ ; number <= KEYS_RING_MAX; number++) {
        snprintf(entry.info.kid, sizeof(entry.info.kid), "%u", number);
        keys_state_name(&entry, name);

        if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            break;
        }
    }

    return number;
}
