/*
 * Shared by the files of the module, and private to them.
 *
 * A request goes one way: access -> decide -> (token, keys) -> jot; then
 * identity.  Variables ask decide as well, so that all see one answer.  Keys
 * come from documents, and those from a file or from fetch.
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
    ngx_str_t                  name;        /* of a header, in lower case */
    ngx_str_t                  written;     /* ... and as it is written */
    unsigned                   bare:1;      /* "Bearer" may be left out */
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
    u_char                    *lowcase;     /* name, and nginx's hash of it */
    ngx_uint_t                 hash;
    ngx_array_t               *path;        /* jot_str_t; NULL: only strip */
    unsigned                   required:1;
} ngx_http_auth_jwt_identity_t;

typedef struct ngx_http_auth_jwt_cache_s  ngx_http_auth_jwt_cache_t;
typedef struct ngx_http_auth_jwt_entry_s  ngx_http_auth_jwt_entry_t;
typedef struct ngx_http_auth_jwt_documents_s  ngx_http_auth_jwt_documents_t;
typedef struct ngx_http_auth_jwt_fetch_s  ngx_http_auth_jwt_fetch_t;

/* auth_jwt_key_cache */
typedef struct {
    ngx_msec_t                 time;
    ngx_msec_t                 stale;
    ngx_msec_t                 min_refresh;
} ngx_http_auth_jwt_terms_t;

/*
 * What a document is read as.  parse gives what it holds, or NULL and one line
 * in reason (JOT_REASON_SIZE); count says how much that is, for the log.
 */
typedef struct {
    const char  *what;                      /* "key file", in messages */
    const char  *unit;                      /* "keys" */
    void      *(*parse)(ngx_str_t *text, ngx_uint_t how, jot_warn_pt warn,
                    void *data, char *reason);
    size_t     (*count)(const void *content);
    void       (*free)(void *content);
} ngx_http_auth_jwt_reader_t;

/* Another file than before, or another version of it, has another one. */
typedef struct {
    dev_t                      dev;
    ino_t                      ino;
    off_t                      size;
    struct timespec            mtime;
    struct timespec            ctime;
} ngx_http_auth_jwt_file_id_t;

/*
 * A file, or what a subrequest brings: parsed once, kept for a time, looked at
 * again, and used on when that fails.  A worker has its own; times are those
 * of ngx_current_msec.
 */
typedef struct {
    /* What each request reads comes first. */
    void                              *content;     /* NULL: never any */
    void                              *server;      /* NULL: it is a file */
    ngx_msec_t                         good;        /* when it was so there */
    ngx_msec_t                         looked;      /* when it was asked for */
    unsigned                           seen:1;      /* asked for at all */
    unsigned                           failed:1;    /* the last time */
    unsigned                           broken:1;    /* what id stands for */
    unsigned                           young:1;     /* ... may yet change */

    ngx_queue_t                        queue;
    const ngx_http_auth_jwt_reader_t  *reader;
    ngx_uint_t                         how;         /* the reader's */
    ngx_str_t                          name;        /* NUL follows */
    u_char                             digest[32];  /* of content's text */

    ngx_http_auth_jwt_file_id_t        id;          /* of what was read last */
    uint32_t                           complaint;   /* which, and when */
    ngx_msec_t                         complained;

    ngx_http_auth_jwt_fetch_t         *fetch;       /* under way */
    ngx_queue_t                        waiters;
    ngx_uint_t                         orphaned;    /* in a row */
} ngx_http_auth_jwt_document_t;

/* A request that waits for a document. */
typedef struct {
    ngx_queue_t                        queue;
    ngx_event_t                        event;
    ngx_uint_t                         source;      /* its number in keys */
    unsigned                           waiting:1;
    unsigned                           answered:1;  /* or the fetch was lost */
} ngx_http_auth_jwt_waiter_t;

typedef struct {
    ngx_http_auth_jwt_documents_t *documents;
    ngx_array_t                requires;    /* ngx_array_t *, for check.c */
    ngx_uint_t                 builtin;     /* variables that nginx has */
    ngx_http_auth_jwt_cache_t *cache;       /* NULL: off */
    jot_headers_t             *token_headers;
    ngx_uint_t                 cache_number;
    size_t                     cache_size;
    ngx_array_t                headers;     /* letters of identity names */
    ngx_array_t                remembered;  /* indexes of their $http_NAME */
} ngx_http_auth_jwt_main_conf_t;

/*
 * What a location's keys are called in the token cache: so long since then, in
 * ngx_current_msec, if no document gets other content.
 */
typedef struct {
    uint64_t                   keys;
    ngx_msec_t                 since;
    ngx_msec_t                 rest;        /* 0: not known */
    ngx_uint_t                 swaps;       /* of documents, until then */
} ngx_http_auth_jwt_known_t;

/* After the configuration was read, nothing but "known" is written. */
typedef struct {
    ngx_http_auth_jwt_enable_t *enable;
    ngx_array_t                *keys;       /* keys.c's */
    ngx_http_auth_jwt_terms_t  *terms;
    ngx_http_auth_jwt_known_t   known;
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
    jot_policy_t                policy;     /* made of these, for jot */
} ngx_http_auth_jwt_loc_conf_t;

#define NGX_HTTP_AUTH_JWT_EXP_REQUIRED  0
#define NGX_HTTP_AUTH_JWT_EXP_OPTIONAL  1

/* One token judged under one location's rules. */
typedef struct ngx_http_auth_jwt_decision_s  ngx_http_auth_jwt_decision_t;

struct ngx_http_auth_jwt_decision_s {
    ngx_http_auth_jwt_decision_t   *next;
    ngx_http_auth_jwt_loc_conf_t   *conf;
    ngx_str_t                       text;       /* the pool's, or entry's */
    ngx_int_t                       offered;    /* ngx_http_auth_jwt_token's */
    jot_token_t                     token;      /* see ..._token_of() */
    ngx_http_auth_jwt_entry_t      *entry;      /* of the cache, or NULL */
    jot_status_t                    status;
    const char                     *detail;
    unsigned                        unmet:1;        /* see ..._refuse */
    unsigned                        pending:1;      /* keys are not at hand */
    unsigned                        flat:1;         /* token is not read */
    unsigned                        set:1;          /* identity headers are */
};

/* Of one request, subrequests have their own; outlives redirects. */
typedef struct {
    ngx_http_request_t             *request;
    ngx_http_auth_jwt_decision_t    first;      /* most have no other */
    ngx_http_auth_jwt_decision_t   *decisions;
    ngx_http_auth_jwt_decision_t   *last;
    ngx_table_elt_t                *challenge;  /* ours, as sent so far */
    ngx_http_auth_jwt_loc_conf_t   *asked_conf; /* of asked */
    uint32_t                        asked;      /* sources waited for: a mask */
    ngx_http_auth_jwt_waiter_t     *waiter;     /* NULL until it waits */
    unsigned                        challenged:1;   /* since a redirect */
    unsigned                        deciding:1;
} ngx_http_auth_jwt_ctx_t;


extern ngx_module_t  ngx_http_auth_jwt_module;


/* module; _compile: a directive's value with its variables */
ngx_int_t ngx_http_auth_jwt_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t *compiled);

/* access */
ngx_int_t ngx_http_auth_jwt_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_auth_jwt_passed_handler(ngx_http_request_t *r);

/* require; _required: NGX_OK; NGX_HTTP_FORBIDDEN and *code; NGX_ERROR */
char *ngx_http_auth_jwt_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_auth_jwt_required(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_uint_t *code);

/*
 * decide: NULL when out of memory, or while a decision is being made.  Where
 * keys have to be fetched, the decision is pending; _await fetches them, and
 * when it is still pending then, the access handler will be called again.
 */
ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_decide(ngx_http_request_t *r);
ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_await(ngx_http_request_t *r);
ngx_http_auth_jwt_decision_t *ngx_http_auth_jwt_last(ngx_http_request_t *r);
/*
 * The token with what it says.  One that is remembered is not read again until
 * somebody asks for more than the cache has; its payload is NULL without
 * memory.
 */
const jot_token_t *ngx_http_auth_jwt_token_of(ngx_http_request_t *r,
    ngx_http_auth_jwt_decision_t *decision);
/* The word for $jwt_status: auth_jwt_require and identities are counted in. */
jot_status_t ngx_http_auth_jwt_status(ngx_http_auth_jwt_decision_t *decision);
ngx_http_auth_jwt_ctx_t *ngx_http_auth_jwt_ctx(ngx_http_request_t *r);
ngx_http_auth_jwt_ctx_t *ngx_http_auth_jwt_ctx_find(ngx_http_request_t *r);

/*
 * token: NGX_OK, NGX_DECLINED if none was offered, NGX_ABORT for two different
 * ones, NGX_DONE for a scheme without one, NGX_ERROR.  Which letters it has is
 * asked by _b64token (RFC 6750, 2.1): one that is good has the right ones.
 */
ngx_int_t ngx_http_auth_jwt_token(ngx_http_request_t *r,
    ngx_http_auth_jwt_loc_conf_t *conf, ngx_str_t *token);
ngx_flag_t ngx_http_auth_jwt_b64token(ngx_str_t *text);
char *ngx_http_auth_jwt_token_from(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * cache: what _find and _add return is the caller's until _release; it may
 * leave the cache before.  "keys" is what _keys made of those that are to be
 * asked, in this order, and of the algorithms allowed.  _add is for a token
 * that passed, NULL if it is not remembered.
 *
 * A note is what one location's rules, which are the same as long as the cache
 * lives, have made of the token: that iss, aud and typ are right, and, once
 * they were made, the values of its identity headers one behind the other.  It
 * may be gone after any other call.
 */
typedef struct ngx_http_auth_jwt_note_s  ngx_http_auth_jwt_note_t;

/* Of each of a location's identities; one that is empty gives no header. */
typedef struct {
    u_char                         *text;       /* a NUL behind each */
    uint16_t                       *lengths;    /* without it */
    size_t                          len;        /* of all of the text */
} ngx_http_auth_jwt_values_t;

struct ngx_http_auth_jwt_note_s {
    ngx_http_auth_jwt_note_t       *next;
    ngx_http_auth_jwt_loc_conf_t   *conf;
    ngx_http_auth_jwt_values_t      values;     /* no text: not known */
    size_t                          size;       /* of all of it */
};

char *ngx_http_auth_jwt_token_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_auth_jwt_cache_init(ngx_conf_t *cf,
    ngx_http_auth_jwt_main_conf_t *jmcf);
uint64_t ngx_http_auth_jwt_cache_keys(const void *list,
    const jot_trust_t *trusts, ngx_uint_t n, unsigned algs);
ngx_http_auth_jwt_entry_t *ngx_http_auth_jwt_cache_find(
    ngx_http_auth_jwt_cache_t *cache, ngx_str_t *text, uint64_t keys);
ngx_http_auth_jwt_entry_t *ngx_http_auth_jwt_cache_add(
    ngx_http_auth_jwt_cache_t *cache, ngx_str_t *text, uint64_t keys,
    const jot_token_t *token);
/* The same letters as those it was found by, the entry's own. */
u_char *ngx_http_auth_jwt_cache_text(ngx_http_auth_jwt_entry_t *entry);
void ngx_http_auth_jwt_cache_times(ngx_http_auth_jwt_entry_t *entry,
    jot_token_t *token);
ngx_http_auth_jwt_note_t *ngx_http_auth_jwt_cache_note(
    ngx_http_auth_jwt_entry_t *entry, ngx_http_auth_jwt_loc_conf_t *conf);
/* values may be NULL, and are copied */
void ngx_http_auth_jwt_cache_set_note(ngx_http_auth_jwt_cache_t *cache,
    ngx_http_auth_jwt_entry_t *entry, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_values_t *values);
void ngx_http_auth_jwt_cache_release(ngx_http_auth_jwt_entry_t *entry);

/*
 * keys: _find gives those that are at hand, and looks at files that are due.
 * _fetch and _again start what is due, if they may, and say NGX_AGAIN for what
 * is under way, or, if they may not, would be; *pending is its number.  _again
 * is for a token whose kid is unknown: NGX_OK if a file had something new.
 * _await waits: NGX_AGAIN, or NGX_ERROR.
 */
#define NGX_HTTP_AUTH_JWT_KEY_SOURCES  32

typedef struct {
    ngx_uint_t                     n;
    jot_trust_t                    trusts[NGX_HTTP_AUTH_JWT_KEY_SOURCES];
    ngx_http_auth_jwt_document_t  *documents[NGX_HTTP_AUTH_JWT_KEY_SOURCES];
    ngx_msec_t                     rest;        /* nothing changes before */
    ngx_uint_t                     pending;
    unsigned                       may_fetch:1;
    unsigned                       incomplete:1;    /* keys cannot be had */
} ngx_http_auth_jwt_ring_t;

char *ngx_http_auth_jwt_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_auth_jwt_key_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_auth_jwt_key_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
extern ngx_http_auth_jwt_terms_t  ngx_http_auth_jwt_default_terms;
ngx_flag_t ngx_http_auth_jwt_keys_fetched(ngx_http_auth_jwt_loc_conf_t *conf);
void ngx_http_auth_jwt_keys_find(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring);
ngx_int_t ngx_http_auth_jwt_keys_fetch(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring);
ngx_int_t ngx_http_auth_jwt_keys_again(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_ring_t *ring);
ngx_int_t ngx_http_auth_jwt_keys_await(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_ring_t *ring);

/*
 * document: _get finds it or makes it, and NULL is out of memory, or too many
 * are being fetched; those that are not fixed make room for one another, so
 * what it returns is good until as many have been asked for.  _load is for the
 * configuration and says what is wrong.  _look is for a file: NGX_OK if it
 * has other content than before, else NGX_DECLINED.  _take says the same of a
 * text that was fetched.
 */
#define NGX_HTTP_AUTH_JWT_DOCUMENT_SIZE  (256 * 1024)

ngx_http_auth_jwt_documents_t *ngx_http_auth_jwt_documents(ngx_conf_t *cf);
ngx_http_auth_jwt_document_t *ngx_http_auth_jwt_document_get(
    ngx_http_auth_jwt_documents_t *all,
    const ngx_http_auth_jwt_reader_t *reader, void *server, ngx_uint_t how,
    ngx_str_t *name, ngx_flag_t fixed);
ngx_int_t ngx_http_auth_jwt_document_load(ngx_conf_t *cf,
    ngx_http_auth_jwt_document_t *document);
ngx_int_t ngx_http_auth_jwt_document_look(
    ngx_http_auth_jwt_document_t *document, ngx_log_t *log);
ngx_int_t ngx_http_auth_jwt_document_take(
    ngx_http_auth_jwt_document_t *document, ngx_str_t *text, ngx_log_t *log);
void ngx_http_auth_jwt_document_fail(ngx_http_auth_jwt_document_t *document,
    ngx_log_t *log, ngx_err_t err, const char *problem);
/* Whether it is time to look at it, if that is done so often. */
ngx_flag_t ngx_http_auth_jwt_document_due(
    ngx_http_auth_jwt_document_t *document, ngx_msec_t time);
/* NULL: there is none, or it is too old. */
void *ngx_http_auth_jwt_document_content(
    ngx_http_auth_jwt_document_t *document, ngx_http_auth_jwt_terms_t *terms);
/*
 * Milliseconds for which it will not be due, nor its content too old, whatever
 * comes of looks until then; but the content may be another after any swap.
 */
ngx_msec_t ngx_http_auth_jwt_document_rest(
    ngx_http_auth_jwt_document_t *document, ngx_http_auth_jwt_terms_t *terms);
extern ngx_uint_t  ngx_http_auth_jwt_document_swaps;

/*
 * fetch: a subrequest of r brings the document to all that wait for it.  _wait
 * makes r one of them: NGX_AGAIN, its phases are run again from a posted event
 * whatever comes of it; or NGX_ERROR.
 */
ngx_int_t ngx_http_auth_jwt_fetch_init(ngx_conf_t *cf);
ngx_int_t ngx_http_auth_jwt_fetch(ngx_http_request_t *r,
    ngx_http_auth_jwt_document_t *document);
ngx_int_t ngx_http_auth_jwt_fetch_wait(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_document_t *document,
    ngx_uint_t source);
ngx_flag_t ngx_http_auth_jwt_fetching(ngx_http_request_t *r);

/*
 * headers: letters are what names are compared by, in lower case.  _strip takes
 * out what is called like one of these identities, however it is written; _add
 * appends n lines, zeroed, for the caller to fill in, or NULL without memory.
 * Both drop what $http_NAME remembers of any name that carries an identity
 * somewhere.  _own gives a subrequest a list that is not its parent's.
 */
ngx_int_t ngx_http_auth_jwt_headers_letters(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *letters);
ngx_int_t ngx_http_auth_jwt_headers_strip(ngx_http_request_t *r,
    ngx_array_t *identity);
ngx_table_elt_t *ngx_http_auth_jwt_headers_add(ngx_http_request_t *r,
    ngx_uint_t n);
ngx_int_t ngx_http_auth_jwt_headers_own(ngx_http_request_t *r);
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
