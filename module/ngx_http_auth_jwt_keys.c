/*
 * The key sets of a location: JWK Set files, parsed once when the
 * configuration is read.  A file that several places name is read once.
 */

#include "ngx_http_auth_jwt.h"


#define NGX_HTTP_AUTH_JWT_FILE_SIZE  (256 * 1024)

typedef struct {
    ngx_str_t           path;
    const jot_keys_t   *keys;
} ngx_http_auth_jwt_file_t;

typedef struct {
    ngx_conf_t         *cf;
    ngx_str_t          *path;
} ngx_http_auth_jwt_warning_t;


static const jot_keys_t *ngx_http_auth_jwt_file(ngx_conf_t *cf,
    ngx_str_t *path);
static const jot_keys_t *ngx_http_auth_jwt_file_parse(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_http_auth_jwt_file_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text);
static void ngx_http_auth_jwt_file_warn(void *data, const char *text);
static void ngx_http_auth_jwt_file_cleanup(void *data);


char *
ngx_http_auth_jwt_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t          *value, path;
    jot_trust_t        *slot;
    const jot_keys_t   *keys;

    value = cf->args->elts;

    if (cf->args->nelts == 3 && ngx_strcmp(value[2].data, "jwks") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"jwks\" would be right",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_script_variables_count(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name \"%V\" must not have variables",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    path = value[1];

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    keys = ngx_http_auth_jwt_file(cf, &path);
    if (keys == NULL) {
        return NGX_CONF_ERROR;
    }

    if (jlcf->keys == NGX_CONF_UNSET_PTR) {
        jlcf->keys = ngx_array_create(cf->pool, 2, sizeof(jot_trust_t));
        if (jlcf->keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(jlcf->keys);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(slot, sizeof(jot_trust_t));
    slot->keys = keys;

    return NGX_CONF_OK;
}


static const jot_keys_t *
ngx_http_auth_jwt_file(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_uint_t                      i;
    ngx_http_auth_jwt_file_t       *file;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_auth_jwt_module);

    if (jmcf->files.elts == NULL
        && ngx_array_init(&jmcf->files, cf->pool, 4,
                          sizeof(ngx_http_auth_jwt_file_t)) != NGX_OK)
    {
        return NULL;
    }

    file = jmcf->files.elts;

    for (i = 0; i < jmcf->files.nelts; i++) {
        if (file[i].path.len == path->len
            && ngx_strncmp(file[i].path.data, path->data, path->len) == 0)
        {
            return file[i].keys;
        }
    }

    file = ngx_array_push(&jmcf->files);
    if (file == NULL) {
        return NULL;
    }

    file->path = *path;
    file->keys = ngx_http_auth_jwt_file_parse(cf, path);

    return file->keys;
}


static const jot_keys_t *
ngx_http_auth_jwt_file_parse(ngx_conf_t *cf, ngx_str_t *path)
{
    char                          reason[JOT_REASON_SIZE];
    ngx_str_t                     text;
    jot_keys_t                   *keys;
    ngx_pool_cleanup_t           *cln;
    ngx_http_auth_jwt_warning_t   warning;

    if (ngx_http_auth_jwt_file_read(cf, path, &text) != NGX_OK) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    warning.cf = cf;
    warning.path = path;

    keys = jot_keys_parse((char *) text.data, text.len, 0,
                          ngx_http_auth_jwt_file_warn, &warning, reason);

    /* It may hold secrets. */
    ngx_explicit_memzero(text.data, text.len);

    if (keys == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "key file \"%V\": %s", path,
                           reason);
        return NULL;
    }

    cln->handler = ngx_http_auth_jwt_file_cleanup;
    cln->data = keys;

    return keys;
}


static ngx_int_t
ngx_http_auth_jwt_file_read(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text)
{
    size_t           size;
    ssize_t          n;
    ngx_int_t        rc;
    ngx_file_t       file;
    ngx_file_info_t  info;

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = *path;
    file.log = cf->log;
    rc = NGX_ERROR;

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "key file \"%V\" cannot be opened", path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(file.fd, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "key file \"%V\" cannot be looked at", path);
        goto done;
    }

    if (!ngx_is_file(&info)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is no regular file", path);
        goto done;
    }

    size = ngx_file_size(&info);

    if (size > NGX_HTTP_AUTH_JWT_FILE_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" has %uz bytes, at most %d would "
                           "be right", path, size,
                           NGX_HTTP_AUTH_JWT_FILE_SIZE);
        goto done;
    }

    text->data = ngx_pnalloc(cf->pool, size ? size : 1);
    if (text->data == NULL) {
        goto done;
    }

    n = ngx_read_file(&file, text->data, size, 0);

    if (n == NGX_ERROR || (size_t) n != size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" cannot be read to its end", path);
        goto done;
    }

    text->len = size;
    rc = NGX_OK;

done:

    (void) ngx_close_file(file.fd);
    return rc;
}


static void
ngx_http_auth_jwt_file_warn(void *data, const char *text)
{
    ngx_http_auth_jwt_warning_t  *warning = data;

    ngx_conf_log_error(NGX_LOG_WARN, warning->cf, 0, "key file \"%V\": %s",
                       warning->path, text);
}


static void
ngx_http_auth_jwt_file_cleanup(void *data)
{
    jot_keys_free(data);
}
