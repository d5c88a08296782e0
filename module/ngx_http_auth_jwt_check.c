/*
 * What only the whole configuration tells, when nginx reads it: that whoever
 * judges tokens has keys, that auth_jwt_require is asked at all, and that what
 * it looks at is not the answer of another location.
 */

#include "ngx_http_auth_jwt.h"


static ngx_flag_t ngx_http_auth_jwt_check_reached(
    ngx_http_core_loc_conf_t *clcf);
static void ngx_http_auth_jwt_check_require(ngx_conf_t *cf,
    ngx_http_auth_jwt_require_t *require);
static ngx_flag_t ngx_http_auth_jwt_check_remembered(
    ngx_conf_t *cf, ngx_str_t *name);


void
ngx_http_auth_jwt_where(ngx_conf_t *cf, ngx_http_auth_jwt_where_t *where)
{
    where->file = cf->conf_file->file.name;
    where->line = cf->conf_file->line;
}


ngx_int_t
ngx_http_auth_jwt_check_conf(ngx_conf_t *cf, ngx_http_auth_jwt_loc_conf_t *conf)
{
    ngx_uint_t                    i;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_auth_jwt_enable_t   *enable;
    ngx_http_auth_jwt_require_t  *require;

    enable = conf->enable;

    if (enable == NULL || (!enable->on && enable->token == -1)) {
        return NGX_OK;
    }

    if (conf->require && (enable->on || conf->identity)) {
        require = conf->require->elts;

        for (i = 0; i < conf->require->nelts; i++) {
            require[i].asked = 1;
        }
    }

    /* Two places are two tokens if they differ; token= is a third. */

    if (conf->sources && enable->on && enable->token != -1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"auth_jwt ... token=\" and \"auth_jwt_token_from\" "
                      "exclude each other in %V:%ui", &enable->where.file,
                      enable->where.line);
        return NGX_ERROR;
    }

    if (conf->keys) {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!ngx_http_auth_jwt_check_reached(clcf)) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"auth_jwt\" has no keys for %s \"%V\", an "
                  "\"auth_jwt_key_file\" or \"auth_jwt_key_request\" there "
                  "or above would be right in %V:%ui",
                  clcf->name.len ? "location" : "server",
                  clcf->name.len ? &clcf->name
                      : &((ngx_http_core_srv_conf_t *)
                          ngx_http_conf_get_module_srv_conf(cf,
                              ngx_http_core_module))->server_name,
                  &enable->where.file, enable->where.line);

    return NGX_ERROR;
}


/*
 * Whether a request can end in this level: in a location always, in a server
 * if no location takes all that the others leave.
 */

static ngx_flag_t
ngx_http_auth_jwt_check_reached(ngx_http_core_loc_conf_t *clcf)
{
    ngx_queue_t                *q;
    ngx_http_core_loc_conf_t   *inclusive;
    ngx_http_location_queue_t  *lq;

    if (clcf->name.len || clcf->noname || clcf->locations == NULL) {
        return 1;
    }

    for (q = ngx_queue_head(clcf->locations);
         q != ngx_queue_sentinel(clcf->locations);
         q = ngx_queue_next(q))
    {
        lq = (ngx_http_location_queue_t *) q;
        inclusive = lq->inclusive;

        if (inclusive && inclusive->name.len == 1
            && inclusive->name.data[0] == '/')
        {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_http_auth_jwt_check(ngx_conf_t *cf)
{
    ngx_uint_t                      i, k;
    ngx_array_t                   **list;
    ngx_http_auth_jwt_require_t    *require;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);
    list = jmcf->requires.elts;

    for (i = 0; i < jmcf->requires.nelts; i++) {
        require = list[i]->elts;

        for (k = 0; k < list[i]->nelts; k++) {
            ngx_http_auth_jwt_check_require(cf, &require[k]);
        }
    }

    return NGX_OK;
}


static void
ngx_http_auth_jwt_check_require(ngx_conf_t *cf,
    ngx_http_auth_jwt_require_t *require)
{
    ngx_uint_t                  i, *index;
    ngx_http_variable_t        *v;
    ngx_http_complex_value_t   *value;
    ngx_http_core_main_conf_t  *cmcf;

    if (!require->asked) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"auth_jwt_require\" has no effect, \"auth_jwt\" is off "
                      "wherever it reaches, in %V:%ui", &require->where.file,
                      require->where.line);
        return;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    v = cmcf->variables.elts;
    value = require->values->elts;

    for (i = 0; i < require->values->nelts; i++) {
        index = value[i].flushes;

        for ( /* void */ ; index && *index != (ngx_uint_t) -1; index++) {
            if (!ngx_http_auth_jwt_check_remembered(cf, &v[*index].name)) {
                continue;
            }

            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"$%V\" keeps its value when a request is "
                          "redirected to another location, a \"map\" that is "
                          "\"volatile\" would be right in %V:%ui",
                          &v[*index].name, &require->where.file,
                          require->where.line);
        }
    }
}


/*
 * A variable of the configuration that is computed and then remembered: a
 * map, and what is like one.  "set" is weak, and what has a value pushed into
 * it has a small number for data, if any.
 */

static ngx_flag_t
ngx_http_auth_jwt_check_remembered(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_hash_key_t                 *key;
    ngx_http_variable_t            *v;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);

    key = cmcf->variables_keys->keys.elts;

    for (i = jmcf->builtin; i < cmcf->variables_keys->keys.nelts; i++) {
        v = key[i].value;

        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return (v->flags & NGX_HTTP_VAR_CHANGEABLE)
                   && !(v->flags & (NGX_HTTP_VAR_NOCACHEABLE
                                    |NGX_HTTP_VAR_WEAK))
                   && v->data > 0xffff;
        }
    }

    return 0;
}
