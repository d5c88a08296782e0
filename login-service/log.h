/*
 * One event, one line of JSON on standard error.  log.c has the table of all
 * events: name and level.  Values are texts, made valid UTF-8 and cut at 512
 * bytes; a secret is never one of them.
 */

#ifndef LOG_H
#define LOG_H


/* The order is that of the table in log.c. */
typedef enum {
    LOG_STARTED,            /* the master listens on all lanes */
    LOG_START_REFUSED,      /* what is wrong, where, what would be right */
    LOG_STOPPING,
    LOG_STOPPED,
    LOG_RELOADED,
    LOG_RELOAD_REFUSED,     /* the old configuration or keys stay in force */
    LOG_WORKER_DIED,
    LOG_INSECURE_COOKIES,
    LOG_RUNS_AS_ROOT,
    LOG_KEYS_LOADED,
    LOG_KEYS_REFUSED,
    LOG_DATABASE_LOST,      /* once, with libpq's words */
    LOG_DATABASE_BACK,
    LOG_DATABASE_ERROR,     /* a statement failed: SQLSTATE and message */
    LOG_REQUEST_REFUSED,    /* a 4xx of form: what was wrong with it */
    LOG_CROSS_SITE,
    LOG_CLIENT_GONE,
    LOG_LOGIN,
    LOG_LOGIN_REFUSED,      /* reason: unknown, wrong, disabled, ... */
    LOG_NEW_DEVICE,         /* a login from what is not known of the user */
    LOG_MANY_FAILURES,      /* an account has reached its limit */
    LOG_THROTTLED,          /* 429: which limit, and for how long */
    LOG_HASH_REFUSED,       /* a stored hash is too dear or unknown */
    LOG_HASH_UPGRADED,
    LOG_PASSWORD_CHANGED,
    LOG_PASSWORD_RESET,     /* by a link */
    LOG_PASSWORD_REFUSED,   /* a change of password: wrong, weak */
    LOG_REGISTERED,
    LOG_REGISTER_REFUSED,
    LOG_REFRESH,
    LOG_REFRESH_REFUSED,
    LOG_REFRESH_AHEAD,      /* the database lost a commit of ours */
    LOG_REFRESH_REUSE,
    LOG_LOGOUT,
    LOG_TOKEN_REFUSED,      /* an access token: the word of jot_status_text */
    LOG_TOKEN_REVOKED,      /* an access token, by its holder */
    LOG_CLIENT_TOKEN,       /* a client or an API key got an access token */
    LOG_CLIENT_REFUSED,     /* reason: no secret, wrong secret, ... */
    LOG_INTERNAL,           /* our own fault: out of memory, OpenSSL, libjwt */
    LOG_EVENT_COUNT
} log_event_t;

/*
 * Pairs of name and text follow, then a NULL; a pair whose text is NULL is
 * left out: log_event(LOG_LOGIN, "user", sub, "address", address, NULL).
 */
void log_event(log_event_t event, ...) __attribute__((sentinel));

/* Who speaks: "master", "password", "token", "internal". */
void log_set_role(const char *role);

const char *log_event_name(log_event_t event);

#endif
