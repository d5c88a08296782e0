/*
 * The access phase: a decision goes in, NGX_OK or a refusal comes out.  The
 * client learns what RFC 6750 names; the error log learns which check failed.
 */

#include "ngx_http_auth_jwt.h"


/* Of a word of the token, in the log; "\xXX" takes four. */
#define NGX_HTTP_AUTH_JWT_SHOWN  64

typedef struct {
    jot_status_t    status;
    const char     *detail;
    ngx_uint_t      code;
    const char     *error;          /* of the challenge; NULL: none */
    unsigned        challenge:1;
} ngx_http_auth_jwt_answer_t;


static ngx_int_t ngx_http_auth_jwt_open(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf);
static void ngx_http_auth_jwt_answer(ngx_http_auth_jwt_answer_t *answer,
    ngx_http_auth_jwt_decision_t *decision);
static ngx_int_t ngx_http_auth_jwt_refuse(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_answer_t *answer);
static void ngx_http_auth_jwt_log(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_answer_t *answer);
static ngx_str_t ngx_http_auth_jwt_shown(u_char *buf, jot_str_t text);
static jot_str_t ngx_http_auth_jwt_claim(const jot_token_t *token,
    const char *name);
static ngx_int_t ngx_http_auth_jwt_challenge(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, const char *error);
static ngx_int_t ngx_http_auth_jwt_realm(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_str_t *realm);


ngx_int_t
ngx_http_auth_jwt_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_auth_jwt_answer_t     answer;
    ngx_http_auth_jwt_decision_t  *decision;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_auth_jwt_module);

    if (conf->enable == NULL || !conf->enable->on) {
        return ngx_http_auth_jwt_open(r, conf);
    }

    decision = ngx_http_auth_jwt_await(r);
    if (decision == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (decision->pending) {
        return NGX_AGAIN;
    }

    /* Not NGX_OK: for "satisfy any" nobody has shown anything. */

    if (decision->status == JOT_MISSING && conf->optional) {
        return NGX_DECLINED;
    }

    if (decision->status != JOT_OK) {
        ngx_http_auth_jwt_answer(&answer, decision);
        return ngx_http_auth_jwt_refuse(r, decision, &answer);
    }

    answer.status = JOT_CLAIM;
    answer.detail = "auth_jwt_require is not met";

    rc = ngx_http_auth_jwt_required(r, conf, &answer.code);

    if (rc == NGX_OK) {
        answer.code = NGX_HTTP_FORBIDDEN;
        rc = ngx_http_auth_jwt_identity_set(r, decision, &answer.detail);
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    answer.challenge = answer.code == NGX_HTTP_UNAUTHORIZED
                       || answer.code == NGX_HTTP_FORBIDDEN;
    answer.error = answer.code == NGX_HTTP_FORBIDDEN ? "insufficient_scope"
                                                     : "invalid_token";

    return ngx_http_auth_jwt_refuse(r, decision, &answer);
}


/* "off token=": nobody is refused, but the variables need keys. */

static ngx_int_t
ngx_http_auth_jwt_open(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf)
{
    ngx_http_auth_jwt_decision_t  *decision;

    if (conf->enable == NULL || conf->enable->token == -1
        || !ngx_http_auth_jwt_keys_fetched(conf))
    {
        return NGX_DECLINED;
    }

    decision = ngx_http_auth_jwt_await(r);

    return decision && decision->pending ? NGX_AGAIN : NGX_DECLINED;
}


/*
 * Under "satisfy any" another module may let a request pass that we refused.
 * nginx takes back one challenge then, the last one: auth_basic puts its own
 * in the place of ours.  After a redirect it is no longer ours to take back.
 */

ngx_int_t
ngx_http_auth_jwt_passed_handler(ngx_http_request_t *r)
{
    ngx_http_auth_jwt_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_auth_jwt_module);

    if (ctx && ctx->challenged) {
        ctx->challenge->hash = 0;
        ctx->challenge = NULL;
        ctx->challenged = 0;
    }

    return NGX_DECLINED;
}


/* A word of jot_status_t becomes an answer; there is no way to a pass. */

static void
ngx_http_auth_jwt_answer(ngx_http_auth_jwt_answer_t *answer,
    ngx_http_auth_jwt_decision_t *decision)
{
    answer->status = decision->status;
    answer->detail = decision->detail;
    answer->code = NGX_HTTP_INTERNAL_SERVER_ERROR;
    answer->challenge = 0;
    answer->error = NULL;

    switch (decision->status) {

    case JOT_MISSING:
        answer->code = NGX_HTTP_UNAUTHORIZED;
        answer->challenge = 1;
        break;

    case JOT_MALFORMED:
    case JOT_ALGORITHM:
    case JOT_KEY:
    case JOT_SIGNATURE:
    case JOT_EXPIRED:
    case JOT_NOT_YET:
    case JOT_ISSUER:
    case JOT_AUDIENCE:
    case JOT_TYP:
    case JOT_CLAIM:
    case JOT_REVOKED:
        answer->code = NGX_HTTP_UNAUTHORIZED;
        answer->challenge = 1;
        answer->error = "invalid_token";
        break;

    case JOT_OK:
    case JOT_UNAVAILABLE:
    case JOT_INTERNAL:
        break;
    }

    if (decision->offered == NGX_ABORT) {
        answer->code = NGX_HTTP_BAD_REQUEST;
        answer->error = "invalid_request";
    }
}


/*
 * What a good token does not suffice for is kept apart from what it is: the
 * next location may ask for less.
 *
 * "satisfy any" can weigh 401 and 403 only, and takes any other answer for the
 * last word: so what is not a 401 is held as 403 there.
 */

static ngx_int_t
ngx_http_auth_jwt_refuse(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_answer_t *answer)
{
    ngx_http_core_loc_conf_t  *clcf;

    decision->unmet = answer->status == JOT_CLAIM;

    ngx_http_auth_jwt_log(r, decision, answer);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY
        && answer->code != NGX_HTTP_UNAUTHORIZED)
    {
        return NGX_HTTP_FORBIDDEN;
    }

    if (answer->challenge
        && ngx_http_auth_jwt_challenge(r, decision, answer->error) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return answer->code;
}


static void
ngx_http_auth_jwt_log(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_answer_t *answer)
{
    u_char              buf[3][NGX_HTTP_AUTH_JWT_SHOWN * 4];
    ngx_str_t           kid, iss, jti;
    ngx_uint_t          level;
    const jot_token_t  *token;

    level = answer->status == JOT_INTERNAL || answer->status == JOT_UNAVAILABLE
            ? NGX_LOG_ERR : NGX_LOG_INFO;

    if (r->connection->log->log_level < level) {
        return;
    }

    token = ngx_http_auth_jwt_token_of(r, decision);

    kid = ngx_http_auth_jwt_shown(buf[0], token->kid);
    iss = ngx_http_auth_jwt_shown(buf[1],
                                  ngx_http_auth_jwt_claim(token, "iss"));
    jti = ngx_http_auth_jwt_shown(buf[2],
                                  ngx_http_auth_jwt_claim(token, "jti"));

    ngx_log_error(level, r->connection->log, 0,
                  "auth_jwt: %s: %s, kid: \"%V\", iss: \"%V\", jti: \"%V\"",
                  jot_status_text(answer->status), answer->detail,
                  &kid, &iss, &jti);
}


/* The first bytes; those that could end the line or the quotes as \xXX. */

static ngx_str_t
ngx_http_auth_jwt_shown(u_char *buf, jot_str_t text)
{
    u_char      c, *p;
    size_t      i;
    ngx_str_t   shown;

    p = buf;

    for (i = 0; i < text.len && i < NGX_HTTP_AUTH_JWT_SHOWN; i++) {
        c = (u_char) text.data[i];

        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            p = ngx_sprintf(p, "\\x%02Xi", (ngx_uint_t) c);

        } else {
            *p++ = c;
        }
    }

    shown.data = buf;
    shown.len = p - buf;

    return shown;
}


/* A view; empty if there is no such string, or the token was not verified. */

static jot_str_t
ngx_http_auth_jwt_claim(const jot_token_t *token, const char *name)
{
    jot_str_t    path, none;
    jot_value_t  value;

    none.data = "";
    none.len = 0;

    path.data = name;
    path.len = ngx_strlen(name);

    if (token->payload == NULL
        || !jot_json_find(token->payload, &path, 1, &value)
        || value.type != JOT_STRING)
    {
        return none;
    }

    return jot_value_string(&value);
}


static ngx_int_t
ngx_http_auth_jwt_challenge(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, const char *error)
{
    size_t                    len;
    u_char                   *p;
    ngx_str_t                 realm;
    ngx_table_elt_t          *h;
    ngx_http_auth_jwt_ctx_t  *ctx;

    ctx = ngx_http_auth_jwt_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_auth_jwt_realm(r, decision->conf, &realm) != NGX_OK) {
        return NGX_ERROR;
    }

    len = sizeof("Bearer realm=\"\", error=\"\"") - 1 + realm.len
          + (error ? ngx_strlen(error) : 0);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    ngx_str_set(&h->key, "WWW-Authenticate");
    h->value.data = p;

    p = error ? ngx_sprintf(p, "Bearer realm=\"%V\", error=\"%s\"", &realm,
                            error)
              : ngx_sprintf(p, "Bearer realm=\"%V\"", &realm);

    h->value.len = p - h->value.data;
    r->headers_out.www_authenticate = h;

    /* One at a time: another location's may still be there. */

    if (ctx->challenge) {
        ctx->challenge->hash = 0;
    }

    ctx->challenge = h;
    ctx->challenged = 1;

    return NGX_OK;
}


/* As a quoted-string (RFC 9110, 5.6.4). */

static ngx_int_t
ngx_http_auth_jwt_realm(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_str_t *realm)
{
    u_char     *p;
    size_t      i;
    ngx_str_t   value;

    if (ngx_http_complex_value(r, &conf->enable->realm, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, value.len * 2 + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    realm->data = p;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] == 0x7f) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "auth_jwt: the realm has a control character");
            return NGX_ERROR;
        }

        if (value.data[i] == '"' || value.data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = value.data[i];
    }

    realm->len = p - realm->data;

    return NGX_OK;
}
