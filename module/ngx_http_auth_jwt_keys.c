/*
 * The key sets of a location: where they come from, which of them are at hand
 * for a request, and which have to be asked for again.
 */

#include "ngx_http_auth_jwt.h"


#define NGX_HTTP_AUTH_JWT_KEY_TIME         (10 * 60 * 1000)
#define NGX_HTTP_AUTH_JWT_KEY_STALE        (24 * 60 * 60 * 1000)
#define NGX_HTTP_AUTH_JWT_KEY_MIN_REFRESH  (30 * 1000)

/* One auth_jwt_key_file or auth_jwt_key_request. */
typedef struct {
    ngx_http_complex_value_t       value;
    ngx_http_auth_jwt_document_t  *file;        /* NULL: not known before */
    jot_str_t                      issuer;
    ngx_uint_t                     how;
    unsigned                       fetched:1;
    unsigned                       variable:1;
} ngx_http_auth_jwt_source_keys_t;


static ngx_http_auth_jwt_source_keys_t *ngx_http_auth_jwt_keys_add(
    ngx_conf_t *cf, ngx_http_auth_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_auth_jwt_keys_parameters(ngx_conf_t *cf,
    ngx_http_auth_jwt_source_keys_t *source);
static ngx_int_t ngx_http_auth_jwt_keys_value(ngx_conf_t *cf,
    ngx_http_auth_jwt_source_keys_t *source);
static ngx_int_t ngx_http_auth_jwt_keys_msec(ngx_str_t *value,
    const char *name, ngx_msec_t *msec);
static ngx_http_auth_jwt_document_t *ngx_http_auth_jwt_keys_document(
    ngx_http_request_t *r, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_source_keys_t *source);
static ngx_flag_t ngx_http_auth_jwt_keys_escapes(ngx_str_t *name);
static ngx_flag_t ngx_http_auth_jwt_keys_start(ngx_http_request_t *r,
    ngx_http_auth_jwt_ring_t *ring, ngx_http_auth_jwt_document_t *document);
static void *ngx_http_auth_jwt_keys_parse(ngx_str_t *text, ngx_uint_t how,
    jot_warn_pt warn, void *data, char *reason);
static size_t ngx_http_auth_jwt_keys_count(const void *content);
static void ngx_http_auth_jwt_keys_free(void *content);


static const ngx_http_auth_jwt_reader_t  ngx_http_auth_jwt_key_files = {
    "key file", "keys", ngx_http_auth_jwt_keys_parse,
    ngx_http_auth_jwt_keys_count, ngx_http_auth_jwt_keys_free
};

static const ngx_http_auth_jwt_reader_t  ngx_http_auth_jwt_key_requests = {
    "key request", "keys", ngx_http_auth_jwt_keys_parse,
    ngx_http_auth_jwt_keys_count, ngx_http_auth_jwt_keys_free
};

ngx_http_auth_jwt_terms_t  ngx_http_auth_jwt_default_terms = {
    NGX_HTTP_AUTH_JWT_KEY_TIME,
    NGX_HTTP_AUTH_JWT_KEY_STALE,
    NGX_HTTP_AUTH_JWT_KEY_MIN_REFRESH
};


char *
ngx_http_auth_jwt_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                        *value, path;
    ngx_http_auth_jwt_main_conf_t    *jmcf;
    ngx_http_auth_jwt_source_keys_t  *source;

    source = ngx_http_auth_jwt_keys_add(cf, jlcf);

    if (source == NULL
        || ngx_http_auth_jwt_keys_parameters(cf, source) != NGX_OK
        || ngx_http_auth_jwt_keys_value(cf, source) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (source->variable) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;
    path = value[1];

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);

    source->file = ngx_http_auth_jwt_document_get(jmcf->documents,
                                                  &ngx_http_auth_jwt_key_files,
                                                  NULL, source->how, &path, 1);
    if (source->file == NULL
        || ngx_http_auth_jwt_document_load(cf, source->file) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_auth_jwt_key_request(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                        *value;
    ngx_http_auth_jwt_source_keys_t  *source;

    value = cf->args->elts;

    if (value[1].len == 0
        || (value[1].data[0] != '/' && value[1].data[0] != '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URI \"%V\", the path of a location that "
                           "has the keys would be right, such as \"/_jwks\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    source = ngx_http_auth_jwt_keys_add(cf, jlcf);

    if (source == NULL
        || ngx_http_auth_jwt_keys_parameters(cf, source) != NGX_OK
        || ngx_http_auth_jwt_keys_value(cf, source) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    source->fetched = 1;

    return NGX_CONF_OK;
}


static ngx_http_auth_jwt_source_keys_t *
ngx_http_auth_jwt_keys_add(ngx_conf_t *cf, ngx_http_auth_jwt_loc_conf_t *jlcf)
{
    ngx_http_auth_jwt_source_keys_t  *source;

    if (jlcf->keys == NGX_CONF_UNSET_PTR) {
        jlcf->keys = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_auth_jwt_source_keys_t));
        if (jlcf->keys == NULL) {
            return NULL;
        }
    }

    if (jlcf->keys->nelts == NGX_HTTP_AUTH_JWT_KEY_SOURCES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many sources of keys, at most %d for one "
                           "location would be right",
                           NGX_HTTP_AUTH_JWT_KEY_SOURCES);
        return NULL;
    }

    source = ngx_array_push(jlcf->keys);
    if (source) {
        ngx_memzero(source, sizeof(ngx_http_auth_jwt_source_keys_t));
    }

    return source;
}


static ngx_int_t
ngx_http_auth_jwt_keys_parameters(ngx_conf_t *cf,
    ngx_http_auth_jwt_source_keys_t *source)
{
    ngx_str_t   *value;
    ngx_uint_t   i, formats;

    value = cf->args->elts;
    formats = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "jwks") == 0 && formats++ == 0) {
            continue;
        }

        if (ngx_strcmp(value[i].data, "keyval") == 0 && formats++ == 0) {
            source->how |= JOT_KEYS_KEYVAL;
            continue;
        }

        if (ngx_strncmp(value[i].data, "issuer=", sizeof("issuer=") - 1) == 0
            && value[i].len > sizeof("issuer=") - 1
            && source->issuer.data == NULL)
        {
            source->issuer.data = (char *) value[i].data
                                  + sizeof("issuer=") - 1;
            source->issuer.len = value[i].len - (sizeof("issuer=") - 1);
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"jwks\" or \"keyval\", "
                           "and \"issuer=URL\", would be right, each once",
                           &value[i]);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_auth_jwt_keys_value(ngx_conf_t *cf,
    ngx_http_auth_jwt_source_keys_t *source)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    source->variable = ngx_http_script_variables_count(&value[1]) != 0;

    /* The token is not yet verified: it must not choose its own keys. */

    if (ngx_strstr(value[1].data, "$jwt_")
        || ngx_strstr(value[1].data, "${jwt_"))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"$jwt_...\" is empty while keys are chosen, a "
                           "name without it would be right: \"%V\"",
                           &value[1]);
    }

    return ngx_http_auth_jwt_compile(cf, &value[1], &source->value);
}


char *
ngx_http_auth_jwt_key_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_http_auth_jwt_terms_t  *terms;

    if (jlcf->terms != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    terms = ngx_palloc(cf->pool, sizeof(ngx_http_auth_jwt_terms_t));
    if (terms == NULL) {
        return NGX_CONF_ERROR;
    }

    *terms = ngx_http_auth_jwt_default_terms;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_auth_jwt_keys_msec(&value[i], i == 1 ? "" : "stale=",
                                        i == 1 ? &terms->time : &terms->stale)
            == NGX_OK
            || (i > 1
                && ngx_http_auth_jwt_keys_msec(&value[i], "min_refresh=",
                                               &terms->min_refresh)
                   == NGX_OK))
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"auth_jwt_key_cache "
                           "10m stale=24h min_refresh=30s\" would be right",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    jlcf->terms = terms;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_auth_jwt_keys_msec(ngx_str_t *value, const char *name,
    ngx_msec_t *msec)
{
    size_t     len;
    ngx_int_t  n;
    ngx_str_t  text;

    len = ngx_strlen(name);

    if (value->len <= len || ngx_strncmp(value->data, name, len) != 0) {
        return NGX_DECLINED;
    }

    text.data = value->data + len;
    text.len = value->len - len;

    n = ngx_parse_time(&text, 0);
    if (n == NGX_ERROR) {
        return NGX_DECLINED;
    }

    *msec = n;

    return NGX_OK;
}


ngx_flag_t
ngx_http_auth_jwt_keys_fetched(ngx_http_auth_jwt_loc_conf_t *conf)
{
    ngx_uint_t                        i;
    ngx_http_auth_jwt_source_keys_t  *source;

    if (conf->keys == NULL) {
        return 0;
    }

    source = conf->keys->elts;

    for (i = 0; i < conf->keys->nelts; i++) {
        if (source[i].fetched) {
            return 1;
        }
    }

    return 0;
}


/*
 * First all that may change what a document holds, then what they hold: one
 * file may be named twice.
 */

void
ngx_http_auth_jwt_keys_find(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring)
{
    ngx_msec_t                        rest;
    ngx_uint_t                        i;
    ngx_http_auth_jwt_document_t     *document;
    ngx_http_auth_jwt_source_keys_t  *source;

    if (ctx->asked_conf != conf) {
        ctx->asked_conf = conf;
        ctx->asked = 0;
    }

    source = conf->keys->elts;
    ring->n = conf->keys->nelts;
    ring->rest = NGX_MAX_INT_T_VALUE;

    for (i = 0; i < ring->n; i++) {
        document = source[i].file;

        if (document == NULL) {
            document = ngx_http_auth_jwt_keys_document(r, conf, &source[i]);
        }

        if (document && document->server == NULL
            && ngx_http_auth_jwt_document_due(document, conf->terms->time))
        {
            (void) ngx_http_auth_jwt_document_look(document,
                                                   r->connection->log);
        }

        ring->documents[i] = document;
        ring->trusts[i].issuer = source[i].issuer;
    }

    for (i = 0; i < ring->n; i++) {
        document = ring->documents[i];

        rest = document && !source[i].variable
               ? ngx_http_auth_jwt_document_rest(document, conf->terms) : 0;
        ring->rest = ngx_min(ring->rest, rest);

        /* "0" is to look before the keys are used, not after. */

        if (document == NULL
            || (document->server && conf->terms->time == 0
                && !(ctx->asked & 1u << i)))
        {
            ring->trusts[i].keys = NULL;
            continue;
        }

        ring->trusts[i].keys = ngx_http_auth_jwt_document_content(document,
                                                                  conf->terms);
    }

    ring->incomplete = 0;
}


static ngx_http_auth_jwt_document_t *
ngx_http_auth_jwt_keys_document(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_source_keys_t *source)
{
    void                           *server;
    ngx_str_t                       name;
    ngx_uint_t                      how;
    ngx_http_auth_jwt_document_t   *document;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    if (ngx_http_complex_value(r, &source->value, &name) != NGX_OK) {
        return NULL;
    }

    how = source->how;
    server = NULL;

    if (source->fetched) {
        server = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

        /* A set that anybody can read must not let anybody sign. */

        if (!(conf->algs & JOT_ALGS_HMAC)) {
            how |= JOT_KEYS_PUBLIC;
        }

        if (name.len == 0 || name.data[0] != '/') {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "auth_jwt: key request \"%V\" is not the path of a "
                          "location", &name);
            return NULL;
        }

    } else if (ngx_http_auth_jwt_keys_escapes(&name)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "auth_jwt: key file \"%V\" has no name, or leaves its "
                      "folder", &name);
        return NULL;

    } else if (ngx_get_full_name(r->pool,
                                 (ngx_str_t *) &ngx_cycle->conf_prefix, &name)
               != NGX_OK)
    {
        return NULL;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_auth_jwt_module);

    document = ngx_http_auth_jwt_document_get(jmcf->documents,
                   source->fetched ? &ngx_http_auth_jwt_key_requests
                                   : &ngx_http_auth_jwt_key_files,
                   server, how, &name, !source->variable);

    if (document == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "auth_jwt: no room for the keys of \"%V\"", &name);
    }

    return document;
}


/*
 * A name whose beginning is a variable is the configuration's own choice, of a
 * map for instance; no name goes up.
 */

static ngx_flag_t
ngx_http_auth_jwt_keys_escapes(ngx_str_t *name)
{
    u_char  *p, *end, *part;

    end = name->data + name->len;
    part = name->data;

    if (name->len == 0 || ngx_strlchr(name->data, end, '\0')) {
        return 1;
    }

    for (p = name->data; p <= end; p++) {

        if (p < end && *p != '/') {
            continue;
        }

        if (p - part == 2 && part[0] == '.' && part[1] == '.') {
            return 1;
        }

        part = p + 1;
    }

    return 0;
}


ngx_int_t
ngx_http_auth_jwt_keys_fetch(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring)
{
    ngx_int_t                      rc;
    ngx_flag_t                     wanted;
    ngx_uint_t                     i;
    ngx_http_auth_jwt_document_t  *document;

    rc = NGX_OK;

    for (i = 0; i < ring->n; i++) {
        document = ring->documents[i];

        if (document == NULL || document->server == NULL) {
            ring->incomplete |= ring->trusts[i].keys == NULL;
            continue;
        }

        wanted = !(ctx->asked & 1u << i)
                 && (document->fetch
                     || (ngx_http_auth_jwt_document_due(document,
                                                        conf->terms->time)
                         && ngx_http_auth_jwt_keys_start(r, ring, document)));

        if (ring->trusts[i].keys) {
            continue;
        }

        if (!wanted) {
            ring->incomplete = 1;
            continue;
        }

        if (rc == NGX_OK) {
            ring->pending = i;
            rc = NGX_AGAIN;
        }
    }

    return rc;
}


ngx_int_t
ngx_http_auth_jwt_keys_again(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring)
{
    ngx_int_t                      rc;
    ngx_flag_t                     orphan;
    ngx_uint_t                     i;
    ngx_http_auth_jwt_document_t  *document;

    rc = NGX_DECLINED;

    for (i = 0; i < ring->n; i++) {
        document = ring->documents[i];

        if (document == NULL || ctx->asked & 1u << i) {
            continue;
        }

        /* It has waited for a look that was lost with somebody's client. */

        orphan = document->server && ctx->waiter && !ctx->waiter->answered
                 && ctx->waiter->source == i && document->orphaned;

        if (document->fetch == NULL && !orphan
            && document->seen
            && ngx_current_msec - document->looked < conf->terms->min_refresh)
        {
            continue;
        }

        if (document->server == NULL) {
            if (ngx_http_auth_jwt_document_look(document, r->connection->log)
                == NGX_OK)
            {
                rc = NGX_OK;
            }

            continue;
        }

        if (rc != NGX_AGAIN
            && (document->fetch
                || ngx_http_auth_jwt_keys_start(r, ring, document)))
        {
            ring->pending = i;
            rc = NGX_AGAIN;
        }
    }

    return rc;
}


/* Whether an answer will come, or would. */

static ngx_flag_t
ngx_http_auth_jwt_keys_start(ngx_http_request_t *r,
    ngx_http_auth_jwt_ring_t *ring, ngx_http_auth_jwt_document_t *document)
{
    return !ring->may_fetch || ngx_http_auth_jwt_fetch(r, document) == NGX_OK;
}


ngx_int_t
ngx_http_auth_jwt_keys_await(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_ring_t *ring)
{
    return ngx_http_auth_jwt_fetch_wait(r, ctx,
                                        ring->documents[ring->pending],
                                        ring->pending);
}


static void *
ngx_http_auth_jwt_keys_parse(ngx_str_t *text, ngx_uint_t how,
    jot_warn_pt warn, void *data, char *reason)
{
    return jot_keys_parse((char *) text->data, text->len, how, warn, data,
                          reason);
}


static size_t
ngx_http_auth_jwt_keys_count(const void *content)
{
    return jot_keys_count(content);
}


static void
ngx_http_auth_jwt_keys_free(void *content)
{
    jot_keys_free(content);
}
