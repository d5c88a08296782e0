/*
 * Secrets that we make, of clients, API keys and links: 256 random bits, shown
 * once.  What is kept is their SHA-256; being random they need no salt and no
 * slower hash.
 */

#ifndef SECRET_H
#define SECRET_H

#define SECRET_SIZE         44      /* base64url, with the NUL */
#define SECRET_DIGEST_SIZE  32
#define SECRET_HEX_SIZE     65      /* a digest in hex, with the NUL */

/* 0, or -1 if OpenSSL fails.  The text is the caller's to wipe. */
int secret_new(char text[SECRET_SIZE]);

/* 0; -1 if the text has not the form of a secret, and is none of ours. */
int secret_digest(const char *text, unsigned char digest[SECRET_DIGEST_SIZE]);

void secret_hex(const unsigned char digest[SECRET_DIGEST_SIZE],
    char hex[SECRET_HEX_SIZE]);

#endif
