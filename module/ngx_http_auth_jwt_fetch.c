/*
 * A document that a subrequest brings.  One subrequest of one request, the
 * leader, is for all that wait.  It is nginx's "background" kind: it delays no
 * answer, so whoever may use what is there goes on at once, the leader too.
 *
 * A subrequest dies with its main request, perhaps without a word: then the
 * next of those that wait becomes the leader.  Nothing is resumed from within
 * another request's work, all is done by posted events.
 *
 * It carries nothing of the client: what one client sends must not decide what
 * all of them are judged by.
 */

#include "ngx_http_auth_jwt.h"


/* In milliseconds: however slowly the bytes come. */
#define NGX_HTTP_AUTH_JWT_FETCH_TIME  10000

/* How often in a row a leader may be lost before others stop taking over. */
#define NGX_HTTP_AUTH_JWT_ORPHANED    16

struct ngx_http_auth_jwt_fetch_s {
    ngx_http_auth_jwt_document_t  *document;
    ngx_http_request_t            *sr;
    ngx_event_t                    timer;
    ngx_str_t                      text;
    size_t                         size;        /* that text has room for */
    const char                    *problem;     /* with the text; NULL: none */
    unsigned                       over:1;
};


static ngx_int_t ngx_http_auth_jwt_fetch_start(ngx_http_request_t *r,
    ngx_http_auth_jwt_document_t *document, ngx_http_auth_jwt_fetch_t *fetch);
static ngx_int_t ngx_http_auth_jwt_fetch_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static const char *ngx_http_auth_jwt_fetch_problem(
    ngx_http_auth_jwt_fetch_t *fetch, ngx_int_t rc, char *buf);
static void ngx_http_auth_jwt_fetch_timeout(ngx_event_t *ev);
static void ngx_http_auth_jwt_fetch_lost(void *data);
static void ngx_http_auth_jwt_fetch_over(ngx_http_auth_jwt_fetch_t *fetch,
    ngx_uint_t answered);
static ngx_int_t ngx_http_auth_jwt_fetch_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_auth_jwt_fetch_body(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_auth_jwt_fetch_cut(ngx_http_auth_jwt_fetch_t *fetch);
static void ngx_http_auth_jwt_fetch_append(ngx_http_auth_jwt_fetch_t *fetch,
    ngx_buf_t *b);
static u_char *ngx_http_auth_jwt_fetch_room(ngx_http_auth_jwt_fetch_t *fetch,
    size_t size);
static ngx_http_auth_jwt_waiter_t *ngx_http_auth_jwt_fetch_waiter(
    ngx_http_request_t *r, ngx_http_auth_jwt_ctx_t *ctx);
static void ngx_http_auth_jwt_fetch_block(ngx_http_request_t *r);
static void ngx_http_auth_jwt_fetch_resume(ngx_event_t *ev);
static void ngx_http_auth_jwt_fetch_leave(void *data);


static ngx_http_output_header_filter_pt  ngx_http_auth_jwt_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_auth_jwt_next_body_filter;


ngx_int_t
ngx_http_auth_jwt_fetch_init(ngx_conf_t *cf)
{
    ngx_http_auth_jwt_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_auth_jwt_fetch_header;

    ngx_http_auth_jwt_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_auth_jwt_fetch_body;

    return NGX_OK;
}


ngx_int_t
ngx_http_auth_jwt_fetch(ngx_http_request_t *r,
    ngx_http_auth_jwt_document_t *document)
{
    ngx_http_cleanup_t         *cln;
    ngx_http_auth_jwt_fetch_t  *fetch;

    document->seen = 1;
    document->looked = ngx_current_msec;

    cln = ngx_http_cleanup_add(r, 0);
    fetch = ngx_pcalloc(r->pool, sizeof(ngx_http_auth_jwt_fetch_t));

    if (cln == NULL || fetch == NULL
        || ngx_http_auth_jwt_fetch_start(r, document, fetch) != NGX_OK)
    {
        ngx_http_auth_jwt_document_fail(document, r->connection->log, 0,
                                        "the subrequest cannot be made");
        return NGX_ERROR;
    }

    cln->handler = ngx_http_auth_jwt_fetch_lost;
    cln->data = fetch;

    fetch->document = document;
    fetch->timer.handler = ngx_http_auth_jwt_fetch_timeout;
    fetch->timer.data = fetch;
    fetch->timer.log = ngx_cycle->log;
    fetch->timer.cancelable = 1;
    ngx_add_timer(&fetch->timer, NGX_HTTP_AUTH_JWT_FETCH_TIME);

    document->fetch = fetch;

    return NGX_OK;
}


/*
 * No header and no body of the client's, and variables of its own: one that
 * was evaluated here would be remembered for the client's request, and the
 * other way round.  All of it is there before the subrequest is, which cannot
 * be taken back.
 */

static ngx_int_t
ngx_http_auth_jwt_fetch_start(ngx_http_request_t *r,
    ngx_http_auth_jwt_document_t *document, ngx_http_auth_jwt_fetch_t *fetch)
{
    ngx_str_t                    name, uri, args;
    ngx_uint_t                   flags;
    ngx_http_request_t          *sr;
    ngx_http_headers_in_t       *headers;
    ngx_http_request_body_t     *body;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_variable_value_t   *variables;
    ngx_http_post_subrequest_t  *ps;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    /* The document may be gone before the request is. */

    name.len = document->name.len;
    name.data = ngx_pstrdup(r->pool, &document->name);
    uri.len = document->name.len;
    uri.data = ngx_pstrdup(r->pool, &document->name);

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    headers = ngx_pcalloc(r->pool, sizeof(ngx_http_headers_in_t));
    body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    variables = ngx_pcalloc(r->pool, cmcf->variables.nelts
                                     * sizeof(ngx_http_variable_value_t));

    if (name.data == NULL || uri.data == NULL || ps == NULL || headers == NULL
        || body == NULL || variables == NULL
        || ngx_list_init(&headers->headers, r->pool, 2,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    headers->content_length_n = -1;
    headers->keep_alive_n = -1;

    ngx_str_null(&args);
    flags = NGX_HTTP_LOG_UNSAFE;

    if (ngx_http_parse_unsafe_uri(r, &uri, &args, &flags) != NGX_OK) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_auth_jwt_fetch_done;
    ps->data = fetch;

    if (ngx_http_subrequest(r, &uri, &args, &sr, ps,
                            NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sr->headers_in = *headers;
    sr->headers_in.headers.last = &sr->headers_in.headers.part;
    sr->request_body = body;
    sr->variables = variables;
    sr->unparsed_uri = name;

    fetch->sr = sr;

    return NGX_OK;
}


/*
 * What it returns is the subrequest's end for nginx, which would end the main
 * request too for a fault of this one.
 */

static ngx_int_t
ngx_http_auth_jwt_fetch_done(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_auth_jwt_fetch_t *fetch = data;

    char                           buf[JOT_REASON_SIZE];
    const char                    *problem;
    ngx_http_auth_jwt_document_t  *document;

    if (fetch->over) {
        return NGX_OK;
    }

    document = fetch->document;
    problem = ngx_http_auth_jwt_fetch_problem(fetch, rc, buf);

    if (problem) {
        ngx_http_auth_jwt_document_fail(document, sr->connection->log, 0,
                                        problem);

    } else {
        (void) ngx_http_auth_jwt_document_take(document, &fetch->text,
                                               sr->connection->log);
    }

    ngx_http_auth_jwt_fetch_over(fetch, 1);

    return NGX_OK;
}


static const char *
ngx_http_auth_jwt_fetch_problem(ngx_http_auth_jwt_fetch_t *fetch,
    ngx_int_t rc, char *buf)
{
    ngx_uint_t               status;
    ngx_http_headers_out_t  *out;

    out = &fetch->sr->headers_out;
    status = rc >= NGX_HTTP_SPECIAL_RESPONSE ? (ngx_uint_t) rc : out->status;

    if (status != NGX_HTTP_OK) {
        *ngx_snprintf((u_char *) buf, JOT_REASON_SIZE - 1,
                      status ? "the answer is %ui, not 200"
                             : "there is no answer", status) = '\0';
        return buf;
    }

    if (fetch->problem) {
        return fetch->problem;
    }

    if (rc != NGX_OK) {
        return "the answer ends too early";
    }

    if (out->content_encoding && out->content_encoding->value.len) {
        return "the answer has a Content-Encoding";
    }

    if (out->content_length_n != -1
        && out->content_length_n != (off_t) fetch->text.len)
    {
        return "the answer has not the length that it says";
    }

    return NULL;
}


/*
 * nginx's own way to end an upstream's work early is its cleanup handler, which
 * ends the subrequest, and the main request if that waited for nothing else.
 */

static void
ngx_http_auth_jwt_fetch_timeout(ngx_event_t *ev)
{
    ngx_http_auth_jwt_fetch_t *fetch = ev->data;

    ngx_connection_t     *c;
    ngx_http_request_t   *sr;
    ngx_http_upstream_t  *u;

    sr = fetch->sr;
    c = sr->connection;
    u = sr->upstream;

    ngx_http_set_log_request(c->log, sr);

    ngx_http_auth_jwt_document_fail(fetch->document, c->log, 0,
                                    fetch->problem
                                    ? fetch->problem
                                    : "no whole answer within 10 seconds");

    ngx_http_auth_jwt_fetch_over(fetch, 1);

    if (u && u->cleanup && *u->cleanup) {
        (*u->cleanup)(sr);
    }

    ngx_http_run_posted_requests(c);
}


/* With the leader; those that wait will find another one. */

static void
ngx_http_auth_jwt_fetch_lost(void *data)
{
    ngx_http_auth_jwt_fetch_t *fetch = data;

    ngx_flag_t                     too_often;
    ngx_http_auth_jwt_document_t  *document;

    if (fetch->over) {
        return;
    }

    document = fetch->document;

    ngx_log_error(NGX_LOG_INFO, fetch->sr->connection->log, 0,
                  "auth_jwt: %s \"%V\": the client left before the answer",
                  document->reader->what, &document->name);

    too_often = ++document->orphaned > NGX_HTTP_AUTH_JWT_ORPHANED;

    if (too_often) {
        document->failed = 1;

    } else if (document->content == NULL) {
        document->seen = 0;
    }

    ngx_http_auth_jwt_fetch_over(fetch, too_often);
}


static void
ngx_http_auth_jwt_fetch_over(ngx_http_auth_jwt_fetch_t *fetch,
    ngx_uint_t answered)
{
    ngx_queue_t                   *q;
    ngx_http_auth_jwt_waiter_t    *waiter;
    ngx_http_auth_jwt_document_t  *document;

    document = fetch->document;
    document->fetch = NULL;

    if (answered) {
        document->orphaned = 0;
    }

    fetch->over = 1;

    /* It may hold secrets. */

    if (fetch->text.len) {
        ngx_explicit_memzero(fetch->text.data, fetch->text.len);
    }

    if (fetch->timer.timer_set) {
        ngx_del_timer(&fetch->timer);
    }

    while (!ngx_queue_empty(&document->waiters)) {
        q = ngx_queue_head(&document->waiters);
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_http_auth_jwt_waiter_t, queue);
        waiter->waiting = 0;
        waiter->answered = answered;

        ngx_post_event(&waiter->event, &ngx_posted_events);
    }
}


/*
 * nginx would take the answer for one that nobody reads yet, and put all of it
 * into a temporary file first, up to a gigabyte.
 */

static ngx_int_t
ngx_http_auth_jwt_fetch_header(ngx_http_request_t *r)
{
    if (r != r->main && ngx_http_auth_jwt_fetching(r) && r->upstream
        && !r->upstream->cacheable)
    {
        r->upstream->buffering = 0;
    }

    return ngx_http_auth_jwt_next_header_filter(r);
}


/*
 * The first of all body filters, as dynamic modules are: the bytes come as the
 * source sent them, in memory or in a file, and go no further.  To return an
 * error would close the client's connection.
 */

static ngx_int_t
ngx_http_auth_jwt_fetch_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                  *b;
    ngx_chain_t                *cl;
    ngx_http_auth_jwt_fetch_t  *fetch;

    if (r == r->main || !ngx_http_auth_jwt_fetching(r)) {
        return ngx_http_auth_jwt_next_body_filter(r, in);
    }

    fetch = r->post_subrequest->data;

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (!fetch->over && fetch->problem == NULL) {
            ngx_http_auth_jwt_fetch_append(fetch, b);

            if (fetch->problem) {
                ngx_http_auth_jwt_fetch_cut(fetch);
            }
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


/* As if the answer ended here; if it is not nginx that reads it, soon. */

static void
ngx_http_auth_jwt_fetch_cut(ngx_http_auth_jwt_fetch_t *fetch)
{
    ngx_http_upstream_t  *u;

    u = fetch->sr->upstream;

    if (u && !u->buffering) {
        u->length = 0;
        u->keepalive = 0;
    }

    ngx_add_timer(&fetch->timer, 1);
}


static void
ngx_http_auth_jwt_fetch_append(ngx_http_auth_jwt_fetch_t *fetch, ngx_buf_t *b)
{
    off_t     size;
    u_char   *p;
    ssize_t   n;

    size = ngx_buf_size(b);

    if (ngx_buf_special(b) || size <= 0) {
        return;
    }

    if (size > NGX_HTTP_AUTH_JWT_DOCUMENT_SIZE - (off_t) fetch->text.len) {
        fetch->problem = "the answer has more than 262144 bytes";
        return;
    }

    p = ngx_http_auth_jwt_fetch_room(fetch, size);
    if (p == NULL) {
        fetch->problem = "out of memory";
        return;
    }

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, size);

    } else {
        n = ngx_read_file(b->file, p, size, b->file_pos);

        if (n != size) {
            fetch->problem = "the answer cannot be read from its file";
            return;
        }
    }

    fetch->text.len += size;
}


static u_char *
ngx_http_auth_jwt_fetch_room(ngx_http_auth_jwt_fetch_t *fetch, size_t size)
{
    u_char  *text;
    size_t   wanted;

    wanted = fetch->text.len + size;

    if (wanted > fetch->size) {
        wanted = ngx_max(wanted, 2 * fetch->size);

        text = ngx_palloc(fetch->sr->pool, wanted);
        if (text == NULL) {
            return NULL;
        }

        if (fetch->text.len) {
            ngx_memcpy(text, fetch->text.data, fetch->text.len);
            ngx_explicit_memzero(fetch->text.data, fetch->text.len);
            (void) ngx_pfree(fetch->sr->pool, fetch->text.data);
        }

        fetch->text.data = text;
        fetch->size = wanted;
    }

    return fetch->text.data + fetch->text.len;
}


ngx_flag_t
ngx_http_auth_jwt_fetching(ngx_http_request_t *r)
{
    return r->post_subrequest
           && r->post_subrequest->handler == ngx_http_auth_jwt_fetch_done;
}


ngx_int_t
ngx_http_auth_jwt_fetch_wait(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx, ngx_http_auth_jwt_document_t *document,
    ngx_uint_t source)
{
    ngx_http_auth_jwt_waiter_t  *waiter;

    waiter = ngx_http_auth_jwt_fetch_waiter(r, ctx);
    if (waiter == NULL) {
        return NGX_ERROR;
    }

    /* That its client left has to be noticed. */

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_auth_jwt_fetch_block;

    waiter->source = source;
    waiter->waiting = 1;
    ngx_queue_insert_tail(&document->waiters, &waiter->queue);

    return NGX_AGAIN;
}


static ngx_http_auth_jwt_waiter_t *
ngx_http_auth_jwt_fetch_waiter(ngx_http_request_t *r,
    ngx_http_auth_jwt_ctx_t *ctx)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_auth_jwt_waiter_t  *waiter;

    if (ctx->waiter) {
        return ctx->waiter;
    }

    cln = ngx_http_cleanup_add(r, 0);
    waiter = ngx_pcalloc(r->pool, sizeof(ngx_http_auth_jwt_waiter_t));

    if (cln == NULL || waiter == NULL) {
        return NULL;
    }

    waiter->event.handler = ngx_http_auth_jwt_fetch_resume;
    waiter->event.data = r;
    waiter->event.log = r->connection->log;

    cln->handler = ngx_http_auth_jwt_fetch_leave;
    cln->data = waiter;

    ctx->waiter = waiter;

    return waiter;
}


/* The connection may be written to, and there is nothing to write. */

static void
ngx_http_auth_jwt_fetch_block(ngx_http_request_t *r)
{
    if (ngx_handle_write_event(r->connection->write, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static void
ngx_http_auth_jwt_fetch_resume(ngx_event_t *ev)
{
    ngx_http_request_t *r = ev->data;

    ngx_connection_t         *c;
    ngx_http_auth_jwt_ctx_t  *ctx;

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_auth_jwt_ctx_find(r);

    if (ctx->waiter->answered) {
        ctx->asked |= 1u << ctx->waiter->source;
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_auth_jwt_fetch_leave(void *data)
{
    ngx_http_auth_jwt_waiter_t *waiter = data;

    if (waiter->waiting) {
        ngx_queue_remove(&waiter->queue);
        waiter->waiting = 0;
    }

    if (waiter->event.posted) {
        ngx_delete_posted_event(&waiter->event);
    }
}
