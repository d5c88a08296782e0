/*
 * New keys.  Each writes a file and adds its line to a state, which counts
 * once keys_state_save() has put it in place.  0, or -1 and error.
 */

#ifndef KEYS_MAKE_H
#define KEYS_MAKE_H

#include "keys_dir.h"
#include "keys_state.h"


/* A key that signs access tokens by the configured algorithm. */
int keys_make_sign(keys_state_t *state, key_state_t in,
    const config_t *config, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE]);

/* An active key for refresh tokens. */
int keys_make_refresh(keys_state_t *state, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE]);

#endif
