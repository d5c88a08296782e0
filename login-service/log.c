/*
 * A line is built on the stack and leaves in one write(), so that the lines of
 * many processes do not mix, and so that running out of memory can be logged.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "utf8.h"


#define LOG_LINE_SIZE   4096    /* PIPE_BUF: up to it a write() is atomic */
#define LOG_VALUE_SIZE  513     /* escaped, six times that still fits */

typedef struct {
    const char   *name;
    const char   *level;
} log_row_t;

typedef struct {
    char          text[LOG_LINE_SIZE];
    size_t        len;
} log_line_t;


static void log_pair(log_line_t *line, const char *name, const char *value);
static int log_append(log_line_t *line, const char *text);
static int log_append_bytes(log_line_t *line, const char *text, size_t len);
static int log_append_escaped(log_line_t *line, const char *text);


static const log_row_t  log_rows[LOG_EVENT_COUNT] = {
    [LOG_STARTED]          = { "started", "info" },
    [LOG_START_REFUSED]    = { "start_refused", "error" },
    [LOG_STOPPING]         = { "stopping", "info" },
    [LOG_STOPPED]          = { "stopped", "info" },
    [LOG_RELOADED]         = { "reloaded", "info" },
    [LOG_RELOAD_REFUSED]   = { "reload_refused", "error" },
    [LOG_WORKER_DIED]      = { "worker_died", "error" },
    [LOG_INSECURE_COOKIES] = { "insecure_cookies", "warning" },
    [LOG_RUNS_AS_ROOT]     = { "runs_as_root", "warning" },
    [LOG_KEYS_LOADED]      = { "keys_loaded", "info" },
    [LOG_KEYS_REFUSED]     = { "keys_refused", "error" },
    [LOG_DATABASE_LOST]    = { "database_lost", "error" },
    [LOG_DATABASE_BACK]    = { "database_back", "info" },
    [LOG_DATABASE_ERROR]   = { "database_error", "error" },
    [LOG_REQUEST_REFUSED]  = { "request_refused", "info" },
    [LOG_CROSS_SITE]       = { "cross_site", "warning" },
    [LOG_CLIENT_GONE]      = { "client_gone", "info" },
    [LOG_LOGIN]            = { "login", "info" },
    [LOG_LOGIN_REFUSED]    = { "login_refused", "info" },
    [LOG_NEW_DEVICE]       = { "new_device", "info" },
    [LOG_MANY_FAILURES]    = { "many_failures", "warning" },
    [LOG_THROTTLED]        = { "throttled", "warning" },
    [LOG_HASH_REFUSED]     = { "hash_refused", "error" },
    [LOG_HASH_UPGRADED]    = { "hash_upgraded", "info" },
    [LOG_PASSWORD_CHANGED] = { "password_changed", "info" },
    [LOG_PASSWORD_RESET]   = { "password_reset", "info" },
    [LOG_PASSWORD_REFUSED] = { "password_refused", "info" },
    [LOG_REGISTERED]       = { "registered", "info" },
    [LOG_REGISTER_REFUSED] = { "register_refused", "info" },
    [LOG_REFRESH]          = { "refresh", "info" },
    [LOG_REFRESH_REFUSED]  = { "refresh_refused", "info" },
    [LOG_REFRESH_AHEAD]    = { "refresh_ahead", "warning" },
    [LOG_REFRESH_REUSE]    = { "refresh_reuse", "warning" },
    [LOG_LOGOUT]           = { "logout", "info" },
    [LOG_TOKEN_REFUSED]    = { "token_refused", "info" },
    [LOG_TOKEN_REVOKED]    = { "token_revoked", "info" },
    [LOG_CLIENT_TOKEN]     = { "client_token", "info" },
    [LOG_CLIENT_REFUSED]   = { "client_refused", "info" },
    [LOG_INTERNAL]         = { "internal_error", "error" },
};

static const char  *log_role = "portero";


void
log_set_role(const char *role)
{
    log_role = role;
}


const char *
log_event_name(log_event_t event)
{
    return log_rows[event].name;
}


void
log_event(log_event_t event, ...)
{
    char              stamp[64], part[32], pid[24];
    va_list           args;
    struct tm         tm;
    log_line_t        line;
    const char       *name, *value;
    struct timespec   now;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(part, sizeof(part), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp, sizeof(stamp), "{\"time\":\"%s.%03dZ\"", part,
             (int) (now.tv_nsec / 1000000));
    snprintf(pid, sizeof(pid), ",\"pid\":%d", (int) getpid());

    line.len = 0;
    (void) log_append(&line, stamp);
    log_pair(&line, "level", log_rows[event].level);
    log_pair(&line, "event", log_rows[event].name);
    log_pair(&line, "role", log_role);
    (void) log_append(&line, pid);

    va_start(args, event);

    for ( ;; ) {
        name = va_arg(args, const char *);
        if (name == NULL) {
            break;
        }

        value = va_arg(args, const char *);
        if (value) {
            log_pair(&line, name, value);
        }
    }

    va_end(args);

    memcpy(line.text + line.len, "}\n", 2);

    /* There is nobody to tell that a log cannot be written. */

    if (write(STDERR_FILENO, line.text, line.len + 2) == -1) {
        return;
    }
}


/* A pair that does not fit is left out whole. */
static void
log_pair(log_line_t *line, const char *name, const char *value)
{
    char    text[LOG_VALUE_SIZE];
    size_t  before;

    before = line->len;
    utf8_copy(text, sizeof(text), value);

    if (log_append(line, ",\"") != 0
        || log_append(line, name) != 0
        || log_append(line, "\":\"") != 0
        || log_append_escaped(line, text) != 0
        || log_append(line, "\"") != 0)
    {
        line->len = before;
    }
}


static int
log_append(log_line_t *line, const char *text)
{
    return log_append_bytes(line, text, strlen(text));
}


static int
log_append_bytes(log_line_t *line, const char *text, size_t len)
{
    if (len > sizeof(line->text) - 2 - line->len) {     /* "}\n" is to come */
        return -1;
    }

    memcpy(line->text + line->len, text, len);
    line->len += len;

    return 0;
}


static int
log_append_escaped(log_line_t *line, const char *text)
{
    char         escaped[8];
    const char  *p;

    for (p = text; *p; p++) {

        if ((unsigned char) *p >= 0x20 && *p != 0x7f && *p != '"'
            && *p != '\\')
        {
            continue;
        }

        snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char) *p);

        if (log_append_bytes(line, text, p - text) != 0
            || log_append(line, escaped) != 0)
        {
            return -1;
        }

        text = p + 1;
    }

    return log_append_bytes(line, text, p - text);
}
