/*
 * Passwords and their hashes, by libxcrypt (crypt(5)).
 *
 * New hashes are yescrypt at cost 6 (32 MiB, about 50 ms).  Verified too:
 * bcrypt ($2a$ $2b$ $2y$), sha512crypt ($6$), sha256crypt ($5$) and scrypt
 * ($7$).  The cost that a stored hash names is bounded before it is run:
 * yescrypt 9, bcrypt 14, a million rounds of sha crypt, 256 MiB for scrypt.
 * Nothing in here knows users.
 */

#ifndef PASSWORD_H
#define PASSWORD_H

#include <stddef.h>


#define PASSWORD_HASH_SIZE  384     /* CRYPT_OUTPUT_SIZE */
#define PASSWORD_MAX_CHARS  256
#define PASSWORD_MAX_BYTES  500

typedef enum {
    PASSWORD_MATCH,
    PASSWORD_MISMATCH,
    PASSWORD_REFUSED,       /* the stored hash: unknown method or too dear */
    PASSWORD_FAILED         /* our fault: no memory, no random numbers */
} password_result_t;

/* Makes the dummy hash; once, before password_verify().  0 or -1. */
int password_init(void);

/*
 * hash NULL stands for an unknown, disabled or passwordless user: one hash of
 * the current method and cost is computed all the same, then MISMATCH.  So it
 * is before REFUSED, and for a password of more than PASSWORD_MAX_BYTES.
 */
password_result_t password_verify(const char *password, const char *hash);

/* 0 and the new hash, or -1 (also for more than PASSWORD_MAX_BYTES). */
int password_hash(const char *password, char hash[PASSWORD_HASH_SIZE]);

/* Whether a hash that has just matched should be replaced by a new one. */
int password_outdated(const char *hash, const char *password);

/* What speaks against choosing it: a mask, 0 if nothing does. */
#define PASSWORD_TOO_SHORT     1u
#define PASSWORD_TOO_LONG      2u
#define PASSWORD_COMMON        4u
#define PASSWORD_SAME_AS_NAME  8u

unsigned password_weakness(const char *password, const char *username,
    size_t min_chars);

#endif
