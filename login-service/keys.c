/*
 * The keys as a worker has them: read and judged as a whole, then immutable.
 * A directory that is wrong in one place is refused; to sign with half of it
 * would be noticed by others first.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "keys.h"
#include "keys_dir.h"
#include "keys_set.h"
#include "keys_state.h"


#define KEYS_ETAG_SIZE           26
#define KEYS_FINGERPRINT_DOMAIN  "portero fingerprint of a refresh key"

struct keys_s {
    struct stat      state;             /* of the state that was read */
    jot_private_t   *active;
    jot_keys_t      *public;
    char            *jwks;
    char            *gateway;           /* with HS256 a secret */
    char             etag[KEYS_ETAG_SIZE];

    key_info_t       infos[KEYS_STATE_MAX + 1];
    char            *jwk[KEYS_STATE_MAX + 1];       /* while loading */
    size_t           n;

    unsigned         refresh;           /* the number of the active one */
    unsigned         refresh_before;    /* 0: there was none */
    int64_t          refresh_since;
    int64_t          refresh_retired;   /* when the one before was */
    unsigned char    has[KEYS_RING_MAX + 1];
    unsigned char    ring[KEYS_RING_MAX + 1][KEYS_REFRESH_SIZE];
};


static int keys_load_all(keys_t *keys, const config_t *config,
    const keys_dir_t *dir, keys_state_t *state, char error[KEYS_ERROR_SIZE]);
static int keys_load_sign(keys_t *keys, const keys_dir_t *dir,
    const keys_entry_t *entry, char error[KEYS_ERROR_SIZE]);
static int keys_load_refresh(keys_t *keys, const keys_dir_t *dir,
    const keys_entry_t *entry, char error[KEYS_ERROR_SIZE]);
static int keys_load_secret(keys_t *keys, const config_t *config);
static int keys_load_texts(keys_t *keys, const config_t *config,
    const keys_dir_t *dir, char error[KEYS_ERROR_SIZE]);
static int keys_make_etag(keys_t *keys);
static void keys_free_jwks(keys_t *keys);


keys_t *
keys_load(const config_t *config, char error[KEYS_ERROR_SIZE])
{
    int            rc;
    keys_t        *keys;
    keys_dir_t     dir;
    keys_state_t  *state;

    if (config->key_dir[0] == '\0') {
        snprintf(error, KEYS_ERROR_SIZE, "KEY_DIR is not set; it has to name "
                 "the directory of the keys");
        return NULL;
    }

    rc = -1;
    keys = calloc(1, sizeof(*keys));
    state = calloc(1, sizeof(*state));

    if (keys_dir_open(&dir, config->key_dir, error) != 0) {
        goto done;
    }

    if (keys == NULL || state == NULL) {
        keys_dir_refuse(&dir, NULL, error, "out of memory");
        goto done;
    }

    rc = keys_load_all(keys, config, &dir, state, error);

done:

    keys_dir_close(&dir);
    free(state);

    if (rc != 0) {
        keys_free(keys);
        return NULL;
    }

    return keys;
}


void
keys_free(keys_t *keys)
{
    if (keys == NULL) {
        return;
    }

    jot_private_free(keys->active);
    jot_keys_free(keys->public);
    keys_free_jwks(keys);
    keys_set_wipe(keys->gateway);
    free(keys->jwks);

    explicit_bzero(keys, sizeof(*keys));
    free(keys);
}


/* Every change puts a new state in place, so that file tells it all. */

int
keys_changed(const keys_t *keys, const config_t *config)
{
    int          fd, rc;
    struct stat  st;

    fd = open(config->key_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1) {
        return 1;
    }

    rc = fstatat(fd, KEYS_STATE_FILE, &st, AT_SYMLINK_NOFOLLOW);
    close(fd);

    return rc != 0
           || st.st_dev != keys->state.st_dev
           || st.st_ino != keys->state.st_ino
           || st.st_size != keys->state.st_size
           || st.st_mtim.tv_sec != keys->state.st_mtim.tv_sec
           || st.st_mtim.tv_nsec != keys->state.st_mtim.tv_nsec
           || st.st_ctim.tv_sec != keys->state.st_ctim.tv_sec
           || st.st_ctim.tv_nsec != keys->state.st_ctim.tv_nsec;
}


const jot_private_t *
keys_active(const keys_t *keys)
{
    return keys->active;
}


const jot_keys_t *
keys_public(const keys_t *keys)
{
    return keys->public;
}


const char *
keys_jwks(const keys_t *keys)
{
    return keys->jwks;
}


const char *
keys_gateway(const keys_t *keys)
{
    return keys->gateway;
}


const char *
keys_etag(const keys_t *keys)
{
    return keys->etag;
}


int
keys_fingerprint(const keys_t *keys, unsigned id,
    char hex[KEYS_FINGERPRINT_SIZE])
{
    size_t         i;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    if (id > KEYS_RING_MAX || !keys->has[id]) {
        return 0;
    }

    if (HMAC(EVP_sha256(), keys->ring[id], KEYS_REFRESH_SIZE,
             (const unsigned char *) KEYS_FINGERPRINT_DOMAIN,
             strlen(KEYS_FINGERPRINT_DOMAIN), mac, NULL)
        == NULL)
    {
        return -1;
    }

    for (i = 0; i < (KEYS_FINGERPRINT_SIZE - 1) / 2; i++) {
        sprintf(hex + 2 * i, "%02x", mac[i]);
    }

    return 1;
}


const char *
keys_kid(const keys_t *keys)
{
    size_t  i;

    for (i = 0; i < keys->n; i++) {
        if (keys->infos[i].state == KEY_ACTIVE) {
            return keys->infos[i].kid;
        }
    }

    return NULL;
}


const unsigned char *
keys_refresh(const keys_t *keys, unsigned *id)
{
    *id = keys->refresh;

    if (keys->refresh_before
        && time(NULL) < keys->refresh_since + KEYS_REFRESH_DELAY)
    {
        *id = keys->refresh_before;
    }

    return keys_refresh_find(keys, *id);
}


const unsigned char *
keys_refresh_find(const keys_t *keys, unsigned id)
{
    return id <= KEYS_RING_MAX && keys->has[id] ? keys->ring[id] : NULL;
}


size_t
keys_count(const keys_t *keys)
{
    return keys->n;
}


const key_info_t *
keys_info(const keys_t *keys, size_t i)
{
    return i < keys->n ? &keys->infos[i] : NULL;
}


static int
keys_load_all(keys_t *keys, const config_t *config, const keys_dir_t *dir,
    keys_state_t *state, char error[KEYS_ERROR_SIZE])
{
    int                  rc;
    size_t               i;
    const keys_entry_t  *entry;

    rc = keys_state_load(state, dir, error);

    if (rc == 0) {
        return keys_dir_refuse(dir, NULL, error, "holds no keys; \"portero key "
                               "generate\" makes them");
    }

    if (rc != 1 || keys_state_check(state, config, dir, error) != 0) {
        return -1;
    }

    keys->state = state->st;

    for (i = 0; i < state->n; i++) {
        entry = &state->entries[i];
        rc = entry->use == KEYS_SIGN
             ? keys_load_sign(keys, dir, entry, error)
             : keys_load_refresh(keys, dir, entry, error);

        if (rc != 0) {
            return -1;
        }
    }

    if (config->algorithm == JOT_HS256 && keys_load_secret(keys, config) != 0) {
        return keys_dir_refuse(dir, NULL, error, "SECRET_KEY cannot be used");
    }

    if (keys_kid(keys) == NULL || keys->refresh == 0) {
        return keys_dir_refuse(dir, KEYS_STATE_FILE, error, "names no active "
                               "%s; \"portero key generate\" makes what is "
                               "missing",
                               keys->refresh ? "key" : "refresh key");
    }

    return keys_load_texts(keys, config, dir, error);
}


static int
keys_load_sign(keys_t *keys, const keys_dir_t *dir, const keys_entry_t *entry,
    char error[KEYS_ERROR_SIZE])
{
    int             rc;
    char            name[KEYS_NAME_SIZE], reason[JOT_REASON_SIZE];
    size_t          len;
    jot_private_t  *key;
    unsigned char  *pem;

    keys_state_name(entry, name);
    rc = keys_dir_read(dir, name, &pem, &len, NULL, error);

    if (rc != 1) {
        return rc ? rc : keys_dir_refuse(dir, name, error, "is missing, and "
                                         "\"" KEYS_STATE_FILE "\" names it");
    }

    key = jot_private_parse((char *) pem, len, entry->info.alg, reason);
    explicit_bzero(pem, len);
    free(pem);

    if (key == NULL) {
        return keys_dir_refuse(dir, name, error, "%s", reason);
    }

    rc = -1;

    if (strcmp(jot_private_kid(key), entry->info.kid) != 0) {
        keys_dir_refuse(dir, name, error, "holds another key, %s",
                        jot_private_kid(key));
        goto done;
    }

    keys->jwk[keys->n] = jot_private_jwk(key);

    if (keys->jwk[keys->n] == NULL) {
        keys_dir_refuse(dir, name, error, "out of memory");
        goto done;
    }

    keys->infos[keys->n++] = entry->info;

    if (entry->info.state == KEY_ACTIVE) {
        keys->active = key;
        key = NULL;
    }

    rc = 0;

done:

    jot_private_free(key);
    return rc;
}


static int
keys_load_refresh(keys_t *keys, const keys_dir_t *dir,
    const keys_entry_t *entry, char error[KEYS_ERROR_SIZE])
{
    int             rc;
    char            name[KEYS_NAME_SIZE];
    size_t          len;
    unsigned        id;
    unsigned char  *data;

    id = strtoul(entry->info.kid, NULL, 10);
    keys_state_name(entry, name);
    rc = keys_dir_read(dir, name, &data, &len, NULL, error);

    if (rc != 1) {
        return rc ? rc : keys_dir_refuse(dir, name, error, "is missing, and "
                                         "\"" KEYS_STATE_FILE "\" names it");
    }

    if (len == KEYS_REFRESH_SIZE) {
        memcpy(keys->ring[id], data, KEYS_REFRESH_SIZE);
        keys->has[id] = 1;

        if (entry->info.state == KEY_ACTIVE) {
            keys->refresh = id;
            keys->refresh_since = entry->info.since;

        } else if (entry->info.since >= keys->refresh_retired) {
            keys->refresh_before = id;
            keys->refresh_retired = entry->info.since;
        }

    } else {
        rc = keys_dir_refuse(dir, name, error, "has %zu bytes; it has to have "
                             "%d", len, KEYS_REFRESH_SIZE);
    }

    explicit_bzero(data, len);
    free(data);

    return rc == 1 ? 0 : -1;
}


static int
keys_load_secret(keys_t *keys, const config_t *config)
{
    key_info_t  *info;

    info = &keys->infos[keys->n];

    if (config->secret_key[0] == '\0'
        || keys_set_secret_kid(config->secret_key, info->kid) != 0)
    {
        return -1;
    }

    info->alg = JOT_HS256;
    info->state = KEY_ACTIVE;
    info->since = 0;

    keys->jwk[keys->n] = keys_set_secret_jwk(config->secret_key, info->kid);

    if (keys->jwk[keys->n] == NULL) {
        return -1;
    }

    keys->n++;

    return 0;
}


static int
keys_load_texts(keys_t *keys, const config_t *config, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE])
{
    char  reason[JOT_REASON_SIZE];

    keys->gateway = keys_set_join(keys->jwk, keys->n);
    keys->jwks = keys_set_join(keys->jwk,
                               config->algorithm == JOT_HS256 ? 0 : keys->n);
    keys_free_jwks(keys);

    if (keys->gateway == NULL || keys->jwks == NULL
        || keys_make_etag(keys) != 0)
    {
        return keys_dir_refuse(dir, NULL, error, "out of memory");
    }

    keys->public = jot_keys_parse(keys->gateway, strlen(keys->gateway), 0, NULL,
                                  NULL, reason);

    if (keys->public == NULL) {
        return keys_dir_refuse(dir, NULL, error, "%s", reason);
    }

    return 0;
}


static int
keys_make_etag(keys_t *keys)
{
    char           *p;
    unsigned char   digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(keys->jwks, strlen(keys->jwks), digest, NULL, EVP_sha256(),
                   NULL)
        != 1)
    {
        return -1;
    }

    p = keys->etag;
    *p++ = '"';
    p += jot_base64url_encode(p, digest, 16);
    *p++ = '"';
    *p = '\0';

    return 0;
}


static void
keys_free_jwks(keys_t *keys)
{
    size_t  i;

    for (i = 0; i < sizeof(keys->jwk) / sizeof(keys->jwk[0]); i++) {
        keys_set_wipe(keys->jwk[i]);
        keys->jwk[i] = NULL;
    }
}
