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
static ngx_int_t ngx_http_auth_jwt_identity_noted(ngx_http_request_t *r,
    ngx_http_auth_jwt_values_t *noted, ngx_http_auth_jwt_values_t *values);
static ngx_int_t ngx_http_auth_jwt_identity_make(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_values_t *values, const char **detail);
static ngx_int_t ngx_http_auth_jwt_identity_values(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, ngx_str_t *values,
    const char **detail);
static ngx_int_t ngx_http_auth_jwt_identity_value(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_identity_t *identity, ngx_http_auth_jwt_value_t *value);
static ngx_int_t ngx_http_auth_jwt_encode(ngx_http_auth_jwt_value_t *value,
    jot_str_t text);
static ngx_int_t ngx_http_auth_jwt_encode_claim(
    ngx_http_auth_jwt_value_t *value, jot_value_t *claim);
static ngx_int_t ngx_http_auth_jwt_identity_push(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_values_t *values);


/*
 * In the post-read, server rewrite and rewrite phases: what the location (of
 * the server, in the first two) names, and what was set before a redirect.
 */

ngx_int_t
ngx_http_auth_jwt_identity_strip_handler(ngx_http_request_t *r)
{
    ngx_http_auth_jwt_loc_conf_t  *conf;

    /* Before anybody else can append to it. */

    if (r != r->main && ngx_http_auth_jwt_headers_own(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_auth_jwt_strip_set(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_auth_jwt_module);

    if (conf->identity
        && ngx_http_auth_jwt_headers_strip(r, conf->identity) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
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
    ngx_int_t                   rc;
    ngx_http_auth_jwt_note_t   *note;
    ngx_http_auth_jwt_values_t  values;

    if (decision->conf->identity == NULL) {
        return NGX_OK;
    }

    note = decision->entry
           ? ngx_http_auth_jwt_cache_note(decision->entry, decision->conf)
           : NULL;

    rc = note && note->values.text
         ? ngx_http_auth_jwt_identity_noted(r, &note->values, &values)
         : ngx_http_auth_jwt_identity_make(r, decision, &values, detail);

    /* Once more: rewrite code may have come between. */

    if (rc == NGX_OK) {
        rc = ngx_http_auth_jwt_headers_strip(r, decision->conf->identity);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_auth_jwt_identity_push(r, decision, &values);
    }

    if (rc != NGX_OK) {
        (void) ngx_http_auth_jwt_strip_set(r);
    }

    return rc;
}


/* A copy of the text, for the note may be gone before the request. */

static ngx_int_t
ngx_http_auth_jwt_identity_noted(ngx_http_request_t *r,
    ngx_http_auth_jwt_values_t *noted, ngx_http_auth_jwt_values_t *values)
{
    *values = *noted;

    values->text = ngx_pnalloc(r->pool, noted->len);
    if (values->text == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(values->text, noted->text, noted->len);

    return NGX_OK;
}


/* Noted, if there is memory for it. */

static ngx_int_t
ngx_http_auth_jwt_identity_make(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_values_t *values, const char **detail)
{
    u_char                         *p;
    ngx_int_t                       rc;
    ngx_str_t                      *value;
    ngx_uint_t                      i, n;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    n = decision->conf->identity->nelts;
    value = ngx_pcalloc(r->pool, n * sizeof(ngx_str_t));
    values->lengths = ngx_palloc(r->pool, n * sizeof(uint16_t));

    if (value == NULL || values->lengths == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_auth_jwt_identity_values(r, decision, value, detail);
    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0, values->len = n; i < n; i++) {
        values->len += value[i].len;
    }

    values->text = ngx_pnalloc(r->pool, values->len);
    if (values->text == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, p = values->text; i < n; i++) {
        values->lengths[i] = (uint16_t) value[i].len;

        if (value[i].len) {
            p = ngx_cpymem(p, value[i].data, value[i].len);
        }

        *p++ = '\0';
    }

    if (decision->entry) {
        jmcf = ngx_http_get_module_main_conf(r, ngx_http_auth_jwt_module);
        ngx_http_auth_jwt_cache_set_note(jmcf->cache, decision->entry,
                                         decision->conf, values);
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


/* What any request of this tree has set: a subrequest starts with it copied. */

static ngx_int_t
ngx_http_auth_jwt_strip_set(ngx_http_request_t *r)
{
    ngx_http_request_t            *pr;
    ngx_http_auth_jwt_ctx_t       *ctx;
    ngx_http_auth_jwt_decision_t  *decision;

    for (pr = r; pr; pr = pr->parent) {
        ctx = ngx_http_auth_jwt_ctx_find(pr);

        for (decision = ctx ? ctx->decisions : NULL;
             decision;
             decision = decision->next)
        {
            if (decision->set
                && ngx_http_auth_jwt_headers_strip(r, decision->conf->identity)
                   != NGX_OK)
            {
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
    static const u_char  plain[256] = {
        ['!' ... '$'] = 1, ['&' ... '+'] = 1, ['-' ... '~'] = 1
    };

    p = value->value.data + value->value.len;
    last = value->value.data + NGX_HTTP_AUTH_JWT_VALUE_SIZE;

    for (i = 0; i < text.len; i++) {
        c = (u_char) text.data[i];

        if (c < 0x20 || c == 0x7f) {
            value->detail = "an identity claim has a control character";
            return NGX_HTTP_FORBIDDEN;
        }

        if (plain[c] || (c == ' ' && i > 0 && i < text.len - 1)) {
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


/* The text becomes the headers' own. */

static ngx_int_t
ngx_http_auth_jwt_identity_push(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_values_t *values)
{
    u_char                        *p;
    ngx_uint_t                     i, n, given;
    ngx_table_elt_t               *h;
    ngx_http_auth_jwt_identity_t  *identity;

    identity = decision->conf->identity->elts;
    n = decision->conf->identity->nelts;

    for (i = 0, given = 0; i < n; i++) {
        given += values->lengths[i] != 0;
    }

    if (given == 0) {
        return NGX_OK;
    }

    h = ngx_http_auth_jwt_headers_add(r, given);
    if (h == NULL) {
        return NGX_ERROR;
    }

    decision->set = 1;

    for (i = 0, p = values->text; i < n; i++) {

        if (values->lengths[i]) {
            h->key = identity[i].name;
            h->lowcase_key = identity[i].lowcase;
            h->hash = identity[i].hash;
            h->value.data = p;
            h->value.len = values->lengths[i];
            h++;
        }

        p += values->lengths[i] + 1;
    }

    return NGX_OK;
}
