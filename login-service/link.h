/*
 * What a link carries that serves once: 256 random bits, of which the database
 * has the SHA-256.  It stands behind the "#" of the link, so that it reaches
 * no log and no Referer.
 */

#ifndef LINK_H
#define LINK_H


#define LINK_SECRET_SIZE  44        /* base64url of 32 bytes, and a NUL */
#define LINK_DIGEST_SIZE  32

/* 0, or -1 if OpenSSL fails.  The caller wipes the secret. */
int link_secret_new(char secret[LINK_SECRET_SIZE]);

/* 0; -1 if it is not of the form of a secret. */
int link_digest(const char *secret, unsigned char digest[LINK_DIGEST_SIZE]);

#endif
