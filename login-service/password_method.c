/*
 * Reads the settings in front of a stored hash.
 *
 * A hash may have been imported, so its cost is somebody else's choice: one
 * row with $y$jGT$ would take gigabytes and seconds of every login.  The forms
 * here are therefore strict, and narrower than what libxcrypt would take.
 */

#include <stddef.h>
#include <string.h>

#include "password_method.h"


#define YESCRYPT_SALT_MAX   86
#define SHACRYPT_SALT_MAX   16
#define SHACRYPT_ROUNDS     5000            /* where the hash names none */
#define SHACRYPT_ROUNDS_MIN 1000
#define SHACRYPT_ROUNDS_MAX 1000000
#define BCRYPT_COST_MIN     4
#define BCRYPT_COST_MAX     14
#define BCRYPT_TAIL         53              /* salt and hash */
#define SCRYPT_SALT_MAX     86
#define SCRYPT_MEMORY_MAX   (256u << 20)

typedef int (*password_parse_t)(const char *text, unsigned long *cost);


static int password_parse_yescrypt(const char *text, unsigned long *cost);
static int password_parse_bcrypt(const char *text, unsigned long *cost);
static int password_parse_sha512crypt(const char *text, unsigned long *cost);
static int password_parse_sha256crypt(const char *text, unsigned long *cost);
static int password_parse_scrypt(const char *text, unsigned long *cost);
static int password_parse_shacrypt(const char *text, size_t digest,
    unsigned long *cost);
static int password_scrypt_number(const char *text, size_t len,
    unsigned long *number);
static int password_salt_and_digest(const char *text, size_t salt_min,
    size_t salt_max, size_t digest);


static const char  password_alphabet[] =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const struct {
    const char          *prefix;
    password_method_t    method;
    password_parse_t     parse;
} password_methods[] = {
    { "$y$",  PASSWORD_YESCRYPT,    password_parse_yescrypt },
    { "$2a$", PASSWORD_BCRYPT,      password_parse_bcrypt },
    { "$2b$", PASSWORD_BCRYPT,      password_parse_bcrypt },
    { "$2y$", PASSWORD_BCRYPT,      password_parse_bcrypt },
    { "$6$",  PASSWORD_SHA512CRYPT, password_parse_sha512crypt },
    { "$5$",  PASSWORD_SHA256CRYPT, password_parse_sha256crypt },
    { "$7$",  PASSWORD_SCRYPT,      password_parse_scrypt },
};

/* What crypt_gensalt(3) writes for the costs 1 to 9, the dearest 256 MiB. */

static const char  *password_yescrypt_costs[] = {
    "j75$", "j85$", "j7T$", "j8T$", "j9T$", "jAT$", "jBT$", "jCT$", "jDT$"
};


int
password_method_parse(const char *hash, password_method_t *method,
    unsigned long *cost)
{
    size_t  i, n, len;

    n = sizeof(password_methods) / sizeof(password_methods[0]);

    for (i = 0; i < n; i++) {
        len = strlen(password_methods[i].prefix);

        if (strncmp(hash, password_methods[i].prefix, len) == 0) {
            *method = password_methods[i].method;
            return password_methods[i].parse(hash + len, cost);
        }
    }

    return -1;
}


static int
password_parse_yescrypt(const char *text, unsigned long *cost)
{
    size_t  i, n;

    n = sizeof(password_yescrypt_costs) / sizeof(password_yescrypt_costs[0]);

    for (i = 0; i < n; i++) {
        if (strncmp(text, password_yescrypt_costs[i], 4) == 0) {
            *cost = i + 1;
            return password_salt_and_digest(text + 4, 1, YESCRYPT_SALT_MAX, 43);
        }
    }

    return -1;
}


static int
password_parse_bcrypt(const char *text, unsigned long *cost)
{
    if (strspn(text, "0123456789") != 2 || text[2] != '$') {
        return -1;
    }

    *cost = (text[0] - '0') * 10 + (text[1] - '0');

    if (*cost < BCRYPT_COST_MIN || *cost > BCRYPT_COST_MAX) {
        return -1;
    }

    return strspn(text + 3, password_alphabet) == BCRYPT_TAIL
           && text[3 + BCRYPT_TAIL] == '\0' ? 0 : -1;
}


static int
password_parse_sha512crypt(const char *text, unsigned long *cost)
{
    return password_parse_shacrypt(text, 86, cost);
}


static int
password_parse_sha256crypt(const char *text, unsigned long *cost)
{
    return password_parse_shacrypt(text, 43, cost);
}


/* [rounds=N$]salt$digest */

static int
password_parse_shacrypt(const char *text, size_t digest, unsigned long *cost)
{
    size_t  i, n;

    *cost = SHACRYPT_ROUNDS;

    if (strncmp(text, "rounds=", 7) == 0) {
        text += 7;
        n = strspn(text, "0123456789");

        if (n < 4 || n > 7 || text[0] == '0' || text[n] != '$') {
            return -1;
        }

        for (*cost = 0, i = 0; i < n; i++) {
            *cost = *cost * 10 + (text[i] - '0');
        }

        text += n + 1;
    }

    if (*cost < SHACRYPT_ROUNDS_MIN || *cost > SHACRYPT_ROUNDS_MAX) {
        return -1;
    }

    return password_salt_and_digest(text, 0, SHACRYPT_SALT_MAX, digest);
}


/*
 * N as one digit (its binary logarithm), r and p of five digits each, then
 * salt$digest.  Memory is 128 N r, time grows with 128 N r p.
 */

static int
password_parse_scrypt(const char *text, unsigned long *cost)
{
    unsigned long  log_n, r, p;

    if (password_scrypt_number(text, 1, &log_n) != 0
        || password_scrypt_number(text + 1, 5, &r) != 0
        || password_scrypt_number(text + 6, 5, &p) != 0)
    {
        return -1;
    }

    if (log_n < 1 || log_n > 21 || r < 1 || p < 1
        || r > SCRYPT_MEMORY_MAX / 128 || p > SCRYPT_MEMORY_MAX / 128)
    {
        return -1;
    }

    if ((unsigned long long) r * p > (SCRYPT_MEMORY_MAX / 128) >> log_n) {
        return -1;
    }

    *cost = (128 * r * p) << log_n;

    return password_salt_and_digest(text + 11, 1, SCRYPT_SALT_MAX, 43);
}


/* Base 64 digits, the lowest first.  Stops at the end of the text. */

static int
password_scrypt_number(const char *text, size_t len, unsigned long *number)
{
    size_t       i;
    const char  *p;

    *number = 0;

    for (i = 0; i < len; i++) {
        p = text[i] ? strchr(password_alphabet, text[i]) : NULL;

        if (p == NULL) {
            return -1;
        }

        *number |= (unsigned long) (p - password_alphabet) << (6 * i);
    }

    return 0;
}


static int
password_salt_and_digest(const char *text, size_t salt_min, size_t salt_max,
    size_t digest)
{
    size_t  n;

    n = strspn(text, password_alphabet);

    if (n < salt_min || n > salt_max || text[n] != '$') {
        return -1;
    }

    text += n + 1;

    return strspn(text, password_alphabet) == digest && text[digest] == '\0'
           ? 0 : -1;
}
