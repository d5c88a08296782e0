/*
 * Access tokens (RFC 9068), built with libjwt and signed by jot (HS256 by
 * libjwt), and refresh tokens.  Knows neither HTTP nor the database; times
 * are passed in.
 */

#ifndef TOKEN_H
#define TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "jot.h"
#include "keys.h"


#define TOKEN_ACCESS_SIZE  3584     /* 3.5 KiB */

/* Texts are borrowed. */
typedef struct {
    const char   *sub;
    const char   *name;
    const char   *client_id;    /* NULL: the client of people's sessions */
    const char   *sid;          /* UUID text; NULL: no session */
    const char   *roles;        /* JSON array of strings */
    const char   *scope;        /* NULL or "": no such claim */
    const char   *extra;        /* JSON object; reserved names are ignored */
    int64_t       ver;
    int64_t       iat;
    int64_t       exp;
} token_claims_t;

typedef enum {
    TOKEN_OK,
    TOKEN_TOO_LARGE,            /* over TOKEN_ACCESS_SIZE */
    TOKEN_FAILED
} token_result_t;

/* *token is malloc()ed. */
token_result_t token_access_build(const keys_t *keys, const config_t *config,
    const token_claims_t *claims, char **token);

/*
 * An access token of ours: signature, exp, iss, aud, typ.  An expired one is
 * JOT_EXPIRED with *access filled all the same, so that it can still log out.
 */
typedef struct {
    char         *sub;
    char         *jti;
    char         *client_id;
    char         *payload;      /* JSON text */
    char          sid[37];      /* "" if it has none */
    int64_t       exp;
    int64_t       ver;
} token_access_t;

jot_status_t token_access_verify(const keys_t *keys, const config_t *config,
    jot_str_t text, int64_t now, token_access_t *access);
void token_access_free(token_access_t *access);


/*
 * v1.<base64url( kid 1 | sid 16 | generation 4 | secret 16 | HMAC 32 )>
 *
 * The secret stays for the session's life and the generation counts up, so
 * that each token has exactly one successor, which any instance can write down
 * again.  A stolen database forges nothing (no HMAC key, no secret), nor does a
 * stolen HMAC key (no secret).
 */
#define TOKEN_SID_SIZE      16
#define TOKEN_SECRET_SIZE   16
#define TOKEN_DIGEST_SIZE   32
#define TOKEN_REFRESH_SIZE  96      /* with the NUL */

typedef struct {
    unsigned char    sid[TOKEN_SID_SIZE];
    uint32_t         generation;
    unsigned char    secret[TOKEN_SECRET_SIZE];
} token_refresh_t;

int token_refresh_new(token_refresh_t *refresh);    /* random; generation 1 */
int token_refresh_build(const keys_t *keys, const token_refresh_t *refresh,
    char text[TOKEN_REFRESH_SIZE]);
int token_refresh_parse(const keys_t *keys, jot_str_t text,
    token_refresh_t *refresh);                      /* -1: not one of ours */
int token_refresh_digest(const token_refresh_t *refresh,
    unsigned char digest[TOKEN_DIGEST_SIZE]);       /* SHA-256(secret) */

void token_sid_text(const unsigned char sid[TOKEN_SID_SIZE], char text[37]);

#endif
