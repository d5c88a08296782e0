/*
 * A compact JWS: split, then its header, then a key, then the signature, and
 * only then the payload.  The key found by kid and type says which algorithms
 * may be used; the header's alg is only compared with it (RFC 8725, 3.1).
 */

#include <string.h>

#include <openssl/err.h>

#include "jot.h"
#include "jot_json.h"
#include "jot_keys.h"


typedef struct {
    const jot_key_t    *key;
    const jot_trust_t  *trust;
} jot_candidate_t;

typedef struct {
    size_t              n;
    int                 more;           /* there were more than that */
    int                 known;          /* keys of the token's kid, any alg */
    jot_candidate_t     candidate[JOT_KEYS_TRIED];
} jot_candidates_t;

typedef enum {
    JOT_KID_ANY,
    JOT_KID_SAME,
    JOT_KID_NONE
} jot_kid_t;


static jot_status_t jot_token_split(jot_token_t *token, const char *data,
    size_t len);
static jot_status_t jot_token_header(jot_token_t *token);
static jot_status_t jot_token_header_read(jot_token_t *token);
static jot_status_t jot_token_kid(jot_token_t *token);
static jot_status_t jot_token_alg(jot_token_t *token);
static jot_status_t jot_token_try(jot_token_t *token,
    const jot_trust_t *trusts, size_t ntrusts, jot_json_t *payload);
static jot_status_t jot_token_issuer(jot_token_t *token, jot_json_t *payload,
    const jot_trust_t *own, const jot_trust_t *trusts, size_t ntrusts);
static jot_status_t jot_token_candidates(jot_token_t *token,
    const jot_trust_t *trusts, size_t ntrusts, jot_candidates_t *found);
static void jot_token_collect(const jot_token_t *token,
    const jot_trust_t *trusts, size_t ntrusts, jot_kid_t kid,
    jot_candidates_t *found);
static int jot_token_kid_fits(const jot_token_t *token, const jot_key_t *key,
    jot_kid_t kid);


jot_status_t
jot_token_parse(jot_token_t *token, jot_headers_t *headers, const char *data,
    size_t len)
{
    jot_status_t  status;

    memset(token, 0, sizeof(jot_token_t));
    token->alg = JOT_ALG_COUNT;
    token->detail = "";
    token->exp = JOT_NO_TIME;
    token->nbf = JOT_NO_TIME;
    token->headers = headers;

    status = jot_token_split(token, data, len);
    if (status != JOT_OK) {
        return status;
    }

    return jot_token_header(token);
}


jot_status_t
jot_token_verify(jot_token_t *token, const jot_trust_t *trusts,
    size_t ntrusts, unsigned algs)
{
    jot_json_t    *payload;
    jot_status_t   status;

    jot_json_free(token->payload);
    token->payload = NULL;

    if (token->alg == JOT_ALG_COUNT || !(JOT_ALG_BIT(token->alg) & algs)) {
        token->detail = "alg is not allowed here";
        return JOT_ALGORITHM;
    }

    payload = jot_json_decode(token->encoded_payload, &status);
    if (payload == NULL) {
        token->detail = "payload is not base64url";
        return status;
    }

    status = jot_token_try(token, trusts, ntrusts, payload);

    if (status != JOT_OK) {
        jot_json_free(payload);
        return status;
    }

    jot_headers_add(token->headers, token->encoded_header, token->header);

    token->payload = payload;
    return JOT_OK;
}


jot_status_t
jot_token_restore(jot_token_t *token, jot_headers_t *headers, const char *data,
    size_t len)
{
    jot_json_t    *payload;
    jot_status_t   status;

    status = jot_token_parse(token, headers, data, len);
    if (status != JOT_OK) {
        return status;
    }

    payload = jot_json_decode(token->encoded_payload, &status);
    if (payload == NULL) {
        return status;
    }

    status = jot_json_read(payload, JOT_TOKEN_DEPTH, &token->detail);

    if (status != JOT_OK) {
        jot_json_free(payload);
        return status;
    }

    token->payload = payload;
    return JOT_OK;
}


void
jot_token_free(jot_token_t *token)
{
    jot_json_free(token->header);
    jot_json_free(token->payload);

    token->header = NULL;
    token->payload = NULL;
    token->kid = (jot_str_t) { NULL, 0 };
    token->alg = JOT_ALG_COUNT;
}


static jot_status_t
jot_token_split(jot_token_t *token, const char *data, size_t len)
{
    const char  *end, *first, *second;

    if (len > JOT_TOKEN_SIZE) {
        token->detail = "longer than 16384 bytes";
        return JOT_MALFORMED;
    }

    end = data + len;
    first = len ? memchr(data, '.', len) : NULL;
    second = first ? memchr(first + 1, '.', end - first - 1) : NULL;

    if (second == NULL || memchr(second + 1, '.', end - second - 1)) {
        token->detail = "not three parts with two dots between";
        return JOT_MALFORMED;
    }

    token->signing_input = (jot_str_t) { data, second - data };
    token->encoded_header = (jot_str_t) { data, first - data };
    token->encoded_payload = (jot_str_t) { first + 1, second - first - 1 };
    token->encoded_signature = (jot_str_t) { second + 1, end - second - 1 };

    return JOT_OK;
}


static jot_status_t
jot_token_header(jot_token_t *token)
{
    jot_value_t   value;
    jot_status_t  status;

    token->header = jot_headers_find(token->headers, token->encoded_header);

    if (token->header == NULL) {
        status = jot_token_header_read(token);
        if (status != JOT_OK) {
            return status;
        }
    }

    status = jot_token_kid(token);
    if (status != JOT_OK) {
        return status;
    }

    /*
     * RFC 7515, 4.1.11: what is critical and not understood refuses the token,
     * and nothing is understood here.  b64 (RFC 7797) would have to be listed.
     */

    if (jot_json_member(token->header, "crit", &value)
        || jot_json_member(token->header, "b64", &value))
    {
        token->detail = "header has crit or b64";
        return JOT_MALFORMED;
    }

    return jot_token_alg(token);
}


static jot_status_t
jot_token_header_read(jot_token_t *token)
{
    jot_status_t  status;

    token->header = jot_json_decode(token->encoded_header, &status);
    if (token->header == NULL) {
        token->detail = "header is not base64url";
        return status;
    }

    status = jot_json_read(token->header, JOT_TOKEN_DEPTH, &token->detail);

    if (status != JOT_OK) {
        jot_json_free(token->header);
        token->header = NULL;
    }

    return status;
}


static jot_status_t
jot_token_kid(jot_token_t *token)
{
    jot_value_t  kid;

    if (!jot_json_member(token->header, "kid", &kid)) {
        return JOT_OK;
    }

    if (kid.type != JOT_STRING) {
        token->detail = "kid is not a string";
        return JOT_MALFORMED;
    }

    token->kid = jot_value_string(&kid);
    return JOT_OK;
}


static jot_status_t
jot_token_alg(jot_token_t *token)
{
    int          alg;
    jot_str_t    name;
    jot_value_t  member;

    if (!jot_json_member(token->header, "alg", &member)
        || member.type != JOT_STRING)
    {
        token->detail = "alg is missing, or not a string";
        return JOT_MALFORMED;
    }

    name = jot_value_string(&member);
    alg = jot_alg_find(name.data, name.len);

    if (alg == -1) {
        token->detail = "alg is unknown";
        return JOT_ALGORITHM;
    }

    token->alg = alg;
    return JOT_OK;
}


/* One key after the other, until one made the signature and is trusted. */

static jot_status_t
jot_token_try(jot_token_t *token, const jot_trust_t *trusts, size_t ntrusts,
    jot_json_t *payload)
{
    size_t             i, siglen;
    jot_status_t       status, other;
    unsigned char      sig[JOT_BASE64URL_DECODED(JOT_TOKEN_SIZE)];
    jot_candidates_t   found;

    if (jot_base64url_decode(sig, &siglen, token->encoded_signature.data,
                             token->encoded_signature.len)
        != 0)
    {
        token->detail = "signature is not base64url";
        return JOT_MALFORMED;
    }

    status = jot_token_candidates(token, trusts, ntrusts, &found);
    if (status != JOT_OK) {
        return status;
    }

    other = JOT_SIGNATURE;

    /* Errors of OpenSSL's that stay in its queue would be nginx's next time. */

    ERR_set_mark();

    for (i = 0; i < found.n; i++) {
        status = jot_signature_verify(
                     &found.candidate[i].key->signature[token->alg],
                     token->signing_input, sig, siglen);

        if (status == JOT_OK) {
            status = jot_token_issuer(token, payload, found.candidate[i].trust,
                                      trusts, ntrusts);
        }

        if (status == JOT_ISSUER) {
            other = JOT_ISSUER;

        } else if (status != JOT_SIGNATURE) {
            break;
        }
    }

    ERR_pop_to_mark();

    if (status == JOT_INTERNAL) {
        token->detail = "OpenSSL failed, or no memory";
    }

    if (status != JOT_SIGNATURE && status != JOT_ISSUER) {
        return status;
    }

    if (other == JOT_ISSUER) {
        token->detail = "the key is not that of this iss";

    } else {
        token->detail = found.more ? "made by none of the 8 keys tried"
                                   : "not made by the key";
    }

    return other;
}


/*
 * Whether the key is trusted for the token's iss.  The signature holds: the
 * payload may be read, and is read here for good.
 */

static jot_status_t
jot_token_issuer(jot_token_t *token, jot_json_t *payload,
    const jot_trust_t *own, const jot_trust_t *trusts, size_t ntrusts)
{
    int           has;
    size_t        i;
    jot_value_t   iss;
    jot_status_t  status;

    if (payload->nentries == 0) {
        status = jot_json_read(payload, JOT_TOKEN_DEPTH, &token->detail);
        if (status != JOT_OK) {
            return status;
        }
    }

    has = jot_json_member(payload, "iss", &iss);

    if (own->issuer.data) {
        return has && jot_value_is(&iss, own->issuer) ? JOT_OK : JOT_ISSUER;
    }

    for (i = 0; has && i < ntrusts; i++) {
        if (trusts[i].issuer.data && jot_value_is(&iss, trusts[i].issuer)) {
            return JOT_ISSUER;
        }
    }

    return JOT_OK;
}


/*
 * The keys of the token's kid, or, if there are none, those without a kid; for
 * a token without kid all keys.  Of these the ones that do its alg.
 */

static jot_status_t
jot_token_candidates(jot_token_t *token, const jot_trust_t *trusts,
    size_t ntrusts, jot_candidates_t *found)
{
    memset(found, 0, sizeof(jot_candidates_t));

    if (token->kid.data == NULL) {
        jot_token_collect(token, trusts, ntrusts, JOT_KID_ANY, found);

    } else {
        jot_token_collect(token, trusts, ntrusts, JOT_KID_SAME, found);

        if (!found->known) {
            jot_token_collect(token, trusts, ntrusts, JOT_KID_NONE, found);
        }
    }

    if (found->n) {
        return JOT_OK;
    }

    if (found->known) {
        token->detail = "alg is not the key's";
        return JOT_ALGORITHM;
    }

    token->detail = token->kid.data ? "no key has this kid"
                                    : "no key does this alg";
    return JOT_KEY;
}


static void
jot_token_collect(const jot_token_t *token, const jot_trust_t *trusts,
    size_t ntrusts, jot_kid_t kid, jot_candidates_t *found)
{
    size_t            i, k, count;
    const jot_key_t  *key;

    for (i = 0; i < ntrusts; i++) {
        count = trusts[i].keys ? jot_keys_count(trusts[i].keys) : 0;

        for (k = 0; k < count; k++) {
            key = jot_keys_at(trusts[i].keys, k);

            if (!jot_token_kid_fits(token, key, kid)) {
                continue;
            }

            if (kid == JOT_KID_SAME) {
                found->known = 1;
            }

            if (!(key->algs & JOT_ALG_BIT(token->alg))) {
                continue;
            }

            if (found->n == JOT_KEYS_TRIED) {
                found->more = 1;
                return;
            }

            found->candidate[found->n].key = key;
            found->candidate[found->n].trust = &trusts[i];
            found->n++;
        }
    }
}


static int
jot_token_kid_fits(const jot_token_t *token, const jot_key_t *key,
    jot_kid_t kid)
{
    switch (kid) {

    case JOT_KID_ANY:
        return 1;

    case JOT_KID_NONE:
        return key->kid == NULL;

    case JOT_KID_SAME:
        return key->kid && key->kid_len == token->kid.len
               && memcmp(key->kid, token->kid.data, key->kid_len) == 0;
    }

    return 0;
}
