/*
 * Access tokens.  libjwt holds header and claims; the signature is jot's,
 * because libjwt 1.x parses the PEM anew for each token.
 *
 * With HS256 it is an HMAC of OpenSSL's over the same two texts: when
 * libjwt 1.10 signs, it sets typ to "JWT" in place of ours, and then an
 * access token could not be told from any other (RFC 9068, 4; RFC 8725, 3.11).
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "token.h"


#define TOKEN_TYP        "at+jwt"
#define TOKEN_UUID_SIZE  37

/* It takes times as long. */
_Static_assert(sizeof(long) >= 8, "libjwt needs a long of 64 bits");


static int token_add_claims(jwt_t *jwt, const config_t *config,
    const token_claims_t *claims);
static int token_add_roles(jwt_t *jwt, const char *roles);
static int token_add_extra(jwt_t *jwt, const char *extra);
static char *token_sign(const keys_t *keys, const config_t *config,
    const char *header, const char *payload);
static char *token_sign_hs256(const char *secret, const char *header,
    const char *payload);
static jot_status_t token_access_fill(const jot_token_t *token,
    token_access_t *access);
static int token_string(const jot_token_t *token, const char *name,
    jot_str_t *text);
static int token_number(const jot_token_t *token, const char *name,
    int64_t *number);


/* What the service says itself, or may say one day: nobody says it for it. */

static const char *const  token_reserved[] = {
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "sid", "ver",
    "name", "roles", "scope", "cnf", "act", "may_act", "auth_time", "acr",
    "amr",
};


token_result_t
token_access_build(const keys_t *keys, const config_t *config,
    const token_claims_t *claims, char **token)
{
    char            *header, *payload;
    jwt_t           *jwt;
    jot_json_t      *json;
    token_result_t   result;

    *token = NULL;
    json = NULL;
    header = NULL;
    payload = NULL;
    result = TOKEN_FAILED;

    if (jwt_new(&jwt) != 0) {
        return TOKEN_FAILED;
    }

    if (token_add_claims(jwt, config, claims) != 0
        || jwt_add_header(jwt, "alg", jot_alg_name(config->algorithm)) != 0
        || jwt_add_header(jwt, "kid", keys_kid(keys)) != 0
        || jwt_add_header(jwt, "typ", TOKEN_TYP) != 0)
    {
        goto done;
    }

    header = jwt_get_headers_json(jwt, NULL);
    payload = jwt_get_grants_json(jwt, NULL);

    if (header == NULL || payload == NULL) {
        goto done;
    }

    /* What is added from outside must be as our own gateways will read it. */

    if (jot_json_parse(&json, payload, strlen(payload), JOT_TOKEN_DEPTH, NULL)
        != JOT_OK)
    {
        goto done;
    }

    *token = token_sign(keys, config, header, payload);

    if (*token == NULL) {
        goto done;
    }

    if (strlen(*token) > TOKEN_ACCESS_SIZE) {
        free(*token);
        *token = NULL;
        result = TOKEN_TOO_LARGE;
        goto done;
    }

    result = TOKEN_OK;

done:

    jot_json_free(json);
    free(header);
    free(payload);
    jwt_free(jwt);

    return result;
}


jot_status_t
token_access_verify(const keys_t *keys, const config_t *config,
    jot_str_t text, int64_t now, token_access_t *access)
{
    jot_str_t          issuer, audience, typ;
    jot_token_t        token;
    jot_status_t       status, filled;
    jot_policy_t       policy;
    jot_trust_t        trust;

    memset(access, 0, sizeof(*access));
    trust = (jot_trust_t) { keys_public(keys), { NULL, 0 } };

    status = jot_token_parse(&token, NULL, text.data, text.len);

    if (status == JOT_OK) {
        status = jot_token_verify(&token, &trust, 1,
                                  jot_keys_algs(trust.keys));
    }

    if (status != JOT_OK) {
        goto done;
    }

    issuer = (jot_str_t) { config->issuer, strlen(config->issuer) };
    audience = (jot_str_t) { config->audience, strlen(config->audience) };
    typ = (jot_str_t) { TOKEN_TYP, strlen(TOKEN_TYP) };

    policy = (jot_policy_t) {
        .issuers = &issuer, .nissuers = 1,
        .audiences = &audience, .naudiences = 1,
        .typs = &typ, .ntyps = 1
    };

    /*
     * An expired one has to be in order otherwise, which the first answer
     * does not say: time is judged before the rest.
     */

    status = jot_claims_check(&token, &policy, now);

    if (status == JOT_EXPIRED) {
        policy.exp_optional = 1;
        filled = token_access_fill(&token, access);

        if (filled == JOT_OK) {
            filled = jot_claims_check(&token, &policy, access->exp - 1);
        }

        status = filled == JOT_OK ? JOT_EXPIRED : filled;

    } else if (status == JOT_OK) {
        status = token_access_fill(&token, access);
    }

    if (status != JOT_OK && status != JOT_EXPIRED) {
        token_access_free(access);
    }

done:

    jot_token_free(&token);

    return status;
}


void
token_access_free(token_access_t *access)
{
    free(access->sub);
    free(access->jti);
    free(access->client_id);
    free(access->payload);
    memset(access, 0, sizeof(*access));
}


void
token_sid_text(const unsigned char sid[TOKEN_SID_SIZE],
    char text[TOKEN_UUID_SIZE])
{
    size_t  i;

    for (i = 0; i < TOKEN_SID_SIZE; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *text++ = '-';
        }

        text += sprintf(text, "%02x", sid[i]);
    }
}


static int
token_add_claims(jwt_t *jwt, const config_t *config,
    const token_claims_t *claims)
{
    size_t         i;
    char           jti[TOKEN_UUID_SIZE];
    unsigned char  random[TOKEN_SID_SIZE];

    const struct {
        const char  *name;
        const char  *text;
    } texts[] = {
        { "iss", config->issuer },
        { "sub", claims->sub },
        { "aud", config->audience },
        { "jti", jti },
        { "client_id", claims->client_id ? claims->client_id
                                         : config->client_id },
        { "sid", claims->sid },
        { "name", claims->name },
        { "scope", claims->scope && claims->scope[0] ? claims->scope : NULL },
    };

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return -1;
    }

    random[6] = (random[6] & 0x0f) | 0x40;      /* version 4 */
    random[8] = (random[8] & 0x3f) | 0x80;
    token_sid_text(random, jti);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].text
            && jwt_add_grant(jwt, texts[i].name, texts[i].text) != 0)
        {
            return -1;
        }
    }

    if (jwt_add_grant_int(jwt, "exp", claims->exp) != 0
        || jwt_add_grant_int(jwt, "iat", claims->iat) != 0
        || jwt_add_grant_int(jwt, "ver", claims->ver) != 0
        || token_add_roles(jwt, claims->roles) != 0)
    {
        return -1;
    }

    return token_add_extra(jwt, claims->extra);
}


static int
token_add_roles(jwt_t *jwt, const char *roles)
{
    int      rc;
    char    *text;
    size_t   i;
    json_t  *list, *object, *role;          /* role: borrowed */

    rc = -1;
    text = NULL;
    object = NULL;
    list = json_loads(roles ? roles : "[]", 0, NULL);

    if (!json_is_array(list)) {
        goto done;
    }

    json_array_foreach(list, i, role) {
        if (!json_is_string(role)) {
            goto done;
        }
    }

    object = json_pack("{s:O}", "roles", list);
    text = object ? json_dumps(object, JSON_COMPACT) : NULL;

    if (text && jwt_add_grants_json(jwt, text) == 0) {
        rc = 0;
    }

done:

    free(text);
    json_decref(object);
    json_decref(list);

    return rc;
}


static int
token_add_extra(jwt_t *jwt, const char *extra)
{
    int      rc;
    char    *text;
    size_t   i;
    json_t  *object;

    if (extra == NULL || extra[0] == '\0') {
        return 0;
    }

    rc = -1;
    text = NULL;
    object = json_loads(extra, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(object)) {
        goto done;
    }

    for (i = 0; i < sizeof(token_reserved) / sizeof(token_reserved[0]); i++) {
        json_object_del(object, token_reserved[i]);
    }

    text = json_dumps(object, JSON_COMPACT);

    if (text && jwt_add_grants_json(jwt, text) == 0) {
        rc = 0;
    }

done:

    free(text);
    json_decref(object);

    return rc;
}


static char *
token_sign(const keys_t *keys, const config_t *config, const char *header,
    const char *payload)
{
    char       *token;
    jot_str_t   head, body;

    if (config->algorithm == JOT_HS256) {
        return token_sign_hs256(config->secret_key, header, payload);
    }

    head = (jot_str_t) { header, strlen(header) };
    body = (jot_str_t) { payload, strlen(payload) };

    return jot_private_sign(keys_active(keys), head, body, &token) == JOT_OK
           ? token : NULL;
}


static char *
token_sign_hs256(const char *secret, const char *header, const char *payload)
{
    char           *token, *p;
    unsigned char   mac[32];

    token = malloc(JOT_BASE64URL_ENCODED(strlen(header))
                   + JOT_BASE64URL_ENCODED(strlen(payload))
                   + JOT_BASE64URL_ENCODED(sizeof(mac)) + 3);

    if (token == NULL) {
        return NULL;
    }

    p = token + jot_base64url_encode(token, header, strlen(header));
    *p++ = '.';
    p += jot_base64url_encode(p, payload, strlen(payload));

    if (HMAC(EVP_sha256(), secret, strlen(secret), (unsigned char *) token,
             p - token, mac, NULL)
        == NULL)
    {
        free(token);
        return NULL;
    }

    *p++ = '.';
    p += jot_base64url_encode(p, mac, sizeof(mac));
    *p = '\0';

    return token;
}


static jot_status_t
token_access_fill(const jot_token_t *token, token_access_t *access)
{
    jot_str_t  sub, sid, jti, client_id, payload;

    if (token_string(token, "sub", &sub) != 0 || sub.len == 0
        || token_string(token, "jti", &jti) != 0
        || token_string(token, "client_id", &client_id) != 0
        || token_number(token, "exp", &access->exp) != 0
        || token_number(token, "ver", &access->ver) != 0)
    {
        return JOT_MALFORMED;
    }

    if (token_string(token, "sid", &sid) == 0) {

        if (sid.len >= sizeof(access->sid)) {
            return JOT_MALFORMED;
        }

        memcpy(access->sid, sid.data, sid.len);
        access->sid[sid.len] = '\0';
    }

    payload = jot_json_text(token->payload);

    access->sub = strndup(sub.data, sub.len);
    access->jti = strndup(jti.data, jti.len);
    access->client_id = strndup(client_id.data, client_id.len);
    access->payload = strndup(payload.data, payload.len);

    return access->sub && access->jti && access->client_id && access->payload
           ? JOT_OK : JOT_INTERNAL;
}


static int
token_string(const jot_token_t *token, const char *name, jot_str_t *text)
{
    jot_str_t    path;
    jot_value_t  value;

    path = (jot_str_t) { name, strlen(name) };

    if (!jot_json_find(token->payload, &path, 1, &value)
        || value.type != JOT_STRING)
    {
        return -1;
    }

    *text = jot_value_string(&value);

    return 0;
}


/* We write whole numbers only, which is what the slice of the text shows. */

static int
token_number(const jot_token_t *token, const char *name, int64_t *number)
{
    char         text[24];
    char        *end;
    jot_str_t    path, raw;
    jot_value_t  value;

    path = (jot_str_t) { name, strlen(name) };

    if (!jot_json_find(token->payload, &path, 1, &value)
        || value.type != JOT_NUMBER)
    {
        return -1;
    }

    raw = jot_value_raw(&value);
    if (raw.len >= sizeof(text)) {
        return -1;
    }

    memcpy(text, raw.data, raw.len);
    text[raw.len] = '\0';

    errno = 0;
    *number = strtoll(text, &end, 10);

    return errno || *end ? -1 : 0;
}
