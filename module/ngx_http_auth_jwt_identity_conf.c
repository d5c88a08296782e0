/*
 * auth_jwt_identity_header, as it is written in nginx.conf: which names may
 * carry an identity, and which claim each of them carries.
 */

#include "ngx_http_auth_jwt.h"


static ngx_flag_t ngx_http_auth_jwt_reserved(ngx_str_t *letters);
static ngx_flag_t ngx_http_auth_jwt_name_ok(ngx_str_t *name);


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

    if (ngx_http_auth_jwt_headers_letters(cf->pool, &value[1],
                                          &identity->letters)
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
