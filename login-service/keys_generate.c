/* Makes the keys that are missing; what is there stays as it is. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keys.h"
#include "keys_dir.h"
#include "keys_make.h"
#include "keys_state.h"


static int keys_generate_missing(keys_state_t *state, const config_t *config,
    const keys_dir_t *dir, unsigned *created, char error[KEYS_ERROR_SIZE]);
static int keys_generate_orphans(const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE]);
static int keys_generate_is_key(const char *name);


int
keys_generate(const config_t *config, unsigned *created,
    char error[KEYS_ERROR_SIZE])
{
    int            rc;
    keys_dir_t     dir;
    keys_state_t  *state;

    *created = 0;

    if (config->key_dir[0] == '\0') {
        snprintf(error, KEYS_ERROR_SIZE, "KEY_DIR is not set; it has to name "
                 "the directory of the keys");
        return -1;
    }

    if (mkdir(config->key_dir, 0700) != 0 && errno != EEXIST) {
        snprintf(error, KEYS_ERROR_SIZE, "%s: cannot be created: %s",
                 config->key_dir, strerror(errno));
        return -1;
    }

    rc = -1;
    state = calloc(1, sizeof(*state));

    if (keys_dir_open(&dir, config->key_dir, error) != 0) {
        goto done;
    }

    if (state == NULL) {
        keys_dir_refuse(&dir, NULL, error, "out of memory");
        goto done;
    }

    if (keys_dir_lock(&dir, error) != 0) {
        goto done;
    }

    rc = keys_generate_missing(state, config, &dir, created, error);

done:

    keys_dir_close(&dir);
    free(state);
    return rc;
}


static int
keys_generate_missing(keys_state_t *state, const config_t *config,
    const keys_dir_t *dir, unsigned *created, char error[KEYS_ERROR_SIZE])
{
    int          rc;
    unsigned     n;
    key_state_t  in;

    n = 0;
    rc = keys_state_load(state, dir, error);

    if (rc == -1
        || (rc == 0 && keys_generate_orphans(dir, error) != 0)
        || keys_state_check(state, config, dir, error) != 0)
    {
        return -1;
    }

    for (in = KEY_NEXT; in <= KEY_ACTIVE; in++) {

        if (config->algorithm == JOT_HS256
            || keys_state_find(state, KEYS_SIGN, in, NULL))
        {
            continue;
        }

        if (keys_make_sign(state, in, config, dir, error) != 0) {
            return -1;
        }

        n++;
    }

    if (keys_state_find(state, KEYS_REFRESH, KEY_ACTIVE, NULL) == 0) {

        if (keys_make_refresh(state, dir, error) != 0) {
            return -1;
        }

        n++;
    }

    if (n && keys_state_save(state, dir, error) != 0) {
        return -1;
    }

    *created = n;

    return 0;
}


/*
 * Keys without a state are keys of which somebody lost the state.  New ones
 * beside them would sign everybody out, and look as if all were well.
 */

static int
keys_generate_orphans(const keys_dir_t *dir, char error[KEYS_ERROR_SIZE])
{
    int             found;
    DIR            *stream;
    struct dirent  *file;

    found = 0;
    stream = opendir(dir->path);

    if (stream == NULL) {
        return keys_dir_refuse(dir, NULL, error, "%s", strerror(errno));
    }

    while ((file = readdir(stream)) != NULL) {
        found |= keys_generate_is_key(file->d_name);
    }

    closedir(stream);

    if (found) {
        return keys_dir_refuse(dir, KEYS_STATE_FILE, error, "is missing, and "
                               "there are keys; restore it, or move the keys "
                               "away to begin anew");
    }

    return 0;
}


static int
keys_generate_is_key(const char *name)
{
    return strncmp(name, "sign-", 5) == 0 || strncmp(name, "refresh-", 8) == 0;
}
