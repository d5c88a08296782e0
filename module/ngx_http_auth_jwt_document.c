/*
 * A document that comes from a file or from another server: parsed once, used
 * for a time, then looked at again.  What cannot be read leaves what was read
 * before in force, and one line in the log.
 *
 * Those that the configuration names stay for good.  Those whose names have
 * variables in them are as many as clients like, so the ones used least make
 * room.
 */

#include <openssl/err.h>
#include <openssl/evp.h>

#include "ngx_http_auth_jwt.h"


#define NGX_HTTP_AUTH_JWT_DOCUMENTS  64

/* In milliseconds: what failed is tried again, and complained of again. */
#define NGX_HTTP_AUTH_JWT_RETRY      1000
#define NGX_HTTP_AUTH_JWT_COMPLAIN   60000

/* In seconds: a file may change again and look as if it had not. */
#define NGX_HTTP_AUTH_JWT_YOUNG      2

struct ngx_http_auth_jwt_documents_s {
    ngx_queue_t   fixed;
    ngx_queue_t   recent;               /* the one used last is its head */
    ngx_uint_t    nrecent;
};

/* Where what is wrong is told: cf while the configuration is read. */
typedef struct {
    ngx_conf_t                    *cf;
    ngx_log_t                     *log;
    ngx_http_auth_jwt_document_t  *document;
} ngx_http_auth_jwt_listener_t;


static ngx_http_auth_jwt_document_t *ngx_http_auth_jwt_document_new(
    ngx_http_auth_jwt_documents_t *all, ngx_str_t *name, ngx_flag_t fixed);
static ngx_int_t ngx_http_auth_jwt_documents_shrink(
    ngx_http_auth_jwt_documents_t *all);
static void ngx_http_auth_jwt_document_free(
    ngx_http_auth_jwt_document_t *document);
static void ngx_http_auth_jwt_documents_cleanup(void *data);
static const char *ngx_http_auth_jwt_document_read(
    ngx_http_auth_jwt_document_t *document, ngx_str_t *text, ngx_err_t *err);
static void ngx_http_auth_jwt_document_identify(
    ngx_http_auth_jwt_file_id_t *id, ngx_file_info_t *info);
static ngx_flag_t ngx_http_auth_jwt_document_same(
    ngx_http_auth_jwt_file_id_t *a, ngx_http_auth_jwt_file_id_t *b);
static ngx_int_t ngx_http_auth_jwt_document_swap(
    ngx_http_auth_jwt_document_t *document, ngx_str_t *text,
    ngx_http_auth_jwt_listener_t *listener, char *reason);
static void ngx_http_auth_jwt_document_good(
    ngx_http_auth_jwt_document_t *document, ngx_log_t *log);
static ngx_msec_t ngx_http_auth_jwt_document_interval(
    ngx_http_auth_jwt_document_t *document, ngx_msec_t time);
static void ngx_http_auth_jwt_document_warn(void *data, const char *text);


ngx_uint_t  ngx_http_auth_jwt_document_swaps;


ngx_http_auth_jwt_documents_t *
ngx_http_auth_jwt_documents(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_auth_jwt_documents_t  *all;

    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_auth_jwt_documents_t));
    if (cln == NULL) {
        return NULL;
    }

    all = cln->data;
    ngx_queue_init(&all->fixed);
    ngx_queue_init(&all->recent);
    all->nrecent = 0;

    cln->handler = ngx_http_auth_jwt_documents_cleanup;

    return all;
}


ngx_http_auth_jwt_document_t *
ngx_http_auth_jwt_document_get(ngx_http_auth_jwt_documents_t *all,
    const ngx_http_auth_jwt_reader_t *reader, void *server, ngx_uint_t how,
    ngx_str_t *name, ngx_flag_t fixed)
{
    ngx_queue_t                   *q, *list;
    ngx_http_auth_jwt_document_t  *document;

    list = fixed ? &all->fixed : &all->recent;

    for (q = ngx_queue_head(list);
         q != ngx_queue_sentinel(list);
         q = ngx_queue_next(q))
    {
        document = ngx_queue_data(q, ngx_http_auth_jwt_document_t, queue);

        if (document->reader != reader || document->server != server
            || document->how != how || document->name.len != name->len
            || ngx_memcmp(document->name.data, name->data, name->len) != 0)
        {
            continue;
        }

        if (!fixed) {
            ngx_queue_remove(q);
            ngx_queue_insert_head(list, q);
        }

        return document;
    }

    document = ngx_http_auth_jwt_document_new(all, name, fixed);
    if (document == NULL) {
        return NULL;
    }

    document->reader = reader;
    document->server = server;
    document->how = how;

    ngx_queue_insert_head(list, &document->queue);

    return document;
}


static ngx_http_auth_jwt_document_t *
ngx_http_auth_jwt_document_new(ngx_http_auth_jwt_documents_t *all,
    ngx_str_t *name, ngx_flag_t fixed)
{
    ngx_http_auth_jwt_document_t  *document;

    if (!fixed && all->nrecent == NGX_HTTP_AUTH_JWT_DOCUMENTS
        && ngx_http_auth_jwt_documents_shrink(all) != NGX_OK)
    {
        return NULL;
    }

    document = calloc(1, sizeof(ngx_http_auth_jwt_document_t) + name->len + 1);
    if (document == NULL) {
        return NULL;
    }

    document->name.data = (u_char *) (document + 1);
    document->name.len = name->len;
    ngx_memcpy(document->name.data, name->data, name->len);

    ngx_queue_init(&document->waiters);

    all->nrecent += !fixed;

    return document;
}


/* By the one used least; somebody waits for those that are being fetched. */

static ngx_int_t
ngx_http_auth_jwt_documents_shrink(ngx_http_auth_jwt_documents_t *all)
{
    ngx_queue_t                   *q;
    ngx_http_auth_jwt_document_t  *document;

    for (q = ngx_queue_last(&all->recent);
         q != ngx_queue_sentinel(&all->recent);
         q = ngx_queue_prev(q))
    {
        document = ngx_queue_data(q, ngx_http_auth_jwt_document_t, queue);

        if (document->fetch || !ngx_queue_empty(&document->waiters)) {
            continue;
        }

        ngx_queue_remove(q);
        ngx_http_auth_jwt_document_free(document);
        all->nrecent--;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


static void
ngx_http_auth_jwt_document_free(ngx_http_auth_jwt_document_t *document)
{
    if (document->content) {
        document->reader->free(document->content);
    }

    free(document);
}


/* With the cycle; a fetch that is under way then is never heard of again. */

static void
ngx_http_auth_jwt_documents_cleanup(void *data)
{
    ngx_http_auth_jwt_documents_t  *all = data;

    ngx_uint_t                     i;
    ngx_queue_t                   *q;
    ngx_queue_t                   *lists[] = { &all->fixed, &all->recent };
    ngx_http_auth_jwt_document_t  *document;

    for (i = 0; i < 2; i++) {
        while (!ngx_queue_empty(lists[i])) {
            q = ngx_queue_head(lists[i]);
            ngx_queue_remove(q);

            document = ngx_queue_data(q, ngx_http_auth_jwt_document_t, queue);
            ngx_http_auth_jwt_document_free(document);
        }
    }
}


ngx_int_t
ngx_http_auth_jwt_document_load(ngx_conf_t *cf,
    ngx_http_auth_jwt_document_t *document)
{
    char                           reason[JOT_REASON_SIZE];
    ngx_err_t                      err;
    ngx_str_t                      text;
    const char                    *problem;
    ngx_http_auth_jwt_listener_t   listener;

    if (document->content) {
        return NGX_OK;
    }

    listener.cf = cf;
    listener.log = cf->log;
    listener.document = document;

    problem = ngx_http_auth_jwt_document_read(document, &text, &err);

    if (problem == NULL) {
        if (ngx_http_auth_jwt_document_swap(document, &text, &listener, reason)
            == NGX_ERROR)
        {
            problem = reason;
        }

        ngx_explicit_memzero(text.data, text.len);
        free(text.data);
    }

    if (problem) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "%s \"%V\": %s",
                           document->reader->what, &document->name, problem);
        return NGX_ERROR;
    }

    document->seen = 1;
    document->looked = ngx_current_msec;
    document->good = ngx_current_msec;

    return NGX_OK;
}


ngx_int_t
ngx_http_auth_jwt_document_look(ngx_http_auth_jwt_document_t *document,
    ngx_log_t *log)
{
    ngx_int_t                     rc;
    ngx_err_t                     err;
    ngx_str_t                     text;
    ngx_flag_t                    same;
    const char                   *problem;
    ngx_file_info_t               info;
    ngx_http_auth_jwt_file_id_t   id;

    document->seen = 1;
    document->looked = ngx_current_msec;

    if (ngx_file_info(document->name.data, &info) == NGX_FILE_ERROR) {
        ngx_http_auth_jwt_document_fail(document, log, ngx_errno,
                                        "cannot be looked at");
        return NGX_DECLINED;
    }

    ngx_http_auth_jwt_document_identify(&id, &info);

    same = ngx_http_auth_jwt_document_same(&document->id, &id);

    if (same && !document->young) {
        if (!document->broken) {
            ngx_http_auth_jwt_document_good(document, log);
        }

        return NGX_DECLINED;
    }

    if (!same) {
        document->id = id;
        document->complaint = 0;
    }

    problem = ngx_http_auth_jwt_document_read(document, &text, &err);

    if (problem) {
        ngx_http_auth_jwt_document_fail(document, log, err, problem);
        return NGX_DECLINED;
    }

    rc = ngx_http_auth_jwt_document_take(document, &text, log);

    /* It may hold secrets. */

    ngx_explicit_memzero(text.data, text.len);
    free(text.data);

    return rc;
}


/*
 * NULL, and a text that is the caller's to free; or what is wrong.  The
 * identity is that of what was opened, and is there for what is broken too.
 */

static const char *
ngx_http_auth_jwt_document_read(ngx_http_auth_jwt_document_t *document,
    ngx_str_t *text, ngx_err_t *err)
{
    size_t            size;
    ssize_t           n;
    ngx_file_t        file;
    const char       *problem;
    ngx_file_info_t   info;

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = document->name;
    file.log = ngx_cycle->log;

    *err = 0;
    text->data = NULL;
    document->broken = 1;
    document->young = 0;

    file.fd = ngx_open_file(document->name.data,
                            NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return "cannot be opened";
    }

    if (ngx_fd_info(file.fd, &info) == NGX_FILE_ERROR) {
        *err = ngx_errno;
        problem = "cannot be looked at";
        goto done;
    }

    ngx_http_auth_jwt_document_identify(&document->id, &info);

    document->young = document->id.ctime.tv_sec
                      > ngx_time() - NGX_HTTP_AUTH_JWT_YOUNG;

    if (!ngx_is_file(&info)) {
        problem = "is no regular file";
        goto done;
    }

    size = ngx_file_size(&info);

    if (size > NGX_HTTP_AUTH_JWT_DOCUMENT_SIZE) {
        problem = "has more than 262144 bytes";
        goto done;
    }

    text->data = malloc(size ? size : 1);
    if (text->data == NULL) {
        problem = "out of memory";
        goto done;
    }

    n = ngx_read_file(&file, text->data, size, 0);

    if (n == NGX_ERROR || (size_t) n != size) {
        problem = "cannot be read to its end";
        goto done;
    }

    text->len = size;
    problem = NULL;

done:

    (void) ngx_close_file(file.fd);

    if (problem) {
        free(text->data);
    }

    return problem;
}


static void
ngx_http_auth_jwt_document_identify(ngx_http_auth_jwt_file_id_t *id,
    ngx_file_info_t *info)
{
    id->dev = info->st_dev;
    id->ino = info->st_ino;
    id->size = info->st_size;
    id->mtime = info->st_mtim;
    id->ctime = info->st_ctim;
}


static ngx_flag_t
ngx_http_auth_jwt_document_same(ngx_http_auth_jwt_file_id_t *a,
    ngx_http_auth_jwt_file_id_t *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size
           && a->mtime.tv_sec == b->mtime.tv_sec
           && a->mtime.tv_nsec == b->mtime.tv_nsec
           && a->ctime.tv_sec == b->ctime.tv_sec
           && a->ctime.tv_nsec == b->ctime.tv_nsec;
}


ngx_int_t
ngx_http_auth_jwt_document_take(ngx_http_auth_jwt_document_t *document,
    ngx_str_t *text, ngx_log_t *log)
{
    char                           reason[JOT_REASON_SIZE];
    ngx_int_t                      rc;
    ngx_uint_t                     level;
    ngx_http_auth_jwt_listener_t   listener;

    listener.cf = NULL;
    listener.log = log;
    listener.document = document;

    level = document->content ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    rc = ngx_http_auth_jwt_document_swap(document, text, &listener, reason);

    if (rc == NGX_ERROR) {
        ngx_http_auth_jwt_document_fail(document, log, 0, reason);
        return NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        document->failed = 0;
        ngx_log_error(level, log, 0,
                      "auth_jwt: %s \"%V\": %uz %s are in force",
                      document->reader->what, &document->name,
                      document->reader->count(document->content),
                      document->reader->unit);
    }

    ngx_http_auth_jwt_document_good(document, log);

    return rc;
}


/*
 * NGX_OK: it has other content now; NGX_DECLINED: the text is what it was, and
 * so the keys are still those that the token cache knows; NGX_ERROR: it is of
 * no use, and all is as before.
 */

static ngx_int_t
ngx_http_auth_jwt_document_swap(ngx_http_auth_jwt_document_t *document,
    ngx_str_t *text, ngx_http_auth_jwt_listener_t *listener, char *reason)
{
    void    *content;
    u_char   digest[sizeof(document->digest)];

    if (EVP_Digest(text->data, text->len, digest, NULL, EVP_sha256(), NULL)
        != 1)
    {
        ERR_clear_error();
        ngx_cpystrn((u_char *) reason, (u_char *) "OpenSSL failed",
                    JOT_REASON_SIZE);
        return NGX_ERROR;
    }

    if (document->content
        && ngx_memcmp(digest, document->digest, sizeof(digest)) == 0)
    {
        document->broken = 0;
        return NGX_DECLINED;
    }

    content = document->reader->parse(text, document->how,
                                      ngx_http_auth_jwt_document_warn,
                                      listener, reason);
    if (content == NULL) {
        return NGX_ERROR;
    }

    if (document->content) {
        document->reader->free(document->content);
    }

    document->content = content;
    document->broken = 0;
    ngx_memcpy(document->digest, digest, sizeof(digest));

    ngx_http_auth_jwt_document_swaps++;

    return NGX_OK;
}


static void
ngx_http_auth_jwt_document_good(ngx_http_auth_jwt_document_t *document,
    ngx_log_t *log)
{
    document->good = ngx_current_msec;

    if (document->failed) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "auth_jwt: %s \"%V\" is there again",
                      document->reader->what, &document->name);
    }

    document->failed = 0;
    document->complaint = 0;
}


/* One line for one fault: of what another server does, one each minute. */

void
ngx_http_auth_jwt_document_fail(ngx_http_auth_jwt_document_t *document,
    ngx_log_t *log, ngx_err_t err, const char *problem)
{
    uint32_t    complaint;
    ngx_uint_t  level;

    complaint = ngx_crc32_short((u_char *) problem, ngx_strlen(problem)) + err;

    level = complaint == document->complaint
            && (document->server == NULL
                || ngx_current_msec - document->complained
                   < NGX_HTTP_AUTH_JWT_COMPLAIN)
            ? NGX_LOG_INFO : NGX_LOG_ERR;

    if (level == NGX_LOG_ERR) {
        document->complaint = complaint;
        document->complained = ngx_current_msec;
    }

    document->failed = 1;

    ngx_log_error(level, log, err, "auth_jwt: %s \"%V\": %s, %s",
                  document->reader->what, &document->name, problem,
                  document->content ? "what it held before is kept"
                                    : "there is nothing to use instead");
}


ngx_flag_t
ngx_http_auth_jwt_document_due(ngx_http_auth_jwt_document_t *document,
    ngx_msec_t time)
{
    return !document->seen
           || ngx_current_msec - document->looked
              >= ngx_http_auth_jwt_document_interval(document, time);
}


static ngx_msec_t
ngx_http_auth_jwt_document_interval(ngx_http_auth_jwt_document_t *document,
    ngx_msec_t time)
{
    return document->failed ? ngx_min(time, NGX_HTTP_AUTH_JWT_RETRY) : time;
}


/* A file is never too old: it is there, or somebody took it away. */

void *
ngx_http_auth_jwt_document_content(ngx_http_auth_jwt_document_t *document,
    ngx_http_auth_jwt_terms_t *terms)
{
    if (document->server
        && ngx_current_msec - document->good > terms->time + terms->stale)
    {
        return NULL;
    }

    return document->content;
}


/*
 * A look that begins from now on, and fails, makes it due after a retry's time:
 * so for no longer than that, and not while one is under way.
 */

ngx_msec_t
ngx_http_auth_jwt_document_rest(ngx_http_auth_jwt_document_t *document,
    ngx_http_auth_jwt_terms_t *terms)
{
    ngx_msec_t  rest, old;

    if (document->fetch
        || ngx_http_auth_jwt_document_due(document, terms->time)
        || ngx_http_auth_jwt_document_content(document, terms) == NULL)
    {
        return 0;
    }

    rest = document->looked - ngx_current_msec
           + ngx_http_auth_jwt_document_interval(document, terms->time);
    rest = ngx_min(rest, NGX_HTTP_AUTH_JWT_RETRY);

    if (document->server) {
        old = document->good - ngx_current_msec + terms->time + terms->stale;
        rest = ngx_min(rest, old);
    }

    return rest;
}


static void
ngx_http_auth_jwt_document_warn(void *data, const char *text)
{
    ngx_http_auth_jwt_listener_t  *listener = data;

    if (listener->cf) {
        ngx_conf_log_error(NGX_LOG_WARN, listener->cf, 0, "%s \"%V\": %s",
                           listener->document->reader->what,
                           &listener->document->name, text);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, listener->log, 0, "auth_jwt: %s \"%V\": %s",
                  listener->document->reader->what, &listener->document->name,
                  text);
}
