/*
 * Changes of what the keys are for, each by one new state.  A key is published
 * before it signs and stays published after, so nobody is logged out.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keys.h"
#include "keys_dir.h"
#include "keys_make.h"
#include "keys_state.h"


/* A gateway's leeway, and how long a service takes to notice, doubled. */
#define KEYS_ROTATE_SLACK  120

typedef struct {
    const config_t   *config;
    const char       *kid;          /* to retire; NULL: all that are due */
    int               now;          /* without waiting */
    int64_t           time;
    keys_dir_t        dir;
    keys_state_t      state;
    keys_state_t      dropped;      /* whose files are to go */
} keys_rotate_t;

typedef int (*keys_change_t)(keys_rotate_t *rotate,
    char error[KEYS_ERROR_SIZE]);


static int keys_rotate_do(const config_t *config, const char *kid, int now,
    keys_change_t change, char error[KEYS_ERROR_SIZE]);
static int keys_rotate_commit(keys_rotate_t *rotate,
    keys_change_t change, char error[KEYS_ERROR_SIZE]);
static int keys_rotate_signing(keys_rotate_t *rotate,
    char error[KEYS_ERROR_SIZE]);
static int keys_rotate_ring(keys_rotate_t *rotate,
    char error[KEYS_ERROR_SIZE]);
static int keys_rotate_retire(keys_rotate_t *rotate,
    char error[KEYS_ERROR_SIZE]);
static void keys_rotate_drop_due(keys_rotate_t *rotate);
static void keys_rotate_drop(keys_rotate_t *rotate, size_t i);
static int64_t keys_rotate_left(const keys_rotate_t *rotate,
    const keys_entry_t *entry);
static void keys_rotate_put(keys_rotate_t *rotate, const keys_entry_t *entry,
    key_state_t in);


int
keys_rotate(const config_t *config, int now, char error[KEYS_ERROR_SIZE])
{
    return keys_rotate_do(config, NULL, now, keys_rotate_signing, error);
}


int
keys_rotate_refresh(const config_t *config, int now,
    char error[KEYS_ERROR_SIZE])
{
    return keys_rotate_do(config, NULL, now, keys_rotate_ring, error);
}


int
keys_retire(const config_t *config, const char *kid, int now,
    char error[KEYS_ERROR_SIZE])
{
    return keys_rotate_do(config, kid, now, keys_rotate_retire, error);
}


static int
keys_rotate_do(const config_t *config, const char *kid, int now,
    keys_change_t change, char error[KEYS_ERROR_SIZE])
{
    int             rc;
    keys_rotate_t  *rotate;

    if (config->key_dir[0] == '\0') {
        snprintf(error, KEYS_ERROR_SIZE, "KEY_DIR is not set; it has to name "
                 "the directory of the keys");
        return -1;
    }

    rotate = calloc(1, sizeof(*rotate));

    if (rotate == NULL) {
        snprintf(error, KEYS_ERROR_SIZE, "out of memory");
        return -1;
    }

    rc = -1;
    rotate->config = config;
    rotate->kid = kid;
    rotate->now = now;

    if (keys_dir_open(&rotate->dir, config->key_dir, error) == 0
        && keys_dir_lock(&rotate->dir, error) == 0)
    {
        rotate->time = time(NULL);
        rc = keys_rotate_commit(rotate, change, error);
    }

    keys_dir_close(&rotate->dir);
    free(rotate);

    return rc;
}


/*
 * What a service is reading may name a file that goes: it then keeps what it
 * has, and reads the new state a moment later.
 */

static int
keys_rotate_commit(keys_rotate_t *rotate, keys_change_t change,
    char error[KEYS_ERROR_SIZE])
{
    int     rc;
    char    name[KEYS_NAME_SIZE];
    size_t  i;

    rc = keys_state_load(&rotate->state, &rotate->dir, error);

    if (rc == 0) {
        return keys_dir_refuse(&rotate->dir, NULL, error, "holds no keys; "
                               "\"portero key generate\" makes them");
    }

    if (rc != 1
        || keys_state_check(&rotate->state, rotate->config, &rotate->dir,
                            error)
           != 0
        || change(rotate, error) != 0
        || keys_state_save(&rotate->state, &rotate->dir, error) != 0)
    {
        return -1;
    }

    for (i = 0; i < rotate->dropped.n; i++) {
        keys_state_name(&rotate->dropped.entries[i], name);
        unlinkat(rotate->dir.fd, name, 0);
    }

    return 0;
}


static int
keys_rotate_signing(keys_rotate_t *rotate, char error[KEYS_ERROR_SIZE])
{
    int64_t              left;
    const keys_entry_t  *next, *active;

    if (rotate->config->algorithm == JOT_HS256) {
        return keys_dir_refuse(&rotate->dir, NULL, error, "has no key of "
                               "HS256, which is SECRET_KEY: change that");
    }

    if (keys_state_find(&rotate->state, KEYS_SIGN, KEY_NEXT, &next) != 1) {
        return keys_dir_refuse(&rotate->dir, KEYS_STATE_FILE, error,
                               "names no next key; \"portero key generate\" "
                               "makes one");
    }

    left = next->info.since + rotate->config->key_publish - rotate->time;

    if (left > 0 && !rotate->now) {
        return keys_dir_refuse(&rotate->dir, NULL, error, "the next key has "
                               "to be published for %" PRId64 " s more "
                               "(KEY_PUBLISH), or gateways would refuse its "
                               "tokens; --now rotates all the same", left);
    }

    keys_rotate_drop_due(rotate);

    if (keys_state_find(&rotate->state, KEYS_SIGN, KEY_ACTIVE, &active) == 1) {
        keys_rotate_put(rotate, active, KEY_RETIRED);
    }

    keys_state_find(&rotate->state, KEYS_SIGN, KEY_NEXT, &next);
    keys_rotate_put(rotate, next, KEY_ACTIVE);

    return keys_make_sign(&rotate->state, KEY_NEXT, rotate->config,
                          &rotate->dir, error);
}


/* There is no next one: keys.h says how others come to know it in time. */

static int
keys_rotate_ring(keys_rotate_t *rotate, char error[KEYS_ERROR_SIZE])
{
    int64_t              left;
    const keys_entry_t  *active;

    keys_rotate_drop_due(rotate);

    if (keys_state_find(&rotate->state, KEYS_REFRESH, KEY_ACTIVE, &active)
        == 1)
    {
        left = active->info.since + KEYS_REFRESH_DELAY - rotate->time;

        if (left > 0 && !rotate->now) {
            return keys_dir_refuse(&rotate->dir, NULL, error, "the refresh key "
                                   "is %d s old at least before another takes "
                                   "its place: wait for %" PRId64 " s, or "
                                   "say --now", KEYS_REFRESH_DELAY, left);
        }

        keys_rotate_put(rotate, active, KEY_RETIRED);
    }

    return keys_make_refresh(&rotate->state, &rotate->dir, error);
}


static int
keys_rotate_retire(keys_rotate_t *rotate, char error[KEYS_ERROR_SIZE])
{
    size_t         i;
    int64_t        left;
    keys_entry_t  *entry;

    if (rotate->kid == NULL) {
        keys_rotate_drop_due(rotate);
        return 0;
    }

    for (i = 0; i < rotate->state.n; i++) {
        if (strcmp(rotate->state.entries[i].info.kid, rotate->kid) == 0) {
            break;
        }
    }

    if (i == rotate->state.n) {
        return keys_dir_refuse(&rotate->dir, KEYS_STATE_FILE, error,
                               "names no such key; \"portero key list\" shows "
                               "those that there are");
    }

    entry = &rotate->state.entries[i];

    if (entry->info.state != KEY_RETIRED) {
        return keys_dir_refuse(&rotate->dir, KEYS_STATE_FILE, error, "says "
                               "that this key is in use or will be; \"portero "
                               "key rotate\" puts another in its place");
    }

    left = keys_rotate_left(rotate, entry);

    if (left > 0 && !rotate->now) {
        return keys_dir_refuse(&rotate->dir, NULL, error, "tokens of this key "
                               "are good for %" PRId64 " s more; --now refuses "
                               "them from now on", left);
    }

    keys_rotate_drop(rotate, i);

    return 0;
}


static void
keys_rotate_drop_due(keys_rotate_t *rotate)
{
    size_t               i;
    const keys_entry_t  *entry;

    for (i = rotate->state.n; i-- > 0; /* void */) {
        entry = &rotate->state.entries[i];

        if (entry->info.state == KEY_RETIRED
            && keys_rotate_left(rotate, entry) <= 0)
        {
            keys_rotate_drop(rotate, i);
        }
    }
}


static void
keys_rotate_drop(keys_rotate_t *rotate, size_t i)
{
    keys_state_t  *state;

    state = &rotate->state;
    rotate->dropped.entries[rotate->dropped.n++] = state->entries[i];

    state->n--;
    memmove(&state->entries[i], &state->entries[i + 1],
            (state->n - i) * sizeof(state->entries[0]));
}


/* Seconds until the last token that a retired key made has expired. */

static int64_t
keys_rotate_left(const keys_rotate_t *rotate, const keys_entry_t *entry)
{
    int64_t  life;

    life = entry->use == KEYS_SIGN ? rotate->config->access_token_expire
                                   : rotate->config->session_absolute
                                     + KEYS_REFRESH_DELAY;

    return entry->info.since + life + KEYS_ROTATE_SLACK - rotate->time;
}


static void
keys_rotate_put(keys_rotate_t *rotate, const keys_entry_t *entry,
    key_state_t in)
{
    keys_entry_t  *own;

    own = &rotate->state.entries[entry - rotate->state.entries];
    own->info.state = in;
    own->info.since = rotate->time;
}
