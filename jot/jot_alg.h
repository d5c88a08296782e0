/*
 * What the core knows of algorithms and curves: two tables.  Private to jot.
 */

#ifndef JOT_ALG_H
#define JOT_ALG_H


typedef enum {
    JOT_OCT,
    JOT_RSA,
    JOT_EC,
    JOT_OKP
} jot_kty_t;

typedef struct {
    const char   *name;         /* of the JWK member "crv" */
    const char   *group;        /* OpenSSL's name of it */
    jot_kty_t     kty;
    size_t        size;         /* bytes of a coordinate, or of the key */
} jot_curve_t;

typedef struct {
    const char   *name;
    jot_kty_t     kty;
    const char   *hash;         /* OpenSSL's name; NULL for EdDSA */
    size_t        hash_size;
    const char   *crv;          /* NULL: any of the type, or none */
    int           pss;
} jot_alg_info_t;

extern const jot_alg_info_t  jot_algs[JOT_ALG_COUNT];

const char *jot_kty_name(jot_kty_t kty);
int jot_kty_find(const char *name);                 /* -1 if there is none */
const jot_curve_t *jot_curve_find(const char *crv);
const jot_curve_t *jot_curve_of_group(const char *group);

/* The algorithms that a key of this type, and curve (or NULL), can do. */
unsigned jot_algs_of(jot_kty_t kty, const char *crv);

#endif
