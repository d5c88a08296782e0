/*
 * Shared by the files of the module, and private to them.
 *
 * A request goes one way: access -> decide -> (token, keys) -> jot; then
 * identity.  Variables ask decide as well, so that all see one answer.
 */

#ifndef NGX_HTTP_AUTH_JWT_H
#define NGX_HTTP_AUTH_JWT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "jot.h"


/* Where a directive stands, for what only the whole configuration tells. */
typedef struct {
    ngx_str_t                  file;
    ngx_uint_t                 line;
} ngx_http_auth_jwt_where_t;

/* auth_jwt: realm and token= are inherited as one. */
typedef struct {
    ngx_flag_t                 on;
    ngx_http_complex_value_t   realm;
    ngx_int_t                  token;       /* variable's index, or -1 */
    ngx_http_auth_jwt_where_t  where;
} ngx_http_auth_jwt_enable_t;

typedef enum {
    NGX_HTTP_AUTH_JWT_HEADER,
    NGX_HTTP_AUTH_JWT_COOKIE,
    NGX_HTTP_AUTH_JWT_ARG
} ngx_http_auth_jwt_place_t;

typedef struct {
    ngx_http_auth_jwt_place_t  place;
    ngx_str_t                  name;
} ngx_http_auth_jwt_source_t;

typedef struct {
    ngx_array_t               *values;      /* ngx_http_complex_value_t */
    ngx_uint_t                 error;
    ngx_http_auth_jwt_where_t  where;
    unsigned                   asked:1;     /* auth_jwt is on somewhere */
} ngx_http_auth_jwt_require_t;

typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  letters;     /* see headers_letters() */
    ngx_array_t               *path;        /* jot_str_t; NULL: only strip */
    unsigned                   required:1;
} ngx_http_auth_jwt_identity_t;

typedef struct ngx_http_auth_jwt_cache_s  ngx_http_auth_jwt_cache_t;
typedef struct ngx_http_auth_jwt_entry_s  ngx_http_auth_jwt_entry_t;

typedef struct {
    ngx_array_t                files;       /* parsed once, in keys.c */
    ngx_array_t                requires;    /* ngx_array_t *, for check.c */
    ngx_uint_t                 builtin;     /* variables that nginx has */
    ngx_http_auth_jwt_cache_t *cache;       /* NULL: off */
    ngx_uint_t                 cache_number;
    size_t                     cache_size;
    ngx_array_t                headers;     /* letters of identity names */
    ngx_array_t                remembered;  /* indexes of their $http_NAME */
} ngx_http_auth_jwt_main_conf_t;

/* Nothing is written into it after the configuration was read. */
typedef struct {
    ngx_http_auth_jwt_enable_t *enable;
    ngx_array_t                *keys;       /* jot_trust_t */
    ngx_array_t                *sources;    /* ngx_http_auth_jwt_source_t */
    ngx_array_t                *require;    /* ngx_http_auth_jwt_require_t */
    ngx_array_t                *identity;   /* ngx_http_auth_jwt_identity_t */
    ngx_array_t                *issuers;    /* jot_str_t */
    ngx_array_t                *audiences;  /* jot_str_t */
    ngx_array_t                *typs;       /* jot_str_t */
    ngx_uint_t                  algs;
    ngx_uint_t                  exp;
    ngx_uint_t                  type;
    ngx_flag_t                  optional;
    time_t                      leeway;
} ngx_http_auth_jwt_loc_conf_t;

#define NGX_HTTP_AUTH_JWT_EXP_REQUIRED  0
#define NGX_HTTP_AUTH_JWT_EXP_OPTIONAL  1

/* One token judged under one location's rules. */
typedef struct ngx_http_auth_jwt_decision_s  ngx_http_auth_jwt_decision_t;

struct ngx_http_auth_jwt_decision_s {
    ngx_http_auth_jwt_decision_t   *next;
    ngx_http_auth_jwt_loc_conf_t   *conf;
    ngx_str_t                       text;
    ngx_int_t                       offered;    /* ngx_http_auth_jwt_token's */
    jot_token_t                     token;
    jot_status_t                    status;
    const char                     *detail;
    unsigned                        unmet:1;        /* see ..._refuse */
};

/* Of one request, subrequests have their own; outlives redirects. */
typedef struct {
    ngx_http_request_t             *request;
    ngx_http_auth_jwt_decision_t   *decisions;
    ngx_http_auth_jwt_decision_t   *last;
    ngx_array_t                    *set;        /* identity names, ngx_str_t */
    ngx_table_elt_t                *challenge;  /* ours, as sent so far */
    unsigned                        challenged:1;   /* since a redirect */
    unsigned                        deciding:1;
} ngx_http_auth_jwt_ctx_t;


extern ngx_module_t  ngx_http_auth_jwt_module;


/* access */
ngx_int_t ngx_http_auth_jwt_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_auth_jwt_passed_handler(ngx_http_request_t *r);
/* auth_jwt_require: NGX_OK; NGX_HTTP_FORBIDDEN and *code; NGX_ERROR */
ngx_int_t ngx_http_auth_jwt_required(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_uint_t *code);

/* decide: NULL when out of memory, or while a decision is being made */
ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_decide(ngx_http_request_t *r);
ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_last(ngx_http_request_t *r);
/* The word for $jwt_status: auth_jwt_require and identities are counted in. */
jot_status_t ngx_http_auth_jwt_status(ngx_http_auth_jwt_decision_t *decision);
ngx_http_auth_jwt_ctx_t *ngx_http_auth_jwt_ctx(ngx_http_request_t *r);
ngx_http_auth_jwt_ctx_t *ngx_http_auth_jwt_ctx_find(ngx_http_request_t *r);

/*
 * token: NGX_OK, NGX_DECLINED if none was offered, NGX_ABORT for two different
 * ones, NGX_DONE for one that is no b64token, NGX_ERROR.
 */
ngx_int_t ngx_http_auth_jwt_token(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_str_t *token);
char *ngx_http_auth_jwt_token_from(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * cache: what _find returns is the caller's until _release; it may leave the
 * cache before.  "keys" is what _keys made of those that are to be asked, in
 * this order, and of the algorithms allowed.  _add is for a token that passed.
 */
char *ngx_http_auth_jwt_token_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_auth_jwt_cache_init(ngx_conf_t *cf,
    ngx_http_auth_jwt_main_conf_t *jmcf);
uint64_t ngx_http_auth_jwt_cache_keys(const void *list,
    const jot_trust_t *trusts, ngx_uint_t n, unsigned algs);
ngx_http_auth_jwt_entry_t *ngx_http_auth_jwt_cache_find(
    ngx_http_auth_jwt_cache_t *cache, ngx_str_t *text, uint64_t keys);
void ngx_http_auth_jwt_cache_add(ngx_http_auth_jwt_cache_t *cache,
    ngx_str_t *text, uint64_t keys, const jot_token_t *token);
void ngx_http_auth_jwt_cache_release(ngx_http_auth_jwt_entry_t *entry);

/* keys */
char *ngx_http_auth_jwt_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * headers: letters are what names are compared by, in lower case; strip and own
 * give the request a list of its own; forget drops what $http_NAME remembers,
 * of any name that carries an identity somewhere.
 */
ngx_int_t ngx_http_auth_jwt_headers_letters(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *letters);
ngx_int_t ngx_http_auth_jwt_headers_strip(ngx_http_request_t *r,
    ngx_str_t *letters);
ngx_int_t ngx_http_auth_jwt_headers_own(ngx_http_request_t *r);
void ngx_http_auth_jwt_headers_forget(ngx_http_request_t *r);
ngx_int_t ngx_http_auth_jwt_headers_init(ngx_cycle_t *cycle);

/* identity_conf */
char *ngx_http_auth_jwt_identity_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* identity */
ngx_int_t ngx_http_auth_jwt_identity_strip_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_auth_jwt_identity_offer_handler(ngx_http_request_t *r);
/* NGX_OK; NGX_HTTP_FORBIDDEN and *detail; NGX_ERROR */
ngx_int_t ngx_http_auth_jwt_identity_set(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision, const char **detail);

/* check */
void ngx_http_auth_jwt_where(ngx_conf_t *cf, ngx_http_auth_jwt_where_t *where);
/* NGX_ERROR: a merged level cannot work; it has been said why. */
ngx_int_t ngx_http_auth_jwt_check_conf(ngx_conf_t *cf,
    ngx_http_auth_jwt_loc_conf_t *conf);
ngx_int_t ngx_http_auth_jwt_check(ngx_conf_t *cf);

/* variables */
ngx_int_t ngx_http_auth_jwt_add_variables(ngx_conf_t *cf);
char *ngx_http_auth_jwt_claim_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_auth_jwt_header_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#endif
