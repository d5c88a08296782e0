/*
 * auth_jwt_require: what it says in nginx.conf, and whether a request meets it.
 */

#include "ngx_http_auth_jwt.h"


static ngx_http_auth_jwt_require_t *ngx_http_auth_jwt_require_add(
    ngx_conf_t *cf, ngx_http_auth_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_auth_jwt_require_error(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_auth_jwt_require_t *require);


ngx_int_t
ngx_http_auth_jwt_required(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_uint_t *code)
{
    ngx_str_t                     text;
    ngx_uint_t                    i, k;
    ngx_http_complex_value_t     *value;
    ngx_http_auth_jwt_require_t  *require;

    if (conf->require == NULL) {
        return NGX_OK;
    }

    require = conf->require->elts;

    for (i = 0; i < conf->require->nelts; i++) {
        value = require[i].values->elts;

        for (k = 0; k < require[i].values->nelts; k++) {
            if (ngx_http_complex_value(r, &value[k], &text) != NGX_OK) {
                return NGX_ERROR;
            }

            if (text.len == 0 || (text.len == 1 && text.data[0] == '0')) {
                *code = require[i].error;
                return NGX_HTTP_FORBIDDEN;
            }
        }
    }

    return NGX_OK;
}


char *
ngx_http_auth_jwt_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_complex_value_t     *compiled;
    ngx_http_auth_jwt_require_t  *require;

    require = ngx_http_auth_jwt_require_add(cf, jlcf);
    if (require == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "error=", sizeof("error=") - 1) == 0) {
            if (ngx_http_auth_jwt_require_error(cf, &value[i], require)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (value[i].len < 2 || value[i].data[0] != '$') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", a value that "
                               "starts with a \"$variable\" or \"error=code\" "
                               "would be right", &value[i]);
            return NGX_CONF_ERROR;
        }

        compiled = ngx_array_push(require->values);

        if (compiled == NULL
            || ngx_http_auth_jwt_compile(cf, &value[i], compiled) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (require->values->nelts == 0) {
        return "has no variable to look at";
    }

    return NGX_CONF_OK;
}


/* One more of this level; the first is entered in the list for check.c. */

static ngx_http_auth_jwt_require_t *
ngx_http_auth_jwt_require_add(ngx_conf_t *cf,
    ngx_http_auth_jwt_loc_conf_t *jlcf)
{
    ngx_array_t                   **list;
    ngx_http_auth_jwt_require_t    *require;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    if (jlcf->require == NGX_CONF_UNSET_PTR) {
        jlcf->require = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_auth_jwt_require_t));
        if (jlcf->require == NULL) {
            return NULL;
        }

        jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);

        if (jmcf->requires.elts == NULL
            && ngx_array_init(&jmcf->requires, cf->pool, 4,
                              sizeof(ngx_array_t *)) != NGX_OK)
        {
            return NULL;
        }

        list = ngx_array_push(&jmcf->requires);
        if (list == NULL) {
            return NULL;
        }

        *list = jlcf->require;
    }

    require = ngx_array_push(jlcf->require);
    if (require == NULL) {
        return NULL;
    }

    ngx_memzero(require, sizeof(ngx_http_auth_jwt_require_t));
    ngx_http_auth_jwt_where(cf, &require->where);

    require->error = NGX_HTTP_UNAUTHORIZED;
    require->values = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_complex_value_t));

    return require->values ? require : NULL;
}


static ngx_int_t
ngx_http_auth_jwt_require_error(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_auth_jwt_require_t *require)
{
    ngx_int_t  code;

    code = ngx_atoi(value->data + sizeof("error=") - 1,
                    value->len - (sizeof("error=") - 1));

    /* 408, 444 and 494 to 499 are nginx's own words, not answers. */

    if (code < 400 || code > 599 || code == NGX_HTTP_REQUEST_TIME_OUT
        || code == NGX_HTTP_CLOSE
        || (code >= NGX_HTTP_NGINX_CODES && code <= 499))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\", a code from 400 to 599 would be "
                           "right, but not 408, 444 and 494 to 499", value);
        return NGX_ERROR;
    }

    require->error = code;

    return NGX_OK;
}
