/*
 * Identity headers.  What the client sent under such a name is gone before a
 * backend can see it; what stands there afterwards comes from a token that is
 * valid in the location that answers.
 *
 * A change never touches a header in place: upstream modules send what is only
 * marked as removed, and a subrequest shares its parent's list.  Instead the
 * request gets a fresh list whose parts are views into the old one, leaving
 * out what has to go.  So pointers that nginx holds into the list stay good.
 */

#include "ngx_http_auth_jwt.h"


#define NGX_HTTP_AUTH_JWT_VALUE_SIZE  4096

typedef struct {
    ngx_str_t        value;         /* of NGX_HTTP_AUTH_JWT_VALUE_SIZE */
    const char      *detail;
} ngx_http_auth_jwt_value_t;


static ngx_int_t ngx_http_auth_jwt_letters(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *letters);
static ngx_flag_t ngx_http_auth_jwt_same(ngx_str_t *letters, u_char *data,
    size_t len);
static ngx_flag_t ngx_http_auth_jwt_reserved(ngx_str_t *letters);
static ngx_flag_t ngx_http_auth_jwt_name_ok(ngx_str_t *name);
static ngx_int_t ngx_http_auth_jwt_strip(ngx_http_request_t *r,
    ngx_str_t *letters);
static ngx_int_t ngx_http_auth_jwt_strip_run(ngx_list_t *list, ngx_pool_t *pool,
    ngx_table_elt_t *first, ngx_uint_t n);
static void ngx_http_auth_jwt_forget(ngx_http_request_t *r,
    ngx_str_t *letters);
static ngx_int_t ngx_http_auth_jwt_strip_set(ngx_http_request_t *r);
static ngx_int_t ngx_http_auth_jwt_identity_value(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision,
    ngx_http_auth_jwt_identity_t *identity, ngx_http_auth_jwt_value_t *value);
static ngx_int_t ngx_http_auth_jwt_encode(ngx_http_auth_jwt_value_t *value,
    jot_str_t text);
static ngx_int_t ngx_http_auth_jwt_encode_claim(
    ngx_http_auth_jwt_value_t *value, jot_value_t *claim);
static ngx_int_t ngx_http_auth_jwt_own(ngx_http_request_t *r);
static ngx_int_t ngx_http_auth_jwt_push(ngx_http_request_t *r,
    ngx_http_auth_jwt_identity_t *identity, ngx_str_t *value);


/* Names that nginx, or a protocol, reads itself; by their letters. */

static const char *const  ngx_http_auth_jwt_names[] = {
    "host", "connection", "contentlength", "contenttype", "transferencoding",
    "upgrade", "te", "trailer", "expect", "authorization", "proxyauthorization",
    "proxyconnection", "keepalive", "cookie", "cookie2", "range",
    "ifmodifiedsince", "ifunmodifiedsince", "ifmatch", "ifnonematch",
    "ifrange", "xforwardedfor", "xforwardedhost", "xforwardedproto",
    "forwarded", "xrealip", "accept", "acceptencoding", "acceptlanguage",
    "useragent", "referer", "origin", "via", "depth", "destination",
    "overwrite", "date", "http2settings", "contentencoding", "xaccelredirect",
    "secfetchsite", "secfetchmode", "proxy"
};


char *
ngx_http_auth_jwt_identity_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    jot_str_t                     *name;
    ngx_str_t                     *value;
    ngx_uint_t                     i, n;
    ngx_http_auth_jwt_identity_t  *identity;

    if (jlcf->identity == NGX_CONF_UNSET_PTR) {
        jlcf->identity = ngx_array_create(cf->pool, 4,
                                         sizeof(ngx_http_auth_jwt_identity_t));
        if (jlcf->identity == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    identity = ngx_array_push(jlcf->identity);
    if (identity == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(identity, sizeof(ngx_http_auth_jwt_identity_t));

    value = cf->args->elts;
    identity->name = value[1];

    if (ngx_http_auth_jwt_letters(cf->pool, &value[1], &identity->letters)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (identity->letters.len == 0 || !ngx_http_auth_jwt_name_ok(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no header's name, letters, digits, "
                           "\"-\" and \"_\" would be right", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_auth_jwt_reserved(&identity->letters)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has a meaning of its own and cannot carry "
                           "an identity, a name such as \"X-User\" would be "
                           "right", &value[1]);
        return NGX_CONF_ERROR;
    }

    n = cf->args->nelts;

    if (n > 2 && ngx_strcmp(value[n - 1].data, "required") == 0) {
        identity->required = 1;
        n--;

        if (n == 2) {
            return "needs a claim before \"required\"";
        }
    }

    if (n == 2) {
        return NGX_CONF_OK;
    }

    identity->path = ngx_array_create(cf->pool, n - 2, sizeof(jot_str_t));
    if (identity->path == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < n; i++) {
        name = ngx_array_push(identity->path);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        name->data = (char *) value[i].data;
        name->len = value[i].len;
    }

    return NGX_CONF_OK;
}


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
        if (ngx_http_auth_jwt_strip(r, &identity[i].letters) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_DECLINED;
}


/* nginx leaves a subrequest's access phase out: it has only what it is due. */

ngx_int_t
ngx_http_auth_jwt_identity_subrequest_handler(ngx_http_request_t *r)
{
    ngx_uint_t                     code;
    const char                    *detail;
    ngx_http_auth_jwt_decision_t  *decision;
    ngx_http_auth_jwt_loc_conf_t  *conf;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_auth_jwt_module);

    if (conf->enable == NULL || !conf->enable->on || conf->identity == NULL) {
        return NGX_DECLINED;
    }

    decision = ngx_http_auth_jwt_decide(r);

    if (decision == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (decision->status == JOT_OK
        && ngx_http_auth_jwt_required(r, decision, &code) == NGX_OK
        && ngx_http_auth_jwt_identity_set(r, decision, &detail) != NGX_OK)
    {
        return NGX_HTTP_FORBIDDEN;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_auth_jwt_identity_set(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, const char **detail)
{
    u_char                         buf[NGX_HTTP_AUTH_JWT_VALUE_SIZE];
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_http_auth_jwt_value_t      value;
    ngx_http_auth_jwt_identity_t  *identity;

    if (decision->conf->identity == NULL) {
        return NGX_OK;
    }

    identity = decision->conf->identity->elts;

    for (i = 0; i < decision->conf->identity->nelts; i++) {

        /* Once more: rewrite code may have come between. */

        if (ngx_http_auth_jwt_strip(r, &identity[i].letters) != NGX_OK) {
            return NGX_ERROR;
        }

        if (identity[i].path == NULL) {
            continue;
        }

        value.value.data = buf;
        value.value.len = 0;
        value.detail = "";

        rc = ngx_http_auth_jwt_identity_value(r, decision, &identity[i],
                                              &value);

        if (rc == NGX_OK && value.value.len) {
            rc = ngx_http_auth_jwt_push(r, &identity[i], &value.value);
        }

        if (rc != NGX_OK) {
            *detail = value.detail;
            (void) ngx_http_auth_jwt_strip_set(r);
            return rc;
        }
    }

    return NGX_OK;
}


/* CGI tells "-", "_" and other marks not apart; nor does case count. */

static ngx_int_t
ngx_http_auth_jwt_letters(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *letters)
{
    u_char  c, *p;
    size_t  i;

    p = ngx_pnalloc(pool, name->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    letters->data = p;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            *p++ = c;
        }
    }

    letters->len = p - letters->data;

    return NGX_OK;
}


static ngx_flag_t
ngx_http_auth_jwt_same(ngx_str_t *letters, u_char *data, size_t len)
{
    u_char  c;
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        c = ngx_tolower(data[i]);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            if (n == letters->len || letters->data[n] != c) {
                return 0;
            }

            n++;
        }
    }

    return n == letters->len;
}


static ngx_flag_t
ngx_http_auth_jwt_reserved(ngx_str_t *letters)
{
    size_t       i;
    const char  *name;

    for (i = 0; i < sizeof(ngx_http_auth_jwt_names) / sizeof(char *); i++) {
        name = ngx_http_auth_jwt_names[i];

        if (ngx_strlen(name) == letters->len
            && ngx_memcmp(name, letters->data, letters->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_flag_t
ngx_http_auth_jwt_name_ok(ngx_str_t *name)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'
              || c == '_'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_auth_jwt_strip(ngx_http_request_t *r, ngx_str_t *letters)
{
    ngx_uint_t        i, first, hits;
    ngx_list_t        list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    hits = 0;
    list = r->headers_in.headers;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {
            hits += ngx_http_auth_jwt_same(letters, header[i].key.data,
                                           header[i].key.len);
        }
    }

    ngx_http_auth_jwt_forget(r, letters);

    if (hits == 0) {
        return NGX_OK;
    }

    ngx_memzero(&list.part, sizeof(ngx_list_part_t));
    list.last = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;
        first = 0;

        for (i = 0; i <= part->nelts; i++) {
            if (i < part->nelts
                && !ngx_http_auth_jwt_same(letters, header[i].key.data,
                                           header[i].key.len))
            {
                continue;
            }

            if (ngx_http_auth_jwt_strip_run(&list, r->pool, &header[first],
                                            i - first)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            first = i + 1;
        }
    }

    if (list.last == NULL) {
        return ngx_list_init(&r->headers_in.headers, r->pool, 4,
                             sizeof(ngx_table_elt_t));
    }

    /*
     * A full last part makes the next push allocate one of its own, so that
     * what follows in the old part, a header left out or another's, stays as
     * it is.  The first part lies inside the list itself.
     */

    r->headers_in.headers.part = list.part;
    r->headers_in.headers.last = list.last == &list.part
                                 ? &r->headers_in.headers.part : list.last;
    r->headers_in.headers.nalloc = r->headers_in.headers.last->nelts;

    return NGX_OK;
}


/* Appends a view of n headers; an empty part would break nginx's loops. */

static ngx_int_t
ngx_http_auth_jwt_strip_run(ngx_list_t *list, ngx_pool_t *pool,
    ngx_table_elt_t *first, ngx_uint_t n)
{
    ngx_list_part_t  *part;

    if (n == 0) {
        return NGX_OK;
    }

    if (list->last == NULL) {
        part = &list->part;

    } else {
        part = ngx_palloc(pool, sizeof(ngx_list_part_t));
        if (part == NULL) {
            return NGX_ERROR;
        }

        list->last->next = part;
    }

    part->elts = first;
    part->nelts = n;
    part->next = NULL;
    list->last = part;

    return NGX_OK;
}


/* $http_NAME, where nginx remembers what it was. */

static void
ngx_http_auth_jwt_forget(ngx_http_request_t *r, ngx_str_t *letters)
{
    ngx_str_t                  *name;
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        name = &v[i].name;

        if (name->len > sizeof("http_") - 1
            && ngx_strncmp(name->data, "http_", sizeof("http_") - 1) == 0
            && ngx_http_auth_jwt_same(letters,
                                      name->data + sizeof("http_") - 1,
                                      name->len - (sizeof("http_") - 1)))
        {
            r->variables[i].valid = 0;
            r->variables[i].not_found = 0;
        }
    }
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
            if (ngx_http_auth_jwt_strip(r, &name[i]) != NGX_OK) {
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
    size_t       i;
    ngx_int_t    rc;
    jot_value_t  claim, element;

    rc = NGX_OK;

    if (jot_json_find(decision->token.payload, identity->path->elts,
                      identity->path->nelts, &claim)
        && claim.type != JOT_NULL)
    {
        if (claim.type != JOT_ARRAY) {
            rc = ngx_http_auth_jwt_encode_claim(value, &claim);
        }

        for (i = 0; rc == NGX_OK && jot_value_at(&claim, i, &element); i++) {
            if (element.type != JOT_STRING) {
                value->detail = "an identity claim is an array of other "
                                "things than strings";
                return NGX_HTTP_FORBIDDEN;
            }

            if (i) {
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

    text = claim->raw;

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
    u_char            c, *p;
    size_t            i;
    ngx_flag_t        edge;

    static const u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < text.len; i++) {
        c = (u_char) text.data[i];
        edge = i == 0 || i == text.len - 1;

        if (c < 0x20 || c == 0x7f) {
            value->detail = "an identity claim has a control character";
            return NGX_HTTP_FORBIDDEN;
        }

        if (NGX_HTTP_AUTH_JWT_VALUE_SIZE - value->value.len < 3) {
            return NGX_DECLINED;
        }

        p = value->value.data + value->value.len;

        if (c == '%' || c == ',' || c > 0x7f || (c == ' ' && edge)) {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 0xf];

        } else {
            *p++ = c;
        }

        value->value.len = p - value->value.data;
    }

    return NGX_OK;
}


/*
 * A subrequest's list starts as a copy of its parent's: the same parts behind
 * the first, and a "last" that lies in the parent.  To append to it is to give
 * the parent a header.  So the parts are copied first, as views; a full last
 * one makes the push allocate another.
 */

static ngx_int_t
ngx_http_auth_jwt_own(ngx_http_request_t *r)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part, *last;

    list = &r->headers_in.headers;

    if (list->part.nelts == 0) {
        return ngx_list_init(list, r->pool, 4, sizeof(ngx_table_elt_t));
    }

    for (last = &list->part; last->next; last = part) {
        part = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (part == NULL) {
            return NGX_ERROR;
        }

        *part = *last->next;
        last->next = part;
    }

    list->last = last;
    list->nalloc = last->nelts;

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

    if (ngx_http_auth_jwt_own(r) != NGX_OK) {
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
    h->lowcase_key = ngx_pnalloc(r->pool, identity->name.len);

    if (h->value.data == NULL || h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(h->value.data, value->data, value->len);
    h->value.data[value->len] = '\0';
    h->hash = ngx_hash_strlow(h->lowcase_key, identity->name.data,
                              identity->name.len);

    ngx_http_auth_jwt_forget(r, &identity->letters);

    return NGX_OK;
}
