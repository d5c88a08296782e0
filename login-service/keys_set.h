/* The texts that show keys to others (RFC 7517). */

#ifndef KEYS_SET_H
#define KEYS_SET_H

#include <stddef.h>


#define KEYS_SECRET_KID_SIZE  23

/* A JWK Set of n JWKs; malloc()ed.  NULL if there is no memory. */
char *keys_set_join(char *const *jwks, size_t n);

/*
 * A name for SECRET_KEY, which may be public: 16 bytes of an HMAC by that key
 * say no more about it than a token does.  0 or -1.
 */
int keys_set_secret_kid(const char *secret, char kid[KEYS_SECRET_KID_SIZE]);

/* The secret as a JWK; malloc()ed, and the caller's to wipe and free. */
char *keys_set_secret_jwk(const char *secret, const char *kid);

/* Releases a text that holds a secret.  text may be NULL. */
void keys_set_wipe(char *text);

#endif
