/*
 * The directives, how they are inherited, and the places in nginx's phases
 * where the module is called.  NGINX Plus' names keep NGINX Plus' meaning.
 */

#include "ngx_http_auth_jwt.h"


static void *ngx_http_auth_jwt_create_main_conf(ngx_conf_t *cf);
static void ngx_http_auth_jwt_free_token_headers(void *data);
static char *ngx_http_auth_jwt_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_auth_jwt_create_conf(ngx_conf_t *cf);
static char *ngx_http_auth_jwt_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void ngx_http_auth_jwt_policy(ngx_http_auth_jwt_loc_conf_t *conf);
static ngx_int_t ngx_http_auth_jwt_init(ngx_conf_t *cf);
static char *ngx_http_auth_jwt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_auth_jwt_enable_token(ngx_conf_t *cf,
    ngx_http_auth_jwt_enable_t *enable);
static char *ngx_http_auth_jwt_type(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_auth_jwt_algorithms(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_auth_jwt_list(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#define NGX_HTTP_AUTH_JWT_ANYWHERE                                            \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF                   \
     |NGX_HTTP_LMT_CONF)

#define NGX_HTTP_AUTH_JWT_LEVELS                                              \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_conf_enum_t  ngx_http_auth_jwt_exp[] = {
    { ngx_string("required"), NGX_HTTP_AUTH_JWT_EXP_REQUIRED },
    { ngx_string("optional"), NGX_HTTP_AUTH_JWT_EXP_OPTIONAL },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_auth_jwt_commands[] = {

    { ngx_string("auth_jwt"),
      NGX_HTTP_AUTH_JWT_ANYWHERE|NGX_CONF_TAKE12,
      ngx_http_auth_jwt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_key_file"),
      NGX_HTTP_AUTH_JWT_ANYWHERE|NGX_CONF_TAKE123,
      ngx_http_auth_jwt_key_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_key_request"),
      NGX_HTTP_AUTH_JWT_ANYWHERE|NGX_CONF_TAKE123,
      ngx_http_auth_jwt_key_request,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_key_cache"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_TAKE123,
      ngx_http_auth_jwt_key_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_leeway"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_auth_jwt_loc_conf_t, leeway),
      NULL },

    { ngx_string("auth_jwt_require"),
      NGX_HTTP_AUTH_JWT_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_auth_jwt_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_identity_header"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_1MORE,
      ngx_http_auth_jwt_identity_header,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_token_from"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_1MORE,
      ngx_http_auth_jwt_token_from,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_algorithms"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_1MORE,
      ngx_http_auth_jwt_algorithms,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_issuer"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_1MORE,
      ngx_http_auth_jwt_list,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_auth_jwt_loc_conf_t, issuers),
      NULL },

    { ngx_string("auth_jwt_audience"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_1MORE,
      ngx_http_auth_jwt_list,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_auth_jwt_loc_conf_t, audiences),
      NULL },

    { ngx_string("auth_jwt_typ"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_1MORE,
      ngx_http_auth_jwt_list,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_auth_jwt_loc_conf_t, typs),
      NULL },

    { ngx_string("auth_jwt_exp"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_auth_jwt_loc_conf_t, exp),
      &ngx_http_auth_jwt_exp },

    { ngx_string("auth_jwt_optional"),
      NGX_HTTP_AUTH_JWT_LEVELS|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_auth_jwt_loc_conf_t, optional),
      NULL },

    { ngx_string("auth_jwt_type"),
      NGX_HTTP_AUTH_JWT_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_auth_jwt_type,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_claim_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_auth_jwt_claim_set,
      0,
      0,
      NULL },

    { ngx_string("auth_jwt_header_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_auth_jwt_header_set,
      0,
      0,
      NULL },

    { ngx_string("auth_jwt_token_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_auth_jwt_token_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_auth_jwt_module_ctx = {
    ngx_http_auth_jwt_add_variables,       /* preconfiguration */
    ngx_http_auth_jwt_init,                /* postconfiguration */

    ngx_http_auth_jwt_create_main_conf,    /* create main configuration */
    ngx_http_auth_jwt_init_main_conf,      /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_auth_jwt_create_conf,         /* create location configuration */
    ngx_http_auth_jwt_merge_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_auth_jwt_module = {
    NGX_MODULE_V1,
    &ngx_http_auth_jwt_module_ctx,         /* module context */
    ngx_http_auth_jwt_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_auth_jwt_headers_init,        /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_auth_jwt_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    /* Arrays are zeroed: each is made with its first element. */

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_auth_jwt_main_conf_t));
    if (jmcf == NULL) {
        return NULL;
    }

    jmcf->cache_number = NGX_CONF_UNSET_UINT;

    jmcf->documents = ngx_http_auth_jwt_documents(cf);
    if (jmcf->documents == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    jmcf->token_headers = jot_headers_new();

    if (cln == NULL || jmcf->token_headers == NULL) {
        jot_headers_free(jmcf->token_headers);
        return NULL;
    }

    cln->handler = ngx_http_auth_jwt_free_token_headers;
    cln->data = jmcf->token_headers;

    return jmcf;
}


static void
ngx_http_auth_jwt_free_token_headers(void *data)
{
    jot_headers_free(data);
}


static char *
ngx_http_auth_jwt_init_main_conf(ngx_conf_t *cf, void *conf)
{
    return ngx_http_auth_jwt_cache_init(cf, conf) == NGX_OK ? NGX_CONF_OK
                                                            : NGX_CONF_ERROR;
}


static void *
ngx_http_auth_jwt_create_conf(ngx_conf_t *cf)
{
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_auth_jwt_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /* known and policy are zeroed by it. */

    conf->enable = NGX_CONF_UNSET_PTR;
    conf->keys = NGX_CONF_UNSET_PTR;
    conf->terms = NGX_CONF_UNSET_PTR;
    conf->sources = NGX_CONF_UNSET_PTR;
    conf->require = NGX_CONF_UNSET_PTR;
    conf->identity = NGX_CONF_UNSET_PTR;
    conf->issuers = NGX_CONF_UNSET_PTR;
    conf->audiences = NGX_CONF_UNSET_PTR;
    conf->typs = NGX_CONF_UNSET_PTR;
    conf->algs = NGX_CONF_UNSET_UINT;
    conf->exp = NGX_CONF_UNSET_UINT;
    conf->type = NGX_CONF_UNSET_UINT;
    conf->optional = NGX_CONF_UNSET;
    conf->leeway = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_auth_jwt_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_auth_jwt_loc_conf_t  *prev = parent;
    ngx_http_auth_jwt_loc_conf_t  *conf = child;

    ngx_conf_merge_ptr_value(conf->enable, prev->enable, NULL);
    ngx_conf_merge_ptr_value(conf->keys, prev->keys, NULL);
    ngx_conf_merge_ptr_value(conf->terms, prev->terms,
                             &ngx_http_auth_jwt_default_terms);
    ngx_conf_merge_ptr_value(conf->sources, prev->sources, NULL);
    ngx_conf_merge_ptr_value(conf->require, prev->require, NULL);
    ngx_conf_merge_ptr_value(conf->identity, prev->identity, NULL);
    ngx_conf_merge_ptr_value(conf->issuers, prev->issuers, NULL);
    ngx_conf_merge_ptr_value(conf->audiences, prev->audiences, NULL);
    ngx_conf_merge_ptr_value(conf->typs, prev->typs, NULL);
    ngx_conf_merge_uint_value(conf->algs, prev->algs, 0);
    ngx_conf_merge_uint_value(conf->exp, prev->exp,
                              NGX_HTTP_AUTH_JWT_EXP_REQUIRED);
    ngx_conf_merge_sec_value(conf->leeway, prev->leeway, 0);
    ngx_conf_merge_value(conf->optional, prev->optional, 0);

    ngx_http_auth_jwt_policy(conf);

    return ngx_http_auth_jwt_check_conf(cf, conf) == NGX_OK ? NGX_CONF_OK
                                                            : NGX_CONF_ERROR;
}


static void
ngx_http_auth_jwt_policy(ngx_http_auth_jwt_loc_conf_t *conf)
{
    jot_policy_t  *policy;

    policy = &conf->policy;

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


/*
 * The last handler to register in a phase is the first to run, and dynamic
 * modules register last: so the strip handlers come before any rewrite code.
 * Those for identity headers are called where some are configured.
 */

static ngx_int_t
ngx_http_auth_jwt_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_handler_pt            *h;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    static const struct {
        ngx_http_phases             phase;
        ngx_http_handler_pt         handler;
        ngx_flag_t                  identity;   /* of use with headers only */
    } handlers[] = {
        { NGX_HTTP_POST_READ_PHASE,
          ngx_http_auth_jwt_identity_strip_handler, 1 },
        { NGX_HTTP_SERVER_REWRITE_PHASE,
          ngx_http_auth_jwt_identity_strip_handler, 1 },
        { NGX_HTTP_REWRITE_PHASE,
          ngx_http_auth_jwt_identity_strip_handler, 1 },
        { NGX_HTTP_ACCESS_PHASE,
          ngx_http_auth_jwt_access_handler, 0 },
        { NGX_HTTP_PRECONTENT_PHASE,
          ngx_http_auth_jwt_passed_handler, 0 },
        { NGX_HTTP_PRECONTENT_PHASE,
          ngx_http_auth_jwt_identity_offer_handler, 1 }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].identity && jmcf->headers.nelts == 0) {
            continue;
        }

        h = ngx_array_push(&cmcf->phases[handlers[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = handlers[i].handler;
    }

    if (ngx_http_auth_jwt_fetch_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_auth_jwt_check(cf);
}


static char *
ngx_http_auth_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                   *value;
    ngx_http_auth_jwt_enable_t  *enable;

    if (jlcf->enable != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    enable = ngx_pcalloc(cf->pool, sizeof(ngx_http_auth_jwt_enable_t));
    if (enable == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    ngx_http_auth_jwt_where(cf, &enable->where);
    enable->token = -1;
    enable->on = ngx_strcmp(value[1].data, "off") != 0;

    if (enable->on) {
        if (ngx_http_auth_jwt_compile(cf, &value[1], &enable->realm)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (cf->args->nelts == 3
        && ngx_http_auth_jwt_enable_token(cf, enable) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    jlcf->enable = enable;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_auth_jwt_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t *compiled)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = compiled;

    return ngx_http_compile_complex_value(&ccv);
}


static ngx_int_t
ngx_http_auth_jwt_enable_token(ngx_conf_t *cf,
    ngx_http_auth_jwt_enable_t *enable)
{
    ngx_str_t  *value, name;

    value = cf->args->elts;
    name = value[2];

    if (name.len <= sizeof("token=$") - 1
        || ngx_strncmp(name.data, "token=$", sizeof("token=$") - 1) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", "
                           "\"token=$variable\" would be right", &value[2]);
        return NGX_ERROR;
    }

    name.data += sizeof("token=$") - 1;
    name.len -= sizeof("token=$") - 1;

    enable->token = ngx_http_get_variable_index(cf, &name);

    return enable->token == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* Plus decrypts too; to take such a token unread would be to take any. */

static char *
ngx_http_auth_jwt_type(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t  *value;

    if (jlcf->type != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "encrypted") == 0
        || ngx_strcmp(value[1].data, "nested") == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "tokens that are \"%V\" cannot be read by this "
                           "module, \"signed\" would be right", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "signed") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", \"signed\" would be right",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    jlcf->type = 0;

    return NGX_CONF_OK;
}


static char *
ngx_http_auth_jwt_algorithms(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_int_t    alg;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (jlcf->algs != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    jlcf->algs = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        alg = jot_alg_find((char *) value[i].data, value[i].len);

        if (alg == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown algorithm \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        jlcf->algs |= JOT_ALG_BIT(alg);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_auth_jwt_list(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    jot_str_t     *text;
    ngx_str_t     *value;
    ngx_uint_t     i;
    ngx_array_t  **list;

    list = (ngx_array_t **) (p + cmd->offset);

    if (*list != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    *list = ngx_array_create(cf->pool, cf->args->nelts, sizeof(jot_str_t));
    if (*list == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        text = ngx_array_push(*list);
        if (text == NULL) {
            return NGX_CONF_ERROR;
        }

        text->data = (char *) value[i].data;
        text->len = value[i].len;
    }

    return NGX_CONF_OK;
}
