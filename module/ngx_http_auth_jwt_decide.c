/*
 * The one place where a token is judged: once per request, location and token.
 * What was decided is kept until the request ends, redirects or not, for the
 * access phase, the variables and the log to read.
 */

#include "ngx_http_auth_jwt.h"


/* The keys that a token is tried with, and whether that was done before. */
typedef struct {
    ngx_http_auth_jwt_ring_t    ring;
    unsigned                    algs;
    uint64_t                    keys;       /* the cache's name for these */
    ngx_http_auth_jwt_cache_t  *cache;
    jot_headers_t              *headers;
} ngx_http_auth_jwt_trial_t;


static void ngx_http_auth_jwt_ctx_cleanup(void *data);
static void ngx_http_auth_jwt_begin(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx);
static ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_decision(
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf);
static ngx_int_t ngx_http_auth_jwt_keep(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision);
static ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_judgement(
    ngx_http_request_t *r, ngx_flag_t wait);
static void ngx_http_auth_jwt_judge(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_decision_t *decision,
    ngx_flag_t wait);
static jot_status_t ngx_http_auth_jwt_verify(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_trial_t *trial);
static jot_status_t ngx_http_auth_jwt_claims(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_trial_t *trial);
static void ngx_http_auth_jwt_forget(ngx_http_auth_jwt_decision_t *decision);
static ngx_flag_t ngx_http_auth_jwt_recall(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_trial_t *trial);
static ngx_flag_t ngx_http_auth_jwt_known(ngx_http_auth_jwt_loc_conf_t *conf);
static void ngx_http_auth_jwt_trial(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_trial_t *trial);
static jot_status_t ngx_http_auth_jwt_try(
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_trial_t *trial);
static ngx_flag_t ngx_http_auth_jwt_other_keys(jot_status_t status);
static unsigned ngx_http_auth_jwt_allowed(ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring);


ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_decide(ngx_http_request_t *r)
{
    return ngx_http_auth_jwt_judgement(r, 0);
}


ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_await(ngx_http_request_t *r)
{
    return ngx_http_auth_jwt_judgement(r, 1);
}


static ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_judgement(ngx_http_request_t *r, ngx_flag_t wait)
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

            if (decision->pending && wait) {
                ngx_http_auth_jwt_forget(decision);
                ngx_http_auth_jwt_judge(r, ctx, decision, 1);
            }

            return decision;
        }
    }

    decision = ngx_http_auth_jwt_decision(ctx, conf);
    if (decision == NULL) {
        return NULL;
    }

    decision->text = text;
    decision->offered = rc;

    switch (rc) {

    case NGX_OK:
        ngx_http_auth_jwt_judge(r, ctx, decision, wait);
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

    if (decision->text.data == text.data
        && ngx_http_auth_jwt_keep(r, decision) != NGX_OK)
    {
        decision->status = JOT_INTERNAL;
        decision->detail = "no memory";
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
        ngx_http_auth_jwt_forget(decision);
    }

    ctx->decisions = NULL;
}


static void
ngx_http_auth_jwt_forget(ngx_http_auth_jwt_decision_t *decision)
{
    if (!decision->flat) {
        jot_token_free(&decision->token);
    }

    decision->flat = 0;

    if (decision->entry) {
        ngx_http_auth_jwt_cache_release(decision->entry);
        decision->entry = NULL;
    }
}


static ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_decision(ngx_http_auth_jwt_ctx_t *ctx,
    ngx_http_auth_jwt_loc_conf_t *conf)
{
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ctx->decisions
               ? ngx_pcalloc(ctx->request->pool,
                             sizeof(ngx_http_auth_jwt_decision_t))
               : &ctx->first;

    if (decision == NULL) {
        return NULL;
    }

    decision->conf = conf;
    decision->status = JOT_INTERNAL;
    decision->detail = "not judged";

    decision->next = ctx->decisions;
    ctx->decisions = decision;
    ctx->last = decision;

    return decision;
}


/*
 * A redirect may change what a variable points to, so the text is a copy; of a
 * token that is remembered, the cache's.
 */

static ngx_int_t
ngx_http_auth_jwt_keep(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision)
{
    u_char  *copy;

    copy = ngx_pstrdup(r->pool, &decision->text);

    if (copy == NULL) {
        ngx_str_set(&decision->text, "");
        return NGX_ERROR;
    }

    decision->text.data = copy;

    return NGX_OK;
}


static void
ngx_http_auth_jwt_judge(ngx_http_request_t *r, ngx_http_auth_jwt_ctx_t *ctx,
    ngx_http_auth_jwt_decision_t *decision, ngx_flag_t wait)
{
    jot_status_t                    status;
    ngx_http_auth_jwt_trial_t       trial;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    decision->pending = 0;

    if (decision->conf->keys == NULL) {
        decision->status = JOT_UNAVAILABLE;
        decision->detail = "no keys are configured here";
        return;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_auth_jwt_module);

    trial.ring.may_fetch = wait;
    trial.cache = jmcf->cache;
    trial.headers = jmcf->token_headers;

    ctx->deciding = 1;
    status = ngx_http_auth_jwt_verify(r, ctx, decision, &trial);
    ctx->deciding = 0;

    if (decision->pending && wait
        && ngx_http_auth_jwt_keys_await(r, ctx, &trial.ring) != NGX_AGAIN)
    {
        decision->pending = 0;
        decision->token.detail = "keys cannot be waited for";
        status = JOT_INTERNAL;
    }

    if (status == JOT_OK) {
        status = ngx_http_auth_jwt_claims(r, decision, &trial);
    }

    decision->status = status;
    decision->detail = decision->token.detail;
}


/*
 * exp and nbf, each time; iss, aud and typ once for each location, whose rules
 * do not change: of a token that was judged here before, only the time is
 * asked.
 */

static jot_status_t
ngx_http_auth_jwt_claims(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_trial_t *trial)
{
    jot_status_t                   status;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = decision->conf;

    if (decision->flat) {
        if (ngx_http_auth_jwt_cache_note(decision->entry, conf)) {
            return jot_times_check(&decision->token, &conf->policy, ngx_time());
        }

        (void) ngx_http_auth_jwt_token_of(r, decision);
    }

    status = jot_claims_check(&decision->token, &conf->policy, ngx_time());

    if (status != JOT_OK) {
        return status;
    }

    if (decision->entry == NULL) {
        decision->entry = ngx_http_auth_jwt_cache_add(trial->cache,
                                                      &decision->text,
                                                      trial->keys,
                                                      &decision->token);
    }

    if (decision->entry) {
        ngx_http_auth_jwt_cache_set_note(trial->cache, decision->entry, conf,
                                         NULL);
    }

    return JOT_OK;
}


const jot_token_t *
ngx_http_auth_jwt_token_of(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision)
{
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    if (decision->flat) {
        decision->flat = 0;

        jmcf = ngx_http_get_module_main_conf(r, ngx_http_auth_jwt_module);

        if (jot_token_restore(&decision->token, jmcf->token_headers,
                              (char *) decision->text.data,
                              decision->text.len)
            == JOT_OK)
        {
            ngx_http_auth_jwt_cache_times(decision->entry, &decision->token);

        } else {
            jot_token_free(&decision->token);
        }
    }

    return &decision->token;
}


/*
 * With the keys at hand, first; only if they do not do, those that have to be
 * asked for are waited for.  What is plainly no token asks nobody.
 */

static jot_status_t
ngx_http_auth_jwt_verify(ngx_http_request_t *r, ngx_http_auth_jwt_ctx_t *ctx,
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_trial_t *trial)
{
    ngx_int_t      rc;
    ngx_flag_t     parsed;
    jot_status_t   status;

    if (ngx_http_auth_jwt_recall(r, ctx, decision, trial)) {
        return JOT_OK;
    }

    if (ngx_http_auth_jwt_keep(r, decision) != NGX_OK) {
        decision->token.detail = "no memory";
        return JOT_INTERNAL;
    }

    status = jot_token_parse(&decision->token, trial->headers,
                             (char *) decision->text.data,
                             decision->text.len);
    parsed = status == JOT_OK;

    if (parsed) {
        status = ngx_http_auth_jwt_try(decision, trial);
    }

    /* A token that is good was decoded, so it has no other letters. */

    if (status != JOT_OK && !ngx_http_auth_jwt_b64token(&decision->text)) {
        jot_token_free(&decision->token);
        decision->token.detail = "not a bearer token";
        return JOT_MALFORMED;
    }

    if (!parsed) {
        return status;
    }

    rc = ngx_http_auth_jwt_keys_fetch(r, ctx, decision->conf, &trial->ring);

    if (rc == NGX_OK && status == JOT_KEY && decision->token.kid.data) {
        rc = ngx_http_auth_jwt_keys_again(r, ctx, decision->conf,
                                          &trial->ring);

        if (rc == NGX_OK) {
            ngx_http_auth_jwt_trial(r, ctx, decision, trial);
            status = ngx_http_auth_jwt_try(decision, trial);
        }
    }

    if (!ngx_http_auth_jwt_other_keys(status)) {
        return status;
    }

    if (rc == NGX_AGAIN) {
        decision->pending = 1;
        decision->token.detail = "the keys are not at hand";
        return JOT_UNAVAILABLE;
    }

    if (trial->ring.incomplete) {
        decision->token.detail = "the keys cannot be had";
        return JOT_UNAVAILABLE;
    }

    return status;
}


/*
 * Whether the token is remembered: then what its keys are called suffices, and
 * the keys themselves are found only where that may have changed.  If it is
 * not, they are at hand afterwards.
 */

static ngx_flag_t
ngx_http_auth_jwt_recall(ngx_http_request_t *r, ngx_http_auth_jwt_ctx_t *ctx,
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_trial_t *trial)
{
    ngx_flag_t                     known;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = decision->conf;
    known = ngx_http_auth_jwt_known(conf);

    if (known) {
        trial->keys = conf->known.keys;

    } else {
        ngx_http_auth_jwt_trial(r, ctx, decision, trial);
    }

    decision->flat = 0;
    decision->entry = ngx_http_auth_jwt_cache_find(trial->cache,
                                                   &decision->text,
                                                   trial->keys);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "auth_jwt: signature is %s",
                   decision->entry ? "remembered" : "to be verified");

    if (decision->entry == NULL) {
        if (known) {
            ngx_http_auth_jwt_trial(r, ctx, decision, trial);
        }

        return 0;
    }

    decision->flat = 1;
    decision->token.detail = "";
    decision->text.data = ngx_http_auth_jwt_cache_text(decision->entry);
    ngx_http_auth_jwt_cache_times(decision->entry, &decision->token);

    if (!known && ngx_http_auth_jwt_keys_fetched(conf)) {
        (void) ngx_http_auth_jwt_keys_fetch(r, ctx, conf, &trial->ring);
    }

    return 1;
}


static ngx_flag_t
ngx_http_auth_jwt_known(ngx_http_auth_jwt_loc_conf_t *conf)
{
    return conf->known.swaps == ngx_http_auth_jwt_document_swaps
           && ngx_current_msec - conf->known.since < conf->known.rest;
}


static void
ngx_http_auth_jwt_trial(ngx_http_request_t *r, ngx_http_auth_jwt_ctx_t *ctx,
    ngx_http_auth_jwt_decision_t *decision, ngx_http_auth_jwt_trial_t *trial)
{
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = decision->conf;

    ngx_http_auth_jwt_keys_find(r, ctx, conf, &trial->ring);

    trial->algs = ngx_http_auth_jwt_allowed(conf, &trial->ring);
    trial->keys = ngx_http_auth_jwt_cache_keys(conf->keys, trial->ring.trusts,
                                               trial->ring.n, trial->algs);

    conf->known.keys = trial->keys;
    conf->known.since = ngx_current_msec;
    conf->known.rest = trial->ring.rest;
    conf->known.swaps = ngx_http_auth_jwt_document_swaps;
}


static jot_status_t
ngx_http_auth_jwt_try(ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_trial_t *trial)
{
    ngx_uint_t  i;

    for (i = 0; i < trial->ring.n; i++) {
        if (trial->ring.trusts[i].keys) {
            return jot_token_verify(&decision->token, trial->ring.trusts,
                                    trial->ring.n, trial->algs);
        }
    }

    return JOT_UNAVAILABLE;
}


/* Whether keys that are not there could have led to another end. */

static ngx_flag_t
ngx_http_auth_jwt_other_keys(jot_status_t status)
{
    return status == JOT_UNAVAILABLE || status == JOT_KEY
           || status == JOT_ALGORITHM || status == JOT_SIGNATURE
           || status == JOT_ISSUER;
}


/* Without auth_jwt_algorithms: HS* only where an "oct" key is configured. */

static unsigned
ngx_http_auth_jwt_allowed(ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring)
{
    unsigned    algs;
    ngx_uint_t  i;

    if (conf->algs) {
        return conf->algs;
    }

    algs = JOT_ALGS_ASYMMETRIC;

    for (i = 0; i < ring->n; i++) {
        if (ring->trusts[i].keys) {
            algs |= jot_keys_algs(ring->trusts[i].keys) & JOT_ALGS_HMAC;
        }
    }

    return algs;
}
