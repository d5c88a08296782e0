/*
 * Where the token is: auth_jwt_token_from's places, or token='s variable.  Two
 * different tokens are an attack or a mistake; nobody guesses which was meant.
 */

#include "ngx_http_auth_jwt.h"


typedef struct {
    ngx_http_request_t  *request;
    ngx_str_t            token;
    unsigned             found:1;
    unsigned             conflict:1;
    unsigned             malformed:1;
} ngx_http_auth_jwt_search_t;


static ngx_int_t ngx_http_auth_jwt_source_header(ngx_conf_t *cf,
    ngx_http_auth_jwt_source_t *source);
static void ngx_http_auth_jwt_search(ngx_http_auth_jwt_search_t *search,
    ngx_http_auth_jwt_source_t *source);
static ngx_flag_t ngx_http_auth_jwt_called(ngx_str_t *key,
    ngx_http_auth_jwt_source_t *source);
static void ngx_http_auth_jwt_search_args(ngx_http_auth_jwt_search_t *search,
    ngx_str_t *name);
static void ngx_http_auth_jwt_search_cookies(
    ngx_http_auth_jwt_search_t *search, ngx_str_t *name, ngx_str_t *line);
static void ngx_http_auth_jwt_search_bearer(
    ngx_http_auth_jwt_search_t *search, ngx_str_t *line, ngx_flag_t bare);
static ngx_flag_t ngx_http_auth_jwt_scheme(ngx_str_t *text);
static void ngx_http_auth_jwt_found(ngx_http_auth_jwt_search_t *search,
    ngx_str_t *token);
static void ngx_http_auth_jwt_trim(ngx_str_t *text);
static ngx_flag_t ngx_http_auth_jwt_starts(ngx_str_t *text, char *lowcase,
    size_t len);


static ngx_http_auth_jwt_source_t  ngx_http_auth_jwt_default_source = {
    NGX_HTTP_AUTH_JWT_HEADER, ngx_string("authorization"),
    ngx_string("Authorization"), 0
};

static ngx_http_auth_jwt_source_t  ngx_http_auth_jwt_cookies = {
    NGX_HTTP_AUTH_JWT_HEADER, ngx_string("cookie"), ngx_string("Cookie"), 0
};


ngx_int_t
ngx_http_auth_jwt_token(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_str_t *token)
{
    ngx_str_t                    line;
    ngx_uint_t                   i;
    ngx_http_variable_value_t   *vv;
    ngx_http_auth_jwt_search_t   search;
    ngx_http_auth_jwt_source_t  *source;

    ngx_memzero(&search, sizeof(ngx_http_auth_jwt_search_t));
    search.request = r;

    /* Never NULL: it is compared and copied, though empty. */
    ngx_str_set(&search.token, "");

    if (conf->enable->token != -1) {
        vv = ngx_http_get_flushed_variable(r, conf->enable->token);

        if (vv == NULL) {
            return NGX_ERROR;
        }

        if (!vv->not_found) {
            line.data = vv->data;
            line.len = vv->len;
            ngx_http_auth_jwt_search_bearer(&search, &line, 1);
        }

    } else if (conf->sources) {
        source = conf->sources->elts;

        for (i = 0; i < conf->sources->nelts; i++) {
            ngx_http_auth_jwt_search(&search, &source[i]);
        }

    } else {
        ngx_http_auth_jwt_search(&search, &ngx_http_auth_jwt_default_source);
    }

    *token = search.token;

    if (search.conflict) {
        return NGX_ABORT;
    }

    if (search.malformed) {
        return NGX_DONE;
    }

    return search.found ? NGX_OK : NGX_DECLINED;
}


char *
ngx_http_auth_jwt_token_from(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i, k;
    ngx_http_auth_jwt_source_t  *source;

    static const struct {
        ngx_str_t                  prefix;
        ngx_http_auth_jwt_place_t  place;
    } places[] = {
        { ngx_string("header="), NGX_HTTP_AUTH_JWT_HEADER },
        { ngx_string("cookie="), NGX_HTTP_AUTH_JWT_COOKIE },
        { ngx_string("arg="),    NGX_HTTP_AUTH_JWT_ARG }
    };

    if (jlcf->sources != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    jlcf->sources = ngx_array_create(cf->pool, cf->args->nelts,
                                     sizeof(ngx_http_auth_jwt_source_t));
    if (jlcf->sources == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        source = ngx_array_push(jlcf->sources);
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        *source = ngx_http_auth_jwt_default_source;

        if (ngx_strcmp(value[i].data, "header") == 0) {
            continue;
        }

        for (k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
            if (value[i].len > places[k].prefix.len
                && ngx_strncmp(value[i].data, places[k].prefix.data,
                               places[k].prefix.len) == 0)
            {
                source->place = places[k].place;
                source->name.data = value[i].data + places[k].prefix.len;
                source->name.len = value[i].len - places[k].prefix.len;

                if (source->place == NGX_HTTP_AUTH_JWT_HEADER
                    && ngx_http_auth_jwt_source_header(cf, source) != NGX_OK)
                {
                    return NGX_CONF_ERROR;
                }

                break;
            }
        }

        if (k == sizeof(places) / sizeof(places[0])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", \"header\", "
                               "\"header=Name\", \"cookie=NAME\" or "
                               "\"arg=NAME\" would be right", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_auth_jwt_source_header(ngx_conf_t *cf,
    ngx_http_auth_jwt_source_t *source)
{
    ngx_str_t  *name, *usual;

    name = &source->name;
    usual = &ngx_http_auth_jwt_default_source.name;

    source->written = *name;
    name->data = ngx_pnalloc(cf->pool, name->len);

    if (name->data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(name->data, source->written.data, name->len);

    source->bare = name->len != usual->len
                   || ngx_strncmp(name->data, usual->data, name->len) != 0;

    return NGX_OK;
}


static void
ngx_http_auth_jwt_search(ngx_http_auth_jwt_search_t *search,
    ngx_http_auth_jwt_source_t *source)
{
    ngx_uint_t                   i;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *header;
    ngx_http_auth_jwt_source_t  *line;

    if (source->place == NGX_HTTP_AUTH_JWT_ARG) {
        ngx_http_auth_jwt_search_args(search, &source->name);
        return;
    }

    line = source->place == NGX_HTTP_AUTH_JWT_COOKIE
           ? &ngx_http_auth_jwt_cookies : source;

    part = &search->request->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (!ngx_http_auth_jwt_called(&header[i].key, line)) {
            continue;
        }

        if (source->place == NGX_HTTP_AUTH_JWT_COOKIE) {
            ngx_http_auth_jwt_search_cookies(search, &source->name,
                                             &header[i].value);
        } else {
            ngx_http_auth_jwt_search_bearer(search, &header[i].value,
                                            source->bare);
        }
    }
}


/* As most write it, as HTTP/2 does, or in any other case. */

static ngx_flag_t
ngx_http_auth_jwt_called(ngx_str_t *key, ngx_http_auth_jwt_source_t *source)
{
    size_t  len;

    len = source->name.len;

    return key->len == len
           && (ngx_memcmp(key->data, source->written.data, len) == 0
               || ngx_memcmp(key->data, source->name.data, len) == 0
               || ngx_http_auth_jwt_starts(key, (char *) source->name.data,
                                           len));
}


static void
ngx_http_auth_jwt_search_args(ngx_http_auth_jwt_search_t *search,
    ngx_str_t *name)
{
    u_char     *p, *last, *end;
    ngx_str_t   value;

    p = search->request->args.data;
    end = p + search->request->args.len;

    for ( /* void */ ; p < end; p = last + 1) {
        last = ngx_strlchr(p, end, '&');
        if (last == NULL) {
            last = end;
        }

        if ((size_t) (last - p) > name->len
            && p[name->len] == '='
            && ngx_strncmp(p, name->data, name->len) == 0)
        {
            value.data = p + name->len + 1;
            value.len = last - value.data;
            ngx_http_auth_jwt_found(search, &value);
        }
    }
}


/* RFC 6265, 4.2.1; names are compared exactly, case too. */

static void
ngx_http_auth_jwt_search_cookies(ngx_http_auth_jwt_search_t *search,
    ngx_str_t *name, ngx_str_t *line)
{
    u_char     *p, *last, *end;
    ngx_str_t   pair;

    p = line->data;
    end = p + line->len;

    for ( /* void */ ; p < end; p = last + 1) {
        last = ngx_strlchr(p, end, ';');
        if (last == NULL) {
            last = end;
        }

        pair.data = p;
        pair.len = last - p;
        ngx_http_auth_jwt_trim(&pair);

        if (pair.len > name->len
            && pair.data[name->len] == '='
            && ngx_strncmp(pair.data, name->data, name->len) == 0)
        {
            pair.data += name->len + 1;
            pair.len -= name->len + 1;
            ngx_http_auth_jwt_found(search, &pair);
        }
    }
}


/*
 * RFC 6750, 2.1: another scheme is no token of ours.  A header of another name,
 * or a variable, may do without the scheme.
 */

static void
ngx_http_auth_jwt_search_bearer(ngx_http_auth_jwt_search_t *search,
    ngx_str_t *line, ngx_flag_t bare)
{
    ngx_str_t  value;

    value = *line;

    if (ngx_http_auth_jwt_scheme(&value)) {
        value.data += sizeof("Bearer") - 1;
        value.len -= sizeof("Bearer") - 1;
        ngx_http_auth_jwt_trim(&value);

        if (value.len == 0) {
            search->malformed = 1;
        }

    } else if (!bare) {
        if (ngx_http_auth_jwt_starts(&value, "bearer", sizeof("bearer") - 1)
            && (value.len == sizeof("Bearer") - 1
                || value.data[sizeof("Bearer") - 1] == '\t'))
        {
            search->malformed = 1;
        }

        return;
    }

    ngx_http_auth_jwt_found(search, &value);
}


/* First as nearly everybody writes it. */

static ngx_flag_t
ngx_http_auth_jwt_scheme(ngx_str_t *text)
{
    return (text->len >= sizeof("Bearer ") - 1
            && ngx_memcmp(text->data, "Bearer ", sizeof("Bearer ") - 1) == 0)
           || ngx_http_auth_jwt_starts(text, "bearer ",
                                       sizeof("bearer ") - 1);
}


static void
ngx_http_auth_jwt_found(ngx_http_auth_jwt_search_t *search, ngx_str_t *token)
{
    if (token->len == 0) {
        return;
    }

    if (search->found
        && (search->token.len != token->len
            || ngx_memcmp(search->token.data, token->data, token->len) != 0))
    {
        search->conflict = 1;
    }

    search->found = 1;
    search->token = *token;
}


static void
ngx_http_auth_jwt_trim(ngx_str_t *text)
{
    while (text->len && text->data[0] == ' ') {
        text->data++;
        text->len--;
    }

    while (text->len && text->data[text->len - 1] == ' ') {
        text->len--;
    }
}


/* ngx_strncasecmp() lowers both, and looks for a NUL. */

static ngx_flag_t
ngx_http_auth_jwt_starts(ngx_str_t *text, char *lowcase, size_t len)
{
    size_t  i;

    if (text->len < len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (ngx_tolower(text->data[i]) != (u_char) lowcase[i]) {
            return 0;
        }
    }

    return 1;
}


ngx_flag_t
ngx_http_auth_jwt_b64token(ngx_str_t *text)
{
    u_char   all, *p, *last;

    static const u_char  fits[256] = {
        ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1, ['0' ... '9'] = 1,
        ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1, ['+'] = 1, ['/'] = 1,
        ['='] = 1
    };

    all = 1;
    last = text->data + text->len;

    for (p = text->data; last - p >= 4; p += 4) {
        all &= fits[p[0]] & fits[p[1]] & fits[p[2]] & fits[p[3]];
    }

    while (p < last) {
        all &= fits[*p++];
    }

    return all;
}
