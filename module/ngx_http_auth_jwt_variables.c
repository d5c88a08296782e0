/*
 * $jwt_claim_NAME and friends.  nginx must not cache them: after a redirect
 * the same name is another location's answer.  decide keeps the result, so
 * that asking twice costs a lookup.
 */

#include "ngx_http_auth_jwt.h"


static ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_seen(
    ngx_http_request_t *r);
static char *ngx_http_auth_jwt_set(ngx_conf_t *cf,
    ngx_http_get_variable_pt handler);
static ngx_int_t ngx_http_auth_jwt_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_auth_jwt_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_auth_jwt_claim_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_auth_jwt_header_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static jot_str_t ngx_http_auth_jwt_suffix(uintptr_t data, size_t len);
static ngx_int_t ngx_http_auth_jwt_claim_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const jot_str_t *path, size_t n);
static ngx_int_t ngx_http_auth_jwt_header_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const jot_str_t *path, size_t n);
static ngx_int_t ngx_http_auth_jwt_json(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const jot_json_t *json,
    const jot_str_t *path, size_t n);
static ngx_int_t ngx_http_auth_jwt_one_line(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const char *text, size_t len);
static ngx_int_t ngx_http_auth_jwt_payload_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_auth_jwt_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_auth_jwt_kid_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_auth_jwt_expires_in_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_auth_jwt_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const char *text, size_t len);


static ngx_http_variable_t  ngx_http_auth_jwt_vars[] = {

    { ngx_string("jwt_claim_"), NULL, ngx_http_auth_jwt_claim_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("jwt_header_"), NULL, ngx_http_auth_jwt_header_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("jwt_payload"), NULL, ngx_http_auth_jwt_payload_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jwt_status"), NULL, ngx_http_auth_jwt_status_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jwt_kid"), NULL, ngx_http_auth_jwt_kid_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jwt_expires_in"), NULL,
      ngx_http_auth_jwt_expires_in_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_auth_jwt_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t            *var, *v;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    for (v = ngx_http_auth_jwt_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    /* What comes after them is made by directives. */

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);
    jmcf->builtin = cmcf->variables_keys->keys.nelts;

    return NGX_OK;
}


/*
 * Where the location judges tokens, its judgement; elsewhere (an error page,
 * the log) the last one of this request.
 */

static ngx_http_auth_jwt_decision_t *
ngx_http_auth_jwt_seen(ngx_http_request_t *r)
{
    ngx_http_auth_jwt_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_auth_jwt_module);

    if (conf->enable == NULL
        || (!conf->enable->on && conf->enable->token == -1))
    {
        return ngx_http_auth_jwt_last(r);
    }

    return ngx_http_auth_jwt_decide(r);
}


/* auth_jwt_claim_set, auth_jwt_header_set: a variable for a path of names. */

char *
ngx_http_auth_jwt_claim_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_auth_jwt_set(cf, ngx_http_auth_jwt_claim_path_variable);
}


char *
ngx_http_auth_jwt_header_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_auth_jwt_set(cf, ngx_http_auth_jwt_header_path_variable);
}


static char *
ngx_http_auth_jwt_set(ngx_conf_t *cf, ngx_http_get_variable_pt handler)
{
    jot_str_t            *name;
    ngx_str_t            *value, variable;
    ngx_uint_t            i;
    ngx_array_t          *path;
    ngx_http_variable_t  *var;

    value = cf->args->elts;
    variable = value[1];

    if (variable.len < 2 || variable.data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", a \"$variable\" would "
                           "be right", &value[1]);
        return NGX_CONF_ERROR;
    }

    variable.data++;
    variable.len--;

    path = ngx_array_create(cf->pool, cf->args->nelts - 2, sizeof(jot_str_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        name = ngx_array_push(path);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        name->data = (char *) value[i].data;
        name->len = value[i].len;
    }

    var = ngx_http_add_variable(cf, &variable, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    if (var->get_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the duplicate \"%V\" variable", &value[1]);
        return NGX_CONF_ERROR;
    }

    var->get_handler = handler;
    var->data = (uintptr_t) path;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_auth_jwt_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    jot_str_t  name;

    name = ngx_http_auth_jwt_suffix(data, sizeof("jwt_claim_") - 1);

    return ngx_http_auth_jwt_claim_value(r, v, &name, 1);
}


static ngx_int_t
ngx_http_auth_jwt_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    jot_str_t  name;

    name = ngx_http_auth_jwt_suffix(data, sizeof("jwt_header_") - 1);

    return ngx_http_auth_jwt_header_value(r, v, &name, 1);
}


static ngx_int_t
ngx_http_auth_jwt_claim_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_array_t  *path = (ngx_array_t *) data;

    return ngx_http_auth_jwt_claim_value(r, v, path->elts, path->nelts);
}


static ngx_int_t
ngx_http_auth_jwt_header_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_array_t  *path = (ngx_array_t *) data;

    return ngx_http_auth_jwt_header_value(r, v, path->elts, path->nelts);
}


static jot_str_t
ngx_http_auth_jwt_suffix(uintptr_t data, size_t len)
{
    ngx_str_t  *full = (ngx_str_t *) data;

    return (jot_str_t) { (char *) full->data + len, full->len - len };
}


/* A token that was refused has no claims, though its signature holds. */

static ngx_int_t
ngx_http_auth_jwt_claim_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const jot_str_t *path, size_t n)
{
    const jot_token_t             *token;
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ngx_http_auth_jwt_seen(r);

    if (decision == NULL || decision->status != JOT_OK) {
        return ngx_http_auth_jwt_text(r, v, NULL, 0);
    }

    token = ngx_http_auth_jwt_token_of(r, decision);

    return ngx_http_auth_jwt_json(r, v, token->payload, path, n);
}


static ngx_int_t
ngx_http_auth_jwt_header_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const jot_str_t *path, size_t n)
{
    const jot_token_t             *token;
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ngx_http_auth_jwt_seen(r);

    if (decision == NULL || decision->status != JOT_OK) {
        return ngx_http_auth_jwt_text(r, v, NULL, 0);
    }

    token = ngx_http_auth_jwt_token_of(r, decision);

    return ngx_http_auth_jwt_json(r, v, token->header, path, n);
}


static ngx_int_t
ngx_http_auth_jwt_json(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const jot_json_t *json, const jot_str_t *path, size_t n)
{
    char         *text;
    size_t        len;
    ngx_int_t     rc;
    jot_value_t   value;

    if (json == NULL || !jot_json_find(json, path, n, &value)) {
        return ngx_http_auth_jwt_text(r, v, NULL, 0);
    }

    if (jot_value_text(&value, &text, &len) != JOT_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_auth_jwt_one_line(r, v, text, len);
    free(text);

    return rc;
}


/*
 * Values go into headers, where nginx sends a line's end as it is: a user who
 * chooses a name may not choose a header with it.
 */

static ngx_int_t
ngx_http_auth_jwt_one_line(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const char *text, size_t len)
{
    u_char   c, *p;
    size_t   i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        c = (u_char) text[i];
        n += c < 0x20 || c == 0x7f;
    }

    if (n == 0) {
        return ngx_http_auth_jwt_text(r, v, text, len);
    }

    p = ngx_pnalloc(r->pool, len + n * 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->len = len + n * 2;
    v->data = p;

    for (i = 0; i < len; i++) {
        c = (u_char) text[i];

        if (c < 0x20 || c == 0x7f) {
            p = ngx_sprintf(p, "%%%02Xi", (ngx_uint_t) c);

        } else {
            *p++ = c;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_auth_jwt_payload_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                         i;
    jot_str_t                      text;
    const jot_token_t             *token;
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ngx_http_auth_jwt_seen(r);

    if (decision == NULL || decision->status != JOT_OK) {
        return ngx_http_auth_jwt_text(r, v, NULL, 0);
    }

    token = ngx_http_auth_jwt_token_of(r, decision);

    if (token->payload == NULL) {
        return NGX_ERROR;
    }

    text = jot_json_text(token->payload);

    if (ngx_http_auth_jwt_text(r, v, text.data, text.len) != NGX_OK) {
        return NGX_ERROR;
    }

    /* In JSON they stand between values only: space will do as well. */

    for (i = 0; i < v->len; i++) {
        if (v->data[i] < 0x20) {
            v->data[i] = ' ';
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_auth_jwt_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char                    *word;
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ngx_http_auth_jwt_seen(r);

    if (decision == NULL) {
        return ngx_http_auth_jwt_text(r, v, NULL, 0);
    }

    word = jot_status_text(ngx_http_auth_jwt_status(decision));

    return ngx_http_auth_jwt_text(r, v, word, ngx_strlen(word));
}


static ngx_int_t
ngx_http_auth_jwt_kid_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    jot_str_t                      kid;
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ngx_http_auth_jwt_seen(r);

    if (decision == NULL || decision->status != JOT_OK) {
        return ngx_http_auth_jwt_text(r, v, NULL, 0);
    }

    kid = ngx_http_auth_jwt_token_of(r, decision)->kid;

    return ngx_http_auth_jwt_one_line(r, v, kid.data, kid.len);
}


static ngx_int_t
ngx_http_auth_jwt_expires_in_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                         buf[NGX_INT64_LEN];
    int64_t                        exp;
    ngx_http_auth_jwt_decision_t  *decision;

    decision = ngx_http_auth_jwt_seen(r);

    if (decision == NULL || decision->status != JOT_OK
        || decision->token.exp == JOT_NO_TIME)
    {
        return ngx_http_auth_jwt_text(r, v, NULL, 0);
    }

    exp = decision->token.exp;

    return ngx_http_auth_jwt_text(r, v, (char *) buf,
                                  ngx_sprintf(buf, "%L", exp - ngx_time())
                                  - buf);
}


static ngx_int_t
ngx_http_auth_jwt_text(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const char *text, size_t len)
{
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = len == 0;
    v->len = len;
    v->data = (u_char *) "";

    if (len) {
        v->data = ngx_pnalloc(r->pool, len);
        if (v->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(v->data, text, len);
    }

    return NGX_OK;
}
