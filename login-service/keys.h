/*
 * The keys of this service, read from KEY_DIR (0700, files 0600) and kept
 * until the directory changes: PEM keys that sign access tokens, and a ring of
 * HMAC keys for refresh tokens.  Also their public faces: the JWK Set that is
 * served, and the one for gateways.
 *
 *     state              which keys there are, and what each is for
 *     sign-KID.pem       PKCS #8; KID is its thumbprint (RFC 7638)
 *     refresh-NUMBER.key 32 bytes
 *
 * keys_state.h shows the form of "state".  It alone decides, and is replaced
 * by one rename when anything changes.
 */

#ifndef KEYS_H
#define KEYS_H

#include <stddef.h>

#include "config.h"
#include "jot.h"
#include "service.h"


#define KEYS_ERROR_SIZE    512
#define KEYS_REFRESH_SIZE  32

/* NULL and one line in error if anything about the directory is wrong. */
keys_t *keys_load(const config_t *config, char error[KEYS_ERROR_SIZE]);
void keys_free(keys_t *keys);

/* 1 if the directory is no longer what keys_load() saw. */
int keys_changed(const keys_t *keys, const config_t *config);

const jot_private_t *keys_active(const keys_t *keys);   /* NULL with HS256 */
const jot_keys_t *keys_public(const keys_t *keys);      /* verifies our own */
const char *keys_jwks(const keys_t *keys);      /* served; empty with HS256 */
const char *keys_gateway(const keys_t *keys);   /* with HS256 a secret */
const char *keys_kid(const keys_t *keys);       /* of the key that signs */
const char *keys_etag(const keys_t *keys);

/*
 * The HMAC key that is in use and its number; and any by its number, or NULL.
 * A new one is known for KEYS_REFRESH_DELAY seconds before it is used: else
 * an instance that has not read it yet would refuse what another one issued.
 */
#define KEYS_REFRESH_DELAY  60

const unsigned char *keys_refresh(const keys_t *keys, unsigned *id);
const unsigned char *keys_refresh_find(const keys_t *keys, unsigned id);

/*
 * What tells the HMAC key of a number from any other and may be stored and
 * shown: an HMAC by it, in hex.  1, or 0 if there is no such key, or -1 if
 * OpenSSL fails.
 */
#define KEYS_RING_MAX          255      /* the highest number; the lowest is 1 */
#define KEYS_FINGERPRINT_SIZE  33

int keys_fingerprint(const keys_t *keys, unsigned id,
    char hex[KEYS_FINGERPRINT_SIZE]);

/*
 * Writes the set for gateways to GATEWAY_KEYS_FILE, by rename, 0640, and not
 * at all if it holds that text already.  0, or -1 and error.
 */
int keys_write_gateway_file(const keys_t *keys, const config_t *config,
    char error[KEYS_ERROR_SIZE]);

/* 0 if it holds that text and has that mode, 1 if not, -1 if there is none. */
int keys_gateway_state(const keys_t *keys, const config_t *config);

/* For the command line. */
typedef enum {
    KEY_NEXT,
    KEY_ACTIVE,
    KEY_RETIRED
} key_state_t;

typedef struct {
    char           kid[64];
    jot_alg_t      alg;
    key_state_t    state;
    int64_t        since;       /* seconds since 1970; 0 for SECRET_KEY */
} key_info_t;

size_t keys_count(const keys_t *keys);
const key_info_t *keys_info(const keys_t *keys, size_t i);

/*
 * Creates what is missing in KEY_DIR: the directory, an active and a next key
 * of the configured algorithm, the first HMAC key.  0, or -1 and error;
 * *created says how many files are new.
 */
int keys_generate(const config_t *config, unsigned *created,
    char error[KEYS_ERROR_SIZE]);

/*
 * The next key signs, the active one is retired and a new next one made; a new
 * HMAC key for refresh tokens.  Both also remove the retired keys of which no
 * token is good any more.  0, or -1 and error: refused while others may not
 * know the key yet, unless now is set.
 */
int keys_rotate(const config_t *config, int now, char error[KEYS_ERROR_SIZE]);
int keys_rotate_refresh(const config_t *config, int now,
    char error[KEYS_ERROR_SIZE]);

/*
 * Removes one retired key, or with kid NULL all of which no token is good any
 * more.  0, or -1 and error: refused while there may be such tokens, unless
 * now is set.
 */
int keys_retire(const config_t *config, const char *kid, int now,
    char error[KEYS_ERROR_SIZE]);

#endif
