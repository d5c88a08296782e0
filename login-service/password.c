/*
 * Passwords and their hashes.  Whatever a login is refused for, it costs the
 * time of one hash, so that the time does not tell which names exist.
 */

#include <crypt.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/crypto.h>

#include "metrics.h"
#include "password.h"
#include "password_common.h"
#include "password_method.h"


#define BCRYPT_BYTES  72        /* of a password; bcrypt ignores the rest */

_Static_assert(PASSWORD_HASH_SIZE == CRYPT_OUTPUT_SIZE,
               "a hash of crypt(3) has to fit");
_Static_assert(PASSWORD_MAX_BYTES < CRYPT_MAX_PASSPHRASE_SIZE,
               "crypt(3) refuses longer passwords");


static password_result_t password_compute(const char *password,
    const char *hash);
static void password_spend(const char *password);
static char *password_crypt(const char *password, const char *setting,
    struct crypt_data *data);


/* A hash that no user has; only its settings matter. */
static char  password_dummy[PASSWORD_HASH_SIZE];


int
password_init(void)
{
    return password_hash("", password_dummy);
}


password_result_t
password_verify(const char *password, const char *hash)
{
    unsigned long      cost;
    password_method_t  method;

    if (hash == NULL) {
        password_spend(password);
        return PASSWORD_MISMATCH;
    }

    if (password_method_parse(hash, &method, &cost) != 0) {
        password_spend(password);
        return PASSWORD_REFUSED;
    }

    if (strlen(password) > PASSWORD_MAX_BYTES) {
        password_spend(password);
        return PASSWORD_MISMATCH;
    }

    return password_compute(password, hash);
}


int
password_hash(const char *password, char hash[PASSWORD_HASH_SIZE])
{
    int                rc;
    char               setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data  data;

    rc = -1;
    memset(&data, 0, sizeof(data));

    if (strlen(password) > PASSWORD_MAX_BYTES) {
        return -1;
    }

    if (crypt_gensalt_rn(PASSWORD_PREFIX, PASSWORD_COST, NULL, 0, setting,
                         sizeof(setting))
        && password_crypt(password, setting, &data))
    {
        memcpy(hash, data.output, PASSWORD_HASH_SIZE);
        rc = 0;
    }

    explicit_bzero(&data, sizeof(data));

    return rc;
}


int
password_outdated(const char *hash, const char *password)
{
    unsigned long      cost;
    password_method_t  method;

    if (password_method_parse(hash, &method, &cost) != 0) {
        return 0;
    }

    switch (method) {

    case PASSWORD_YESCRYPT:
        return cost < PASSWORD_COST;

    case PASSWORD_BCRYPT:

        /*
         * It matched by the first bytes alone.  The rest, which may be a slip
         * of the hand, must not become part of what is asked for next time.
         */

        return strlen(password) <= BCRYPT_BYTES;

    case PASSWORD_SHA512CRYPT:
    case PASSWORD_SHA256CRYPT:
    case PASSWORD_SCRYPT:
        return 1;
    }

    return 0;
}


unsigned
password_weakness(const char *password, const char *username,
    size_t min_chars)
{
    size_t       chars;
    unsigned     reasons;
    const char  *p;

    reasons = 0;
    chars = 0;

    /* All but the continuation bytes of UTF-8 start a character. */

    for (p = password; *p; p++) {
        chars += ((unsigned char) *p & 0xc0) != 0x80;
    }

    if (chars < min_chars) {
        reasons |= PASSWORD_TOO_SHORT;
    }

    if (chars > PASSWORD_MAX_CHARS || p - password > PASSWORD_MAX_BYTES) {
        reasons |= PASSWORD_TOO_LONG;
    }

    if (password_common_find(password)) {
        reasons |= PASSWORD_COMMON;
    }

    if (strcasecmp(password, username) == 0) {
        reasons |= PASSWORD_SAME_AS_NAME;
    }

    return reasons;
}


static password_result_t
password_compute(const char *password, const char *hash)
{
    size_t              len;
    const char         *computed;
    struct crypt_data   data;
    password_result_t   result;

    len = strlen(hash);
    memset(&data, 0, sizeof(data));
    errno = 0;

    computed = password_crypt(password, hash, &data);

    if (computed == NULL) {
        result = errno == ENOMEM ? PASSWORD_FAILED : PASSWORD_REFUSED;

    } else if (strlen(computed) == len
               && CRYPTO_memcmp(computed, hash, len) == 0)
    {
        result = PASSWORD_MATCH;

    } else {
        result = PASSWORD_MISMATCH;
    }

    explicit_bzero(&data, sizeof(data));

    return result;
}


/* Takes as long as a hash that is looked at, and tells nothing. */

static void
password_spend(const char *password)
{
    if (strlen(password) > PASSWORD_MAX_BYTES) {
        password = "";
    }

    (void) password_compute(password, password_dummy);
}


/* The one place where a hash is computed; it is timed. */
static char *
password_crypt(const char *password, const char *setting,
    struct crypt_data *data)
{
    char            *hash;
    int64_t          taken;
    struct timespec  from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);
    hash = crypt_rn(password, setting, data, sizeof(*data));
    clock_gettime(CLOCK_MONOTONIC, &to);

    taken = (int64_t) (to.tv_sec - from.tv_sec) * 1000000
            + (to.tv_nsec - from.tv_nsec) / 1000;
    metrics_hashed(taken);

    return hash;
}
