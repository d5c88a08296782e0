/*
 * auth_jwt_identity_header, as it is written in nginx.conf: which names may
 * carry an identity, and which claim each of them carries.
 */

#include "ngx_http_auth_jwt.h"


static ngx_int_t ngx_http_auth_jwt_identity_name(ngx_conf_t *cf,
    ngx_http_auth_jwt_identity_t *identity, ngx_uint_t n);
static ngx_int_t ngx_http_auth_jwt_identity_enter(ngx_conf_t *cf,
    ngx_str_t *letters);
static ngx_flag_t ngx_http_auth_jwt_reserved(ngx_str_t *name,
    ngx_str_t *letters);
static ngx_flag_t ngx_http_auth_jwt_begins(ngx_str_t *name,
    const char *prefix);
static ngx_flag_t ngx_http_auth_jwt_name_ok(ngx_str_t *name);


/*
 * Names that nginx, a protocol or a browser gives a meaning; by their letters.
 * To strip one would change what the request is.
 */

static const char *const  ngx_http_auth_jwt_names[] = {
    "accept", "acceptcharset", "acceptencoding", "acceptlanguage",
    "authorization", "cachecontrol", "connection", "contentencoding",
    "contentlanguage", "contentlength", "contentlocation", "contentrange",
    "contenttype", "cookie", "cookie2", "date", "depth", "destination", "dnt",
    "earlydata", "expect", "forwarded", "from", "host", "http2settings",
    "ifmatch", "ifmodifiedsince", "ifnonematch", "ifrange",
    "ifunmodifiedsince", "keepalive", "maxforwards", "origin", "overwrite",
    "pragma", "priority", "proxy", "proxyauthenticate", "proxyauthorization",
    "proxyconnection", "range", "referer", "secfetchdest", "secfetchmode",
    "secfetchsite", "secfetchuser", "secwebsocketaccept",
    "secwebsocketextensions", "secwebsocketkey", "secwebsocketprotocol",
    "secwebsocketversion", "te", "trailer", "transferencoding", "upgrade",
    "upgradeinsecurerequests", "useragent", "via", "xaccelredirect",
    "xforwardedfor", "xforwardedhost", "xforwardedport", "xforwardedprefix",
    "xforwardedproto", "xforwardedserver", "xrealip"
};


/* Whole families, whatever comes next; "_" counts as "-". */

static const char *const  ngx_http_auth_jwt_families[] = {
    "access-control-", "content-", "if-", "proxy-", "sec-"
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
    identity->lowcase = ngx_pnalloc(cf->pool, value[1].len);

    if (identity->lowcase == NULL) {
        return NGX_CONF_ERROR;
    }

    identity->hash = ngx_hash_strlow(identity->lowcase, value[1].data,
                                     value[1].len);

    if (ngx_http_auth_jwt_identity_name(cf, jlcf->identity->elts,
                                        jlcf->identity->nelts)
        != NGX_OK)
    {
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


/* Of n headers of this level, the last is the one to look at. */

static ngx_int_t
ngx_http_auth_jwt_identity_name(ngx_conf_t *cf,
    ngx_http_auth_jwt_identity_t *identity, ngx_uint_t n)
{
    ngx_str_t   *name, *letters;
    ngx_uint_t   i;

    name = &identity[n - 1].name;
    letters = &identity[n - 1].letters;

    if (ngx_http_auth_jwt_headers_letters(cf->pool, name, letters) != NGX_OK) {
        return NGX_ERROR;
    }

    if (letters->len == 0 || !ngx_http_auth_jwt_name_ok(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no header's name, letters, digits, "
                           "\"-\" and \"_\" would be right", name);
        return NGX_ERROR;
    }

    if (ngx_http_auth_jwt_reserved(name, letters)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has a meaning of its own and cannot carry "
                           "an identity, a name such as \"X-User\" would be "
                           "right", name);
        return NGX_ERROR;
    }

    for (i = 0; i < n - 1; i++) {
        if (identity[i].letters.len == letters->len
            && ngx_memcmp(identity[i].letters.data, letters->data,
                          letters->len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate header \"%V\", \"%V\" is there "
                               "already and only letters and digits count",
                               name, &identity[i].name);
            return NGX_ERROR;
        }
    }

    return ngx_http_auth_jwt_identity_enter(cf, letters);
}


/* For headers.c: each name that carries an identity somewhere. */

static ngx_int_t
ngx_http_auth_jwt_identity_enter(ngx_conf_t *cf, ngx_str_t *letters)
{
    ngx_str_t                      *entry;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);

    if (jmcf->headers.elts == NULL
        && ngx_array_init(&jmcf->headers, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    entry = ngx_array_push(&jmcf->headers);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    *entry = *letters;

    return NGX_OK;
}


static ngx_flag_t
ngx_http_auth_jwt_reserved(ngx_str_t *name, ngx_str_t *letters)
{
    size_t       i;
    const char  *word;

    for (i = 0; i < sizeof(ngx_http_auth_jwt_names) / sizeof(char *); i++) {
        word = ngx_http_auth_jwt_names[i];

        if (ngx_strlen(word) == letters->len
            && ngx_memcmp(word, letters->data, letters->len) == 0)
        {
            return 1;
        }
    }

    for (i = 0; i < sizeof(ngx_http_auth_jwt_families) / sizeof(char *); i++) {
        if (ngx_http_auth_jwt_begins(name, ngx_http_auth_jwt_families[i])) {
            return 1;
        }
    }

    return 0;
}


static ngx_flag_t
ngx_http_auth_jwt_begins(ngx_str_t *name, const char *prefix)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < name->len && prefix[i]; i++) {
        c = name->data[i] == '_' ? '-' : ngx_tolower(name->data[i]);

        if (c != (u_char) prefix[i]) {
            return 0;
        }
    }

    return prefix[i] == '\0';
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
