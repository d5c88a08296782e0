/*
 * The one place where a token is judged: once per request, location and token.
 * What was decided is kept until the request ends, redirects or not, for the
 * access phase, the variables and the log to read.
 */

#include "ngx_http_auth_jwt.h"


static void ngx_http_auth_jwt_ctx_cleanup(void *data);
static void ngx_http_auth_jwt_begin(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx);
static ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_decision(
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_str_t *text);
static void ngx_http_auth_jwt_judge(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision);
static jot_status_t ngx_http_auth_jwt_verify(
    ngx_http_auth_jwt_decision_t *decision, unsigned algs);
static void ngx_http_auth_jwt_policy(ngx_http_auth_jwt_loc_conf_t *conf,
    jot_policy_t *policy);
static unsigned ngx_http_auth_jwt_allowed(ngx_http_auth_jwt_loc_conf_t *conf);


ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_decide(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_str_t                      text;
    ngx_http_auth_jwt_ctx_t       *ctx;
    ngx_http_auth_jwt_decision_t  *decision;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    ctx = ngx_http_auth_jwt_ctx(r);

    /* The token, or a key, may be asked of a variable that asks for this. */

    if (ctx == NULL || ctx->deciding) {
        return NULL;
    }

    ngx_http_auth_jwt_begin(r, ctx);

    conf = ngx_http_get_module_loc_conf(r, ngx_http_auth_jwt_module);

    ngx_str_set(&text, "");

    ctx->deciding = 1;
    rc = ngx_http_auth_jwt_token(r, conf, &text);
    ctx->deciding = 0;

    for (decision = ctx->decisions; decision; decision = decision->next) {
        if (decision->conf == conf
            && decision->text.len == text.len
            && decision->offered == rc
            && ngx_memcmp(decision->text.data, text.data, text.len) == 0)
        {
            ctx->last = decision;
            return decision;
        }
    }

    decision = ngx_http_auth_jwt_decision(ctx, conf, &text);
    if (decision == NULL) {
        return NULL;
    }

    decision->offered = rc;

    switch (rc) {

    case NGX_OK:
        ctx->deciding = 1;
        ngx_http_auth_jwt_judge(r, decision);
        ctx->deciding = 0;
        break;

    case NGX_DECLINED:
        decision->status = JOT_MISSING;
        decision->detail = "no token was offered";
        break;

    case NGX_ABORT:
        decision->status = JOT_MALFORMED;
        decision->detail = "two different tokens were offered";
        break;

    case NGX_DONE:
        decision->status = JOT_MALFORMED;
        decision->detail = "not a bearer token";
        break;

    default:
        decision->status = JOT_INTERNAL;
        decision->detail = "the token cannot be read";
    }

    return decision;
}


ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_last(ngx_http_request_t *r)
{
    ngx_http_auth_jwt_ctx_t  *ctx;

    ctx = ngx_http_auth_jwt_ctx_find(r);

    return ctx ? ctx->last : NULL;
}


jot_status_t
ngx_http_auth_jwt_status(ngx_http_auth_jwt_decision_t *decision)
{
    return decision->status == JOT_OK && decision->unmet ? JOT_CLAIM
                                                         : decision->status;
}


/*
 * nginx forgets a module's context at every redirect; a cleanup handler of the
 * pool is what stays.  Subrequests share the pool, hence the comparison.
 */

ngx_http_auth_jwt_ctx_t *
ngx_http_auth_jwt_ctx_find(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_auth_jwt_ctx_t  *ctx;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_auth_jwt_ctx_cleanup) {
            ctx = cln->data;

            if (ctx->request == r) {
                return ctx;
            }
        }
    }

    return NULL;
}


ngx_http_auth_jwt_ctx_t *
ngx_http_auth_jwt_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_auth_jwt_ctx_t  *ctx;

    ctx = ngx_http_auth_jwt_ctx_find(r);
    if (ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_auth_jwt_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_auth_jwt_ctx_t));
    ctx->request = r;

    cln->handler = ngx_http_auth_jwt_ctx_cleanup;

    return ctx;
}


/*
 * The first decision since the request came, or was redirected: what a token
 * says is still so, but whether it is enough is asked anew.
 */

static void
ngx_http_auth_jwt_begin(ngx_http_request_t *r, ngx_http_auth_jwt_ctx_t *ctx)
{
    ngx_http_auth_jwt_decision_t  *decision;

    if (ngx_http_get_module_ctx(r, ngx_http_auth_jwt_module)) {
        return;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_auth_jwt_module);

    ctx->challenged = 0;

    for (decision = ctx->decisions; decision; decision = decision->next) {
        decision->unmet = 0;
    }
}


static void
ngx_http_auth_jwt_ctx_cleanup(void *data)
{
    ngx_http_auth_jwt_ctx_t  *ctx = data;

    ngx_http_auth_jwt_decision_t  *decision;

    for (decision = ctx->decisions; decision; decision = decision->next) {
        jot_token_free(&decision->token);
    }

    ctx->decisions = NULL;
}


/* The text is copied: a redirect may change what the variable points to. */

static ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_decision(ngx_http_auth_jwt_ctx_t *ctx,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_str_t *text)
{
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ngx_pcalloc(ctx->request->pool,
                           sizeof(ngx_http_auth_jwt_decision_t));
    if (decision == NULL) {
        return NULL;
    }

    decision->text.data = ngx_pstrdup(ctx->request->pool, text);
    if (decision->text.data == NULL) {
        return NULL;
    }

    decision->text.len = text->len;
    decision->conf = conf;
    decision->status = JOT_INTERNAL;
    decision->detail = "not judged";

    decision->next = ctx->decisions;
    ctx->decisions = decision;
    ctx->last = decision;

    return decision;
}


static void
ngx_http_auth_jwt_judge(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision)
{
    unsigned                        algs;
    uint64_t                        keys;
    jot_policy_t                    policy;
    jot_status_t                    status;
    ngx_http_auth_jwt_entry_t      *entry;
    ngx_http_auth_jwt_loc_conf_t   *conf;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_auth_jwt_module);
    conf = decision->conf;

    if (conf->keys == NULL) {
        decision->status = JOT_UNAVAILABLE;
        decision->detail = "no auth_jwt_key_file is in force here";
        return;
    }

    algs = ngx_http_auth_jwt_allowed(conf);
    keys = ngx_http_auth_jwt_cache_keys(conf->keys, conf->keys->elts,
                                        conf->keys->nelts, algs);

    entry = ngx_http_auth_jwt_cache_find(jmcf->cache, &decision->text, keys);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "auth_jwt: signature is %s",
                   entry ? "remembered" : "to be verified");

    if (entry) {
        status = jot_token_restore(&decision->token,
                                   (char *) decision->text.data,
                                   decision->text.len);
        ngx_http_auth_jwt_cache_release(entry);

    } else {
        status = ngx_http_auth_jwt_verify(decision, algs);
    }

    if (status == JOT_OK) {
        ngx_http_auth_jwt_policy(conf, &policy);
        status = jot_claims_check(&decision->token, &policy, ngx_time());
    }

    if (status == JOT_OK && entry == NULL) {
        ngx_http_auth_jwt_cache_add(jmcf->cache, &decision->text, keys,
                                    &decision->token);
    }

    decision->status = status;
    decision->detail = decision->token.detail;
}


static jot_status_t
ngx_http_auth_jwt_verify(ngx_http_auth_jwt_decision_t *decision,
    unsigned algs)
{
    jot_status_t                   status;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = decision->conf;

    status = jot_token_parse(&decision->token, (char *) decision->text.data,
                             decision->text.len);
    if (status != JOT_OK) {
        return status;
    }

    return jot_token_verify(&decision->token, conf->keys->elts,
                            conf->keys->nelts, algs);
}


static void
ngx_http_auth_jwt_policy(ngx_http_auth_jwt_loc_conf_t *conf,
    jot_policy_t *policy)
{
    ngx_memzero(policy, sizeof(jot_policy_t));

    policy->leeway = conf->leeway;
    policy->exp_optional = conf->exp == NGX_HTTP_AUTH_JWT_EXP_OPTIONAL;

    if (conf->issuers) {
        policy->issuers = conf->issuers->elts;
        policy->nissuers = conf->issuers->nelts;
    }

    if (conf->audiences) {
        policy->audiences = conf->audiences->elts;
        policy->naudiences = conf->audiences->nelts;
    }

    if (conf->typs) {
        policy->typs = conf->typs->elts;
        policy->ntyps = conf->typs->nelts;
    }
}


/* Without auth_jwt_algorithms: HS* only where an "oct" key is configured. */

static unsigned
ngx_http_auth_jwt_allowed(ngx_http_auth_jwt_loc_conf_t *conf)
{
    unsigned             algs;
    ngx_uint_t           i;
    jot_trust_t         *trusts;

    if (conf->algs) {
        return conf->algs;
    }

    algs = JOT_ALGS_ASYMMETRIC;
    trusts = conf->keys->elts;

    for (i = 0; i < conf->keys->nelts; i++) {
        algs |= jot_keys_algs(trusts[i].keys) & JOT_ALGS_HMAC;
    }

    return algs;
}
