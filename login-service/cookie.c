/*
 * The access cookie goes with every request, so that a link from elsewhere
 * opens a page signed in (Lax); the refresh cookie goes to /auth only, and
 * never with a request that another site started (Strict).  None has a
 * Domain: a neighbour must not read or set them (RFC 6265bis, 4.1.3).
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cookie.h"
#include "token.h"


#define COOKIE_NAME_SIZE  32
#define COOKIE_TEXT_SIZE  (TOKEN_ACCESS_SIZE + 256)

typedef struct {
    const char   *name;
    const char   *insecure_name;    /* the issuer's port is added */
    const char   *path;
    const char   *same_site;
} cookie_t;


static const char *cookie_name(const cookie_t *cookie, const config_t *config,
    char buffer[COOKIE_NAME_SIZE]);
static int cookie_port(const char *issuer);
static void cookie_add(http_response_t *response, const config_t *config,
    const cookie_t *cookie, const char *name, const char *value,
    int64_t max_age);


static const cookie_t  cookie_access = {
    "__Host-access", "access", "/", "Lax"
};

static const cookie_t  cookie_refresh = {
    "__Secure-refresh", "refresh", "/auth", "Strict"
};

static const cookie_t  cookie_device = {
    "__Host-device", "device", "/", "Strict"
};


const char *
cookie_access_name(const config_t *config)
{
    static char  buffer[COOKIE_NAME_SIZE];

    return cookie_name(&cookie_access, config, buffer);
}


const char *
cookie_refresh_name(const config_t *config)
{
    static char  buffer[COOKIE_NAME_SIZE];

    return cookie_name(&cookie_refresh, config, buffer);
}


const char *
cookie_device_name(const config_t *config)
{
    static char  buffer[COOKIE_NAME_SIZE];

    return cookie_name(&cookie_device, config, buffer);
}


void
cookie_access_set(http_response_t *response, const config_t *config,
    const char *token, int64_t max_age)
{
    cookie_add(response, config, &cookie_access, cookie_access_name(config),
               token, max_age);
}


void
cookie_refresh_set(http_response_t *response, const config_t *config,
    const char *token, int64_t max_age)
{
    cookie_add(response, config, &cookie_refresh, cookie_refresh_name(config),
               token, max_age);
}


void
cookie_device_set(http_response_t *response, const config_t *config,
    const char *text, int64_t max_age)
{
    cookie_add(response, config, &cookie_device, cookie_device_name(config),
               text, max_age);
}


void
cookie_clear(http_response_t *response, const config_t *config)
{
    cookie_access_set(response, config, "", 0);
    cookie_refresh_set(response, config, "", 0);
}


static const char *
cookie_name(const cookie_t *cookie, const config_t *config,
    char buffer[COOKIE_NAME_SIZE])
{
    if (!config->insecure_cookies) {
        return cookie->name;
    }

    snprintf(buffer, COOKIE_NAME_SIZE, "%s-%d", cookie->insecure_name,
             cookie_port(config->issuer));

    return buffer;
}


/* The settings were read: the issuer is a URL on a loopback address. */
static int
cookie_port(const char *issuer)
{
    int          port;
    const char  *host;

    host = strstr(issuer, "://");
    host = host ? host + 3 : issuer;

    if (*host == '[') {
        host += strcspn(host, "]");
    }

    host += strcspn(host, ":/");

    if (*host == ':' && sscanf(host + 1, "%5d", &port) == 1) {
        return port;
    }

    return strncmp(issuer, "https:", 6) == 0 ? 443 : 80;
}


static void
cookie_add(http_response_t *response, const config_t *config,
    const cookie_t *cookie, const char *name, const char *value,
    int64_t max_age)
{
    int   len;
    char  text[COOKIE_TEXT_SIZE];

    len = snprintf(text, sizeof(text),
                   "%s=%s; Path=%s; Max-Age=%" PRId64 ";%s HttpOnly; "
                   "SameSite=%s",
                   name, value, cookie->path, max_age,
                   config->insecure_cookies ? "" : " Secure;",
                   cookie->same_site);

    if (len < 0 || (size_t) len >= sizeof(text)) {
        http_respond_error(response, 500, "server_error", "an internal error");

    } else {
        http_header_add(response, "Set-Cookie", text);
    }

    explicit_bzero(text, sizeof(text));
}
