/*
 * Requests come in through libfcgi, but connections do not: its own accept
 * can neither be interrupted without a race nor limit how long a silent peer
 * holds the worker.  A connection that was accepted here is handed over in
 * the request, as one that was kept open.
 *
 * One alarm limits the reading of a request and one the writing of its
 * answer, whatever the peer sends or however slowly.  It shuts the connection
 * down, so that a read or write ends at once even if it was about to start.
 */

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcgiapp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fcgi.h"
#include "lane.h"
#include "log.h"
#include "metrics.h"
#include "queue.h"


typedef struct {
    const char   *name;
    size_t        offset;       /* in http_request_t */
    int           once;         /* a header that may not come twice */
} fcgi_param_t;

typedef struct {
    int           status;
    const char   *reason;
} fcgi_status_t;


static int fcgi_accept(int epoll_fd, int listen_fd, const volatile int *stop);
static void fcgi_look_at_queue(const service_t *service);
static void fcgi_connection(int fd, service_t *service);
static int fcgi_is_probe(int fd);
static int fcgi_read_request(FCGX_Request *fcgi, http_request_t *request);
static void fcgi_read_params(FCGX_ParamArray params, http_request_t *request);
static http_method_t fcgi_method(const char *name);
static int fcgi_read_body(FCGX_Request *fcgi, http_request_t *request);
static void fcgi_write_response(FCGX_Stream *out, http_response_t *response);
static void fcgi_write_head(FCGX_Stream *out,
    const http_response_t *response);
static const char *fcgi_reason(int status);
static void fcgi_wipe_params(FCGX_ParamArray params);
static int fcgi_client_gone(void *data);
static void fcgi_watch(int fd);
static void fcgi_unwatch(void);
static void fcgi_alarm(int signo);


static const fcgi_param_t  fcgi_params[] = {
    { "DOCUMENT_URI", offsetof(http_request_t, path), 0 },
    { "QUERY_STRING", offsetof(http_request_t, query), 0 },
    { "REMOTE_ADDR", offsetof(http_request_t, address), 0 },
    { "CONTENT_TYPE", offsetof(http_request_t, content_type), 0 },
    { "HTTP_HOST", offsetof(http_request_t, host), 1 },
    { "HTTP_AUTHORIZATION", offsetof(http_request_t, authorization), 1 },
    { "HTTP_COOKIE", offsetof(http_request_t, cookie), 1 },
    { "HTTP_ORIGIN", offsetof(http_request_t, origin), 1 },
    { "HTTP_USER_AGENT", offsetof(http_request_t, user_agent), 1 },
    { "HTTP_SEC_FETCH_SITE", offsetof(http_request_t, sec_fetch_site), 1 },
    { "HTTP_SEC_FETCH_MODE", offsetof(http_request_t, sec_fetch_mode), 1 },
    { "HTTP_IF_NONE_MATCH", offsetof(http_request_t, if_none_match), 1 },
};

/* nginx sends a status line as it gets it, and one needs its words. */
static const fcgi_status_t  fcgi_statuses[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 204, "No Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 409, "Conflict" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
};

static volatile sig_atomic_t  fcgi_watched = -1;


int
fcgi_init(void)
{
    struct sigaction  sa;

    if (FCGX_Init() != 0) {
        return -1;
    }

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = fcgi_alarm;
    sa.sa_flags = SA_RESTART;
    sigemptyset(&sa.sa_mask);

    return sigaction(SIGALRM, &sa, NULL);
}


int
fcgi_serve(int listen_fd, service_t *service, const volatile int *stop)
{
    int                 epoll_fd, fd, saved;
    struct epoll_event  event;

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd == -1) {
        return -1;
    }

    /* Exclusive: a connection wakes one worker, not all of them. */

    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN | EPOLLEXCLUSIVE;

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) == -1) {
        fd = -1;
        goto done;
    }

    do {
        cleanup_tick(service);

        fd = fcgi_accept(epoll_fd, listen_fd, stop);
        if (fd >= 0) {
            fcgi_look_at_queue(service);
            fcgi_connection(fd, service);
        }

    } while (!*stop && (fd >= 0 || errno == EAGAIN));

done:

    saved = errno;
    close(epoll_fd);
    errno = saved;

    return *stop ? 0 : -1;
}


/*
 * A connection, or -1 with EAGAIN if there is none.  An accept is tried after
 * a time without news too: the worker that was woken may have died over it.
 */
static int
fcgi_accept(int epoll_fd, int listen_fd, const volatile int *stop)
{
    int                 fd, n;
    sigset_t            none;
    struct epoll_event  event;

    sigemptyset(&none);
    n = epoll_pwait(epoll_fd, &event, 1, 1000, &none);

    if (n == -1 && (errno != EINTR || *stop)) {
        return -1;
    }

    fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd == -1 && (errno == ECONNABORTED || errno == EINTR)) {
        errno = EAGAIN;
    }

    return fd;
}


/*
 * Whom the kernel turned away it tells nobody; that the queue was full until
 * this one was taken from it can be seen.
 */
static void
fcgi_look_at_queue(const service_t *service)
{
    queue_t  queue;

    if (service->lane == LANE_PASSWORD
        && queue_look(service->lanes->sockets[LANE_PASSWORD].socket_ino,
                      &queue) == 0
        && queue.waiting >= queue.limit)
    {
        metrics_add(METRIC_QUEUE_FULL, 1);
    }
}


static void
fcgi_connection(int fd, service_t *service)
{
    FCGX_Request     fcgi;
    http_request_t   request;
    http_response_t  response;

    memset(&request, 0, sizeof(request));
    memset(&response, 0, sizeof(response));

    /* Without a socket to listen on it has no other connection to turn to. */

    FCGX_InitRequest(&fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
    fcgi.ipcFd = fd;
    fcgi.keepConnection = 1;

    fcgi_watch(fd);

    if (fcgi_is_probe(fd)) {
        fcgi_unwatch();
        close(fd);
        return;
    }

    if (FCGX_Accept_r(&fcgi) != 0) {
        fcgi_unwatch();
        log_event(LOG_REQUEST_REFUSED, "reason",
                  "no complete FastCGI request came", NULL);
        return;
    }

    fcgi.keepConnection = 0;            /* a kept one would own this worker */

    if (fcgi_read_request(&fcgi, &request) == 0) {
        fcgi_unwatch();

        routes_dispatch(service, &request, &response);

        fcgi_watch(fd);
        fcgi_write_response(fcgi.out, &response);

    } else {
        log_event(LOG_CLIENT_GONE, "reason", "the request was cut short",
                  "path", *request.path ? request.path : NULL,
                  "address", *request.address ? request.address : NULL, NULL);
    }

    if (FCGX_HasSeenEOF(fcgi.in)) {

        /* Nothing is left to be read: no need to wait for the peer's close. */

        FCGX_Detach(&fcgi);
    }

    http_request_free(&request);
    http_response_free(&response);
    fcgi_wipe_params(fcgi.envp);

    FCGX_Finish_r(&fcgi);
    fcgi_unwatch();
}


/* Who connects and closes only asks whether somebody listens. */
static int
fcgi_is_probe(int fd)
{
    char  byte;

    return recv(fd, &byte, 1, MSG_PEEK) == 0 && fcgi_watched != -1;
}


static int
fcgi_read_request(FCGX_Request *fcgi, http_request_t *request)
{
    const char  *method;

    request->path = "";
    request->query = "";
    request->address = "";
    request->client_gone = fcgi_client_gone;
    request->client_data = &fcgi->ipcFd;

    method = FCGX_GetParam("REQUEST_METHOD", fcgi->envp);
    request->method = fcgi_method(method ? method : "");

    fcgi_read_params(fcgi->envp, request);

    return fcgi_read_body(fcgi, request);
}


static void
fcgi_read_params(FCGX_ParamArray params, http_request_t *request)
{
    char                 **p;
    size_t                 i, len;
    const char           **field;
    const fcgi_param_t    *row;

    for (p = params; *p; p++) {
        len = strcspn(*p, "=");

        for (i = 0; i < sizeof(fcgi_params) / sizeof(fcgi_params[0]); i++) {
            row = &fcgi_params[i];

            if (strlen(row->name) != len || memcmp(row->name, *p, len) != 0) {
                continue;
            }

            field = (const char **) ((char *) request + row->offset);

            if (row->once && *field) {
                request->fault = "a header came twice that may come once";
            }

            *field = *p + len + 1;
            break;
        }
    }
}


static http_method_t
fcgi_method(const char *name)
{
    if (strcmp(name, "GET") == 0) {
        return HTTP_GET;
    }

    if (strcmp(name, "POST") == 0) {
        return HTTP_POST;
    }

    if (strcmp(name, "DELETE") == 0) {
        return HTTP_DELETE;
    }

    return HTTP_OTHER;
}


/*
 * -1: the peer has gone, or let the time run out.  A body that is announced as
 * too large is not read at all.
 */
static int
fcgi_read_body(FCGX_Request *fcgi, http_request_t *request)
{
    int            c;
    char          *end;
    const char    *text;
    unsigned long  announced;

    text = FCGX_GetParam("CONTENT_LENGTH", fcgi->envp);
    if (text == NULL || *text == '\0') {
        text = "0";
    }

    errno = 0;
    announced = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || errno) {
        request->fault = "Content-Length is no number";
        return 0;
    }

    if (announced > HTTP_BODY_SIZE) {
        request->too_large = 1;
        return 0;
    }

    request->body = malloc(announced + 1);
    if (request->body == NULL) {
        return -1;
    }

    /* libfcgi's buffer would keep what is not wiped: passwords, tokens. */

    while ((c = FCGX_GetChar(fcgi->in)) != EOF) {
        fcgi->in->rdNext[-1] = 0;

        if (request->body_len == announced) {
            request->fault = "the body is longer than Content-Length says";
            return 0;
        }

        request->body[request->body_len++] = (char) c;
    }

    request->body[request->body_len] = '\0';

    return FCGX_GetError(fcgi->in) == 0 && request->body_len == announced
           ? 0 : -1;
}


static void
fcgi_write_response(FCGX_Stream *out, http_response_t *response)
{
    char        *text;
    const char  *type;

    text = NULL;

    if (response->json) {
        text = json_dumps(response->json,
                          JSON_COMPACT | JSON_REAL_PRECISION(15));

        if (text == NULL) {
            http_response_free(response);
            response->status = 500;
        }
    }

    type = text ? "application/json" : response->content_type;

    fcgi_write_head(out, response);

    if (text || response->text) {
        FCGX_FPrintF(out, "Content-Type: %s\r\n\r\n", type);
        FCGX_PutS(text ? text : response->text, out);

    } else {
        FCGX_PutS("\r\n", out);
    }

    if (text) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}


static void
fcgi_write_head(FCGX_Stream *out, const http_response_t *response)
{
    int     cacheable;
    size_t  i;

    FCGX_FPrintF(out, "Status: %d %s\r\n", response->status,
                 fcgi_reason(response->status));

    cacheable = 0;

    for (i = 0; i < response->nheaders; i++) {
        FCGX_PutS(response->headers[i].name, out);
        FCGX_PutS(": ", out);
        FCGX_PutS(response->headers[i].value, out);
        FCGX_PutS("\r\n", out);

        if (strcmp(response->headers[i].name, "Cache-Control") == 0) {
            cacheable = 1;
        }
    }

    if (!cacheable) {
        FCGX_PutS("Cache-Control: no-store\r\n", out);
    }
}


static const char *
fcgi_reason(int status)
{
    size_t  i;

    for (i = 0; i < sizeof(fcgi_statuses) / sizeof(fcgi_statuses[0]); i++) {
        if (fcgi_statuses[i].status == status) {
            return fcgi_statuses[i].reason;
        }
    }

    return "Unknown";
}


/* Cookies and the Authorization header are tokens. */
static void
fcgi_wipe_params(FCGX_ParamArray params)
{
    char  **p;

    for (p = params; *p; p++) {
        explicit_bzero(*p, strlen(*p));
    }
}


static int
fcgi_client_gone(void *data)
{
    int      *fd = data;
    char      byte;
    ssize_t   n;

    n = recv(*fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR);
}


static void
fcgi_watch(int fd)
{
    fcgi_watched = fd;
    alarm(FCGI_PATIENCE);
}


static void
fcgi_unwatch(void)
{
    alarm(0);
    fcgi_watched = -1;
}


static void
fcgi_alarm(int signo)
{
    int  saved;

    (void) signo;

    saved = errno;

    if (fcgi_watched != -1) {
        shutdown(fcgi_watched, SHUT_RDWR);
        fcgi_watched = -1;              /* tells that its time was up */
    }

    errno = saved;
}
