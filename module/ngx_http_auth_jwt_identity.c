/*
 * Identity headers.  What the client sent under such a name is gone before a
 * backend can see it; what stands there afterwards comes from a token that is
 * valid in the location that answers.
 */

#include "ngx_http_auth_jwt.h"


#define NGX_HTTP_AUTH_JWT_VALUE_SIZE  4096

typedef struct {
    ngx_str_t        value;         /* of NGX_HTTP_AUTH_JWT_VALUE_SIZE */
    const char      *detail;
} ngx_http_auth_jwt_value_t;


static ngx_int_t ngx_http_auth_jwt_strip_set(ngx_http_request_t *r);
static ngx_int_t ngx_http_auth_jwt_identity_values(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_str_t *values,
    const char **detail);
static void ngx_http_auth_jwt_identity_noted(ngx_http_auth_jwt_note_t *note,
    ngx_str_t *values, ngx_uint_t n);
static void ngx_http_auth_jwt_identity_note(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_str_t *values, ngx_uint_t n);
static ngx_int_t ngx_http_auth_jwt_identity_value(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_identity_t *identity, ngx_http_auth_jwt_value_t *value);
static ngx_int_t ngx_http_auth_jwt_encode(ngx_http_auth_jwt_value_t *value,
    jot_str_t text);
static ngx_int_t ngx_http_auth_jwt_encode_claim(
    ngx_http_auth_jwt_value_t *value, jot_value_t *claim);
static ngx_int_t ngx_http_auth_jwt_push(ngx_http_request_t *r,
    ngx_http_auth_jwt_identity_t *identity, ngx_str_t *value);


/*
 * In the post-read, server rewrite and rewrite phases: what the location (of
 * the server, in the first two) names, and what was set before a redirect.
 */

ngx_int_t
ngx_http_auth_jwt_identity_strip_handler(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_http_auth_jwt_identity_t  *identity;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    if (ngx_http_auth_jwt_strip_set(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_auth_jwt_module);

    if (conf->identity == NULL) {
        return NGX_DECLINED;
    }

    identity = conf->identity->elts;

    for (i = 0; i < conf->identity->nelts; i++) {
        if (ngx_http_auth_jwt_headers_strip(r, &identity[i].letters)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_DECLINED;
}


/*
 * In the precontent phase: where the access phase gives none.  nginx leaves it
 * out for subrequests, and "auth_jwt off token=" is for whom has a valid token,
 * but refuses nobody.
 */

ngx_int_t
ngx_http_auth_jwt_identity_offer_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_uint_t                     code;
    const char                    *detail;
    ngx_http_auth_jwt_decision_t  *decision;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_auth_jwt_module);

    if (conf->enable == NULL || conf->identity == NULL
        || ngx_http_auth_jwt_fetching(r))
    {
        return NGX_DECLINED;
    }

    if (conf->enable->on ? r == r->main : conf->enable->token == -1) {
        return NGX_DECLINED;
    }

    decision = ngx_http_auth_jwt_decide(r);

    if (decision == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (decision->status != JOT_OK
        || ngx_http_auth_jwt_required(r, conf, &code) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_auth_jwt_identity_set(r, decision, &detail);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rc == NGX_OK || !conf->enable->on ? NGX_DECLINED
                                             : NGX_HTTP_FORBIDDEN;
}


ngx_int_t
ngx_http_auth_jwt_identity_set(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, const char **detail)
{
    ngx_int_t                      rc;
    ngx_str_t                     *values;
    ngx_uint_t                     i, n;
    ngx_http_auth_jwt_note_t      *note;
    ngx_http_auth_jwt_identity_t  *identity;

    if (decision->conf->identity == NULL) {
        return NGX_OK;
    }

    identity = decision->conf->identity->elts;
    n = decision->conf->identity->nelts;

    values = ngx_pcalloc(r->pool, n * sizeof(ngx_str_t));
    if (values == NULL) {
        return NGX_ERROR;
    }

    note = decision->entry
           ? ngx_http_auth_jwt_cache_note(decision->entry, decision->conf)
           : NULL;

    if (note && note->values) {
        ngx_http_auth_jwt_identity_noted(note, values, n);

    } else {
        rc = ngx_http_auth_jwt_identity_values(r, decision, values, detail);

        if (rc != NGX_OK) {
            (void) ngx_http_auth_jwt_strip_set(r);
            return rc;
        }

        if (decision->entry) {
            ngx_http_auth_jwt_identity_note(r, decision, values, n);
        }
    }

    for (i = 0; i < n; i++) {

        /* Once more: rewrite code may have come between. */

        if (ngx_http_auth_jwt_headers_strip(r, &identity[i].letters)
            != NGX_OK
            || (values[i].len
                && ngx_http_auth_jwt_push(r, &identity[i], &values[i])
                   != NGX_OK))
        {
            (void) ngx_http_auth_jwt_strip_set(r);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Those without one stay empty; the others are r's. */

static ngx_int_t
ngx_http_auth_jwt_identity_values(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_str_t *values,
    const char **detail)
{
    u_char                         buf[NGX_HTTP_AUTH_JWT_VALUE_SIZE];
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_http_auth_jwt_value_t      value;
    ngx_http_auth_jwt_identity_t  *identity;

    if (ngx_http_auth_jwt_token_of(r, decision)->payload == NULL) {
        return NGX_ERROR;
    }

    identity = decision->conf->identity->elts;

    for (i = 0; i < decision->conf->identity->nelts; i++) {

        if (identity[i].path == NULL) {
            continue;
        }

        value.value.data = buf;
        value.value.len = 0;
        value.detail = "";

        rc = ngx_http_auth_jwt_identity_value(r, decision, &identity[i],
                                              &value);
        if (rc != NGX_OK) {
            *detail = value.detail;
            return rc;
        }

        values[i].len = value.value.len;
        values[i].data = ngx_pstrdup(r->pool, &value.value);

        if (values[i].data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_auth_jwt_identity_noted(ngx_http_auth_jwt_note_t *note,
    ngx_str_t *values, ngx_uint_t n)
{
    u_char      *p;
    ngx_uint_t   i;

    p = note->values;

    for (i = 0; i < n; i++) {
        values[i].data = p;
        values[i].len = note->lengths[i];
        p += note->lengths[i];
    }
}


/* If there is no memory for it, it is made again. */

static void
ngx_http_auth_jwt_identity_note(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_str_t *values, ngx_uint_t n)
{
    size_t                          len;
    u_char                         *text, *p;
    uint16_t                       *lengths;
    ngx_uint_t                      i;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_auth_jwt_module);

    for (i = 0, len = 0; i < n; i++) {
        len += values[i].len;
    }

    lengths = ngx_palloc(r->pool, n * sizeof(uint16_t));
    text = ngx_pnalloc(r->pool, len + 1);

    if (lengths == NULL || text == NULL) {
        return;
    }

    for (i = 0, p = text; i < n; i++) {
        lengths[i] = (uint16_t) values[i].len;

        if (values[i].len) {
            p = ngx_cpymem(p, values[i].data, values[i].len);
        }
    }

    ngx_http_auth_jwt_cache_set_note(jmcf->cache, decision->entry,
                                     decision->conf, text, len, lengths, n);
}


/* What any request of this tree has set: a subrequest starts with it copied. */

static ngx_int_t
ngx_http_auth_jwt_strip_set(ngx_http_request_t *r)
{
    ngx_str_t                *name;
    ngx_uint_t                i;
    ngx_http_request_t       *pr;
    ngx_http_auth_jwt_ctx_t  *ctx;

    for (pr = r; pr; pr = pr->parent) {
        ctx = ngx_http_auth_jwt_ctx_find(pr);

        if (ctx == NULL || ctx->set == NULL) {
            continue;
        }

        name = ctx->set->elts;

        for (i = 0; i < ctx->set->nelts; i++) {
            if (ngx_http_auth_jwt_headers_strip(r, &name[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_auth_jwt_identity_value(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_identity_t *identity, ngx_http_auth_jwt_value_t *value)
{
    int          more, n;
    ngx_int_t    rc;
    jot_value_t  claim, element;

    n = 0;
    rc = NGX_OK;

    if (jot_json_find(decision->token.payload, identity->path->elts,
                      identity->path->nelts, &claim)
        && claim.type != JOT_NULL)
    {
        if (claim.type != JOT_ARRAY) {
            rc = ngx_http_auth_jwt_encode_claim(value, &claim);
        }

        for (more = jot_value_first(&claim, &element);
             rc == NGX_OK && more;
             more = jot_value_next(&element))
        {
            if (element.type != JOT_STRING) {
                value->detail = "an identity claim is an array of other "
                                "things than strings";
                return NGX_HTTP_FORBIDDEN;
            }

            if (n++) {
                if (value->value.len == NGX_HTTP_AUTH_JWT_VALUE_SIZE) {
                    rc = NGX_DECLINED;
                    break;
                }

                value->value.data[value->value.len++] = ',';
            }

            rc = ngx_http_auth_jwt_encode_claim(value, &element);
        }
    }

    if (rc == NGX_DECLINED) {
        value->detail = "an identity header would have more than 4096 bytes";
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "auth_jwt: \"%V\" would have more than %d bytes",
                      &identity->name, NGX_HTTP_AUTH_JWT_VALUE_SIZE);
        return NGX_HTTP_FORBIDDEN;
    }

    if (rc == NGX_OK && value->value.len == 0 && identity->required) {
        value->detail = "a required identity claim is missing";
        return NGX_HTTP_FORBIDDEN;
    }

    return rc;
}


/* NGX_DECLINED: no room. */

static ngx_int_t
ngx_http_auth_jwt_encode_claim(ngx_http_auth_jwt_value_t *value,
    jot_value_t *claim)
{
    size_t     i;
    jot_str_t  text;

    if (claim->type == JOT_STRING) {
        text = jot_value_string(claim);
        return ngx_http_auth_jwt_encode(value, text);
    }

    text = jot_value_raw(claim);

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '.' || text.data[i] == 'e' || text.data[i] == 'E')
        {
            break;
        }
    }

    if (claim->type != JOT_NUMBER || i < text.len) {
        value->detail = "an identity claim is no string, integer or array "
                        "of strings";
        return NGX_HTTP_FORBIDDEN;
    }

    return ngx_http_auth_jwt_encode(value, text);
}


/*
 * No two claims give one value: what joins an array, what encodes, and what
 * a header's reader may trim or take for another charset is encoded.
 */

static ngx_int_t
ngx_http_auth_jwt_encode(ngx_http_auth_jwt_value_t *value, jot_str_t text)
{
    u_char  c, *p, *last;
    size_t  i;

    static const u_char  hex[] = "0123456789ABCDEF";

    p = value->value.data + value->value.len;
    last = value->value.data + NGX_HTTP_AUTH_JWT_VALUE_SIZE;

    for (i = 0; i < text.len; i++) {
        c = (u_char) text.data[i];

        if (c < 0x20 || c == 0x7f) {
            value->detail = "an identity claim has a control character";
            return NGX_HTTP_FORBIDDEN;
        }

        if (c != '%' && c != ',' && c < 0x80
            && (c != ' ' || (i > 0 && i < text.len - 1)))
        {
            if (p == last) {
                return NGX_DECLINED;
            }

            *p++ = c;
            continue;
        }

        if (last - p < 3) {
            return NGX_DECLINED;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0xf];
    }

    value->value.len = p - value->value.data;
    return NGX_OK;
}


static ngx_int_t
ngx_http_auth_jwt_push(ngx_http_request_t *r,
    ngx_http_auth_jwt_identity_t *identity, ngx_str_t *value)
{
    ngx_str_t                *set;
    ngx_table_elt_t          *h;
    ngx_http_auth_jwt_ctx_t  *ctx;

    ctx = ngx_http_auth_jwt_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->set == NULL) {
        ctx->set = ngx_array_create(r->pool, 4, sizeof(ngx_str_t));
        if (ctx->set == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_auth_jwt_headers_own(r) != NGX_OK) {
        return NGX_ERROR;
    }

    set = ngx_array_push(ctx->set);
    if (set == NULL) {
        return NGX_ERROR;
    }

    *set = identity->letters;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = identity->name;
    h->value.len = value->len;
    h->value.data = ngx_pnalloc(r->pool, value->len + 1);
    h->lowcase_key = identity->lowcase;
    h->hash = identity->hash;

    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(h->value.data, value->data, value->len);
    h->value.data[value->len] = '\0';

    ngx_http_auth_jwt_headers_forget(r);

    return NGX_OK;
}
