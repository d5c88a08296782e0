/*
 * jot: JSON Web Tokens, read, judged and signed (RFC 7515, 7517, 7518, 7519).
 *
 * The gateway and the login service share it.  It depends on OpenSSL and
 * jansson only, keeps no global state, does no input or output, and never asks
 * for the time: the caller passes it in.
 *
 * Whatever a token says is untrusted until jot_token_verify() returned JOT_OK.
 * The key decides the algorithm, never the token; nothing in a token names a
 * file, a URL or a key to build ("jku", "x5u", "jwk" and "x5c" are not read).
 *
 * OpenSSL's error queue is left as it was found.  Key sets and private keys
 * keep contexts of OpenSSL's that are used again by each call, so one of them
 * serves one thread at a time; after a fork both sides may go on with it.
 *
 * Ownership: "view" means a pointer into memory that somebody else owns; it
 * is not terminated by NUL.  Times are seconds since 1970.
 */

#ifndef JOT_H
#define JOT_H

#include <stddef.h>
#include <stdint.h>


/*
 * The one list of outcomes.  jot_status_text() gives the word that $jwt_status,
 * the error log and the documentation use.  JOT_MISSING, JOT_CLAIM,
 * JOT_REVOKED and JOT_UNAVAILABLE are judged by the gateway, not in here.
 */
typedef enum {
    JOT_OK = 0,
    JOT_MISSING,        /* "missing": no token was offered */
    JOT_MALFORMED,      /* "malformed": not a compact JWS of a JSON object */
    JOT_ALGORITHM,      /* "algorithm": unknown, not allowed, not the key's */
    JOT_KEY,            /* "key": no key fits the token */
    JOT_SIGNATURE,      /* "signature": no fitting key made this signature */
    JOT_EXPIRED,        /* "expired": exp has passed, or is missing */
    JOT_NOT_YET,        /* "not_yet": nbf is ahead */
    JOT_ISSUER,         /* "issuer": iss is none of those asked for */
    JOT_AUDIENCE,       /* "audience": aud names none of those asked for */
    JOT_TYP,            /* "typ": the header's typ is none of those asked for */
    JOT_CLAIM,          /* "claim": a condition on the claims failed */
    JOT_REVOKED,        /* "revoked" */
    JOT_UNAVAILABLE,    /* "unavailable": keys cannot be had */
    JOT_INTERNAL        /* "internal": out of memory, or a fault in OpenSSL */
} jot_status_t;

const char *jot_status_text(jot_status_t status);


typedef struct {
    const char   *data;
    size_t        len;
} jot_str_t;


/*
 * Algorithms (RFC 7518, 3.1; RFC 8037; RFC 8812; RFC 9864).  A set of them is
 * a mask of JOT_ALG_BIT()s.  RFC 9864's names Ed25519 and Ed448 are rows of
 * their own; EdDSA covers both curves.
 */
typedef enum {
    JOT_HS256, JOT_HS384, JOT_HS512,
    JOT_RS256, JOT_RS384, JOT_RS512,
    JOT_PS256, JOT_PS384, JOT_PS512,
    JOT_ES256, JOT_ES384, JOT_ES512, JOT_ES256K,
    JOT_EDDSA, JOT_ED25519, JOT_ED448,
    JOT_ALG_COUNT
} jot_alg_t;

#define JOT_ALG_BIT(alg)     (1u << (alg))
#define JOT_ALGS_HMAC        (JOT_ALG_BIT(JOT_HS256) | JOT_ALG_BIT(JOT_HS384) \
                              | JOT_ALG_BIT(JOT_HS512))
#define JOT_ALGS_ALL         (JOT_ALG_BIT(JOT_ALG_COUNT) - 1)
#define JOT_ALGS_ASYMMETRIC  (JOT_ALGS_ALL & ~JOT_ALGS_HMAC \
                              & ~JOT_ALG_BIT(JOT_ES256K))

/*
 * Exact, case matters.  -1 if there is none of that name ("none" included);
 * and "" for the name of JOT_ALG_COUNT, which stands for no algorithm.
 */
int jot_alg_find(const char *name, size_t len);
const char *jot_alg_name(jot_alg_t alg);


/*
 * base64url without padding (RFC 7515, 2).  Decoding is strict: no padding, no
 * white space, no non-zero trailing bits.  dst needs room for
 * JOT_BASE64URL_DECODED(len) or JOT_BASE64URL_ENCODED(len) bytes; nothing is
 * terminated.  Decoding returns -1 for anything else, and 0 otherwise.
 */
#define JOT_BASE64URL_ENCODED(len)  (((len) * 4 + 2) / 3)
#define JOT_BASE64URL_DECODED(len)  ((len) * 3 / 4)

size_t jot_base64url_encode(char *dst, const void *src, size_t len);
int jot_base64url_decode(void *dst, size_t *dstlen, const char *src,
    size_t len);


/*
 * A JSON text that was read (RFC 8259): UTF-8, duplicate members refused, no
 * \u0000, no number from 1e308 on, nesting at most depth (an object in nothing
 * has depth 1).  The text is copied, and wiped at its end.  Only an object is
 * accepted at the top.  On failure *json is NULL and *detail a static text that
 * says what was wrong; detail may be NULL.
 */
typedef struct jot_json_s  jot_json_t;

jot_status_t jot_json_parse(jot_json_t **json, const char *data, size_t len,
    unsigned depth, const char **detail);
void jot_json_free(jot_json_t *json);
jot_str_t jot_json_text(const jot_json_t *json);    /* view, as it was given */

typedef enum {
    JOT_NULL,
    JOT_BOOLEAN,
    JOT_NUMBER,
    JOT_STRING,
    JOT_ARRAY,
    JOT_OBJECT
} jot_type_t;

/* A place in a jot_json_t, and valid as long as that is. */
typedef struct {
    jot_type_t          type;
    const jot_json_t   *json;           /* private, as is the next */
    const void         *entry;
} jot_value_t;

/*
 * Walks a path of n names from the top; in an array a name is a decimal index.
 * Returns 1 and sets *value, or returns 0.  An empty path is the top itself.
 */
int jot_json_find(const jot_json_t *json, const jot_str_t *path, size_t n,
    jot_value_t *value);

/* Views: its slice of the text, 1.10 stays "1.10"; and of a JOT_STRING what it
   stands for, behind which there is a NUL. */
jot_str_t jot_value_raw(const jot_value_t *value);
jot_str_t jot_value_string(const jot_value_t *value);

/* The elements of a JOT_ARRAY in turn; 0 if there is none, or no other. */
size_t jot_value_count(const jot_value_t *value);
int jot_value_first(const jot_value_t *value, jot_value_t *element);
int jot_value_next(jot_value_t *element);

/*
 * The text of a value as auth_jwt_claim_set documents it: strings as they are,
 * an array of scalars joined with commas, any other array and objects as
 * compact JSON, true and false, numbers as they stand in the token; null is
 * empty.  *text is malloc()ed and the caller's to free; NULL when empty.
 */
jot_status_t jot_value_text(const jot_value_t *value, char **text,
    size_t *len);


/*
 * A JWK Set (RFC 7517, 5), parsed once and immutable afterwards.  Keys that
 * cannot be used are skipped and reported to warn (may be NULL), one line
 * each, naming the key; a set that is no JSON object, holds no usable key, or
 * holds two keys of one type with an equal kid is refused: NULL, and one line
 * in reason, with the line of the text where that is known.
 *
 * how is 0 or a mask of these: JOT_KEYS_KEYVAL, the text is an object of kid
 * and PEM instead, a public key (RFC 7468, 13) or a certificate, of which only
 * the key is looked at; JOT_KEYS_PUBLIC, secrets ("oct") are not used.
 */
typedef struct jot_keys_s  jot_keys_t;
typedef void (*jot_warn_pt)(void *data, const char *text);

#define JOT_REASON_SIZE  256
#define JOT_KEYS_KEYVAL  1u
#define JOT_KEYS_PUBLIC  2u

jot_keys_t *jot_keys_parse(const char *data, size_t len, unsigned how,
    jot_warn_pt warn, void *warn_data, char reason[JOT_REASON_SIZE]);
void jot_keys_free(jot_keys_t *keys);
size_t jot_keys_count(const jot_keys_t *keys);
unsigned jot_keys_algs(const jot_keys_t *keys);     /* what they can verify */

/* A random number of its own: two sets never have the same, freed ones too. */
uint64_t jot_keys_id(const jot_keys_t *keys);

/*
 * Keys that are trusted, and for whom.  With an issuer they verify tokens of
 * exactly this iss alone, and nobody else's keys verify those, neither if
 * these do not, nor if keys is NULL (known, but not at hand).  Views.
 */
typedef struct {
    const jot_keys_t  *keys;
    jot_str_t          issuer;  /* data is NULL: whom none of the others has */
} jot_trust_t;


/*
 * Headers of tokens that verified, the last few: most tokens of a signer have
 * the same one, which need not be read again.  For the caller's use with
 * jot_token_parse() only; what is decided is the same without it.  The caller
 * frees it, after the tokens; NULL is out of memory.  One thread at a time.
 */
typedef struct jot_headers_s  jot_headers_t;

jot_headers_t *jot_headers_new(void);
void jot_headers_free(jot_headers_t *headers);


/*
 * A compact JWS (RFC 7515, 7.1) that carries a JWT (RFC 7519).
 *
 * jot_token_parse() splits it and reads the header; data, and headers unless it
 * is NULL, have to outlive the token.  It initialises *token in every case, so
 * jot_token_free() is always allowed after it.  The signature is not looked at
 * yet.
 *
 * jot_token_verify() finds keys by kid and type, requires the header's alg to
 * be the key's own and one of algs, checks the signature with at most
 * JOT_KEYS_TRIED keys, and then, not before, parses the payload.  A key that
 * is not trusted for the token's iss is passed over.
 *
 * jot_claims_check() judges a verified token: exp and nbf, then iss, aud, typ.
 * exp, nbf and iat of another kind than numbers from 0 and below 2^53 make it
 * malformed.  jot_times_check() judges exp and nbf again, as they stand in
 * *token: all that may have changed since, if the policy is the same.
 *
 * jot_token_restore() is parse and verify in one for a text of which the caller
 * remembers that jot_token_verify() returned JOT_OK, with keys and algorithms
 * that are still those to be asked: the signature is not looked at again.
 */
#define JOT_TOKEN_SIZE   16384
#define JOT_TOKEN_DEPTH  16
#define JOT_KEYS_TRIED   8
#define JOT_NO_TIME      (-1)

typedef struct {
    jot_alg_t       alg;        /* JOT_ALG_COUNT if it has none we know */
    jot_str_t       kid;        /* view; data is NULL if there is none */
    jot_json_t     *header;     /* NULL if it is no JSON object */
    jot_json_t     *payload;    /* NULL until verified */
    const char     *detail;     /* static text: what was wrong, for a log */
    int64_t         exp;        /* set by jot_claims_check(), rounded up; */
    int64_t         nbf;        /* JOT_NO_TIME if there is none */
    jot_str_t       signing_input;      /* these five are private, and views */
    jot_str_t       encoded_header;
    jot_str_t       encoded_payload;
    jot_str_t       encoded_signature;
    jot_headers_t  *headers;
} jot_token_t;

jot_status_t jot_token_parse(jot_token_t *token, jot_headers_t *headers,
    const char *data, size_t len);
jot_status_t jot_token_verify(jot_token_t *token, const jot_trust_t *trusts,
    size_t ntrusts, unsigned algs);
jot_status_t jot_token_restore(jot_token_t *token, jot_headers_t *headers,
    const char *data, size_t len);
void jot_token_free(jot_token_t *token);    /* what it holds, not itself */

/* An empty list asks nothing.  leeway is in seconds and not negative. */
typedef struct {
    int64_t            leeway;
    int                exp_optional;
    const jot_str_t   *issuers;
    size_t             nissuers;
    const jot_str_t   *audiences;
    size_t             naudiences;
    const jot_str_t   *typs;
    size_t             ntyps;
} jot_policy_t;

jot_status_t jot_claims_check(jot_token_t *token, const jot_policy_t *policy,
    int64_t now);
jot_status_t jot_times_check(jot_token_t *token, const jot_policy_t *policy,
    int64_t now);


/*
 * A private key and the algorithm it signs with: ES256, ES384, ES512 and the
 * RS and PS family.  It is parsed once and may then sign any number of tokens,
 * but from one thread.  PEM and token texts that are handed out are
 * malloc()ed, end with NUL and are the caller's to free; the PEM is a secret
 * and the caller's to wipe.
 */
typedef struct jot_private_s  jot_private_t;

jot_private_t *jot_private_parse(const char *pem, size_t len, jot_alg_t alg,
    char reason[JOT_REASON_SIZE]);
void jot_private_free(jot_private_t *key);
int jot_private_generate(jot_alg_t alg, char **pem);    /* 0 or -1; RSA: 2048 */
jot_alg_t jot_private_alg(const jot_private_t *key);
const char *jot_private_kid(const jot_private_t *key);  /* RFC 7638, view */
char *jot_private_jwk(const jot_private_t *key);    /* public, with alg, use */

/*
 * header and payload are JSON texts; header has to name the key's alg
 * (JOT_MALFORMED, JOT_ALGORITHM).  The payload is not looked at.
 */
jot_status_t jot_private_sign(const jot_private_t *key, jot_str_t header,
    jot_str_t payload, char **token);

#endif
