/*
 * The file "state" of KEY_DIR: which keys there are and what each is for.  It
 * alone decides; a key file that it does not name is not looked at.  So a new
 * key is first written, and then a new state put in place of the old one by a
 * single rename: there is no moment at which two keys sign, or none.
 *
 * A line for each key, five words:
 *
 *     sign active ES256 KID SINCE          the key is in sign-KID.pem
 *     sign next ES256 KID SINCE
 *     sign retired ES256 KID SINCE
 *     refresh active HS256 NUMBER SINCE    the key is in refresh-NUMBER.key
 *     refresh retired HS256 NUMBER SINCE
 *
 * SINCE, in seconds since 1970, is when it came into that state.  Lines that
 * begin with "#" are for people.
 */

#ifndef KEYS_STATE_H
#define KEYS_STATE_H

#include <sys/stat.h>

#include "keys.h"
#include "keys_dir.h"


#define KEYS_STATE_FILE  "state"
#define KEYS_STATE_MAX   256
#define KEYS_NAME_SIZE   80

typedef enum {
    KEYS_SIGN,
    KEYS_REFRESH
} keys_use_t;

typedef struct {
    keys_use_t    use;
    key_info_t    info;             /* of a refresh key, kid is its number */
} keys_entry_t;

typedef struct {
    keys_entry_t  entries[KEYS_STATE_MAX];
    size_t        n;
    struct stat   st;               /* of the file that was read */
} keys_state_t;

/* 1, or 0 and an empty state if there is no such file, or -1 and error. */
int keys_state_load(keys_state_t *state, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE]);
int keys_state_save(const keys_state_t *state, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE]);

/* How many there are, and the last; entry may be NULL. */
size_t keys_state_find(const keys_state_t *state, keys_use_t use,
    key_state_t in, const keys_entry_t **entry);

/* 0, or -1 if there is no more room. */
int keys_state_add(keys_state_t *state, keys_use_t use, key_state_t in,
    jot_alg_t alg, const char *kid, int64_t since);

/*
 * What the configuration asks for: no more than one active and one next key,
 * both of its algorithm; no more than one active refresh key.
 */
int keys_state_check(const keys_state_t *state, const config_t *config,
    const keys_dir_t *dir, char error[KEYS_ERROR_SIZE]);

/* The name of the file that holds the key. */
void keys_state_name(const keys_entry_t *entry, char name[KEYS_NAME_SIZE]);

#endif
