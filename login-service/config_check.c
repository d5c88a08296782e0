/* What settings mean together, and what makes one unsafe. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config_table.h"


#define CONFIG_SECRET_KEY_MIN   32
#define CONFIG_SECRET_DISTINCT  10      /* 32 random hex digits have more */

typedef struct {
    const char   *shorter;
    size_t        shorter_offset;
    const char   *longer;
    size_t        longer_offset;
} config_order_t;


static int config_check_order(const config_t *config,
    const config_given_t *given, char error[CONFIG_ERROR_SIZE]);
static int config_check_issuer(const config_t *config,
    const config_given_t *given, char error[CONFIG_ERROR_SIZE]);
static int config_check_database(const char *name, const char *url,
    const config_given_t *given, char error[CONFIG_ERROR_SIZE]);
static int config_check_secret(const config_t *config,
    const config_given_t *given, char error[CONFIG_ERROR_SIZE]);
static const char *config_secret_fault(const char *secret);
static int config_is_repeated(const char *text, size_t len);
static int config_has_placeholder(const char *text);
static const char *config_place(const config_given_t *given,
    const char *name);
static int config_refuse(char error[CONFIG_ERROR_SIZE], const char *place,
    const char *what);


/* Each is at most as long as the next, and a retry ends before its token. */
static const config_order_t  config_orders[] = {
    { "REFRESH_GRACE", offsetof(config_t, refresh_grace),
      "ACCESS_TOKEN_EXPIRE", offsetof(config_t, access_token_expire) },
    { "ACCESS_TOKEN_EXPIRE", offsetof(config_t, access_token_expire),
      "SESSION_IDLE", offsetof(config_t, session_idle) },
    { "SESSION_IDLE", offsetof(config_t, session_idle),
      "SESSION_ABSOLUTE", offsetof(config_t, session_absolute) },
};

static const char *const  config_placeholders[] = {
    "changeme", "changethis", "secret", "password", "placeholder", "example",
    "default", "insecure", "replace", "yourkey", "qwerty",
};


int
config_check(const config_t *config, const config_given_t *given,
    char error[CONFIG_ERROR_SIZE])
{
    if (config_check_order(config, given, error) != 0
        || config_check_issuer(config, given, error) != 0
        || config_check_database("DATABASE_URL", config->database_url, given,
                                 error) != 0
        || config_check_database("ADMIN_DATABASE_URL",
                                 config->admin_database_url, given, error)
           != 0
        || config_check_secret(config, given, error) != 0)
    {
        return -1;
    }

    return 0;
}


int
config_check_service(const config_t *config, char error[CONFIG_ERROR_SIZE])
{
    size_t                   i;
    const char              *text;
    static const char *const  needed[] = {
        "DATABASE_URL", "ISSUER", "KEY_DIR", "SECRET_KEY"
    };
    const char *const         values[] = {
        config->database_url, config->issuer, config->key_dir,
        config->algorithm == JOT_HS256 ? config->secret_key : "-"
    };

    text = NULL;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]) && !text; i++) {
        if (values[i][0] == '\0') {
            text = needed[i];
        }
    }

    if (text == NULL) {
        return 0;
    }

    for (i = 0; i < config_nsettings; i++) {
        if (strcmp(config_settings[i].name, text) == 0) {
            snprintf(error, CONFIG_ERROR_SIZE, "%s is not set; it has to be "
                     "%s", text, config_settings[i].right);
        }
    }

    return -1;
}


int
config_issuer_is_loopback(const char *issuer)
{
    int          end;
    size_t       len;
    unsigned     a, b, c;
    const char  *host;

    if (strncmp(issuer, "http://", 7) != 0) {
        return 0;
    }

    host = issuer + 7;

    if (strncmp(host, "[::1]", 5) == 0) {
        len = 5;

    } else {
        len = strcspn(host, ":/");
    }

    if (host[len] != '\0' && host[len] != ':' && host[len] != '/') {
        return 0;
    }

    if (len == 5 && host[0] == '[') {
        return 1;
    }

    if (len == 9 && strncasecmp(host, "localhost", 9) == 0) {
        return 1;
    }

    /* 127.0.0.0/8 written in full: "127.evil.example" is a name. */

    end = 0;

    return strspn(host, "0123456789.") == len
           && sscanf(host, "127.%3u.%3u.%3u%n", &a, &b, &c, &end) == 3
           && (size_t) end == len && a < 256 && b < 256 && c < 256;
}


static int
config_check_order(const config_t *config, const config_given_t *given,
    char error[CONFIG_ERROR_SIZE])
{
    size_t                 i;
    int64_t                low, high;
    const char            *place;
    const config_order_t  *order;

    for (i = 0; i < sizeof(config_orders) / sizeof(config_orders[0]); i++) {
        order = &config_orders[i];

        memcpy(&low, (const char *) config + order->shorter_offset,
               sizeof(low));
        memcpy(&high, (const char *) config + order->longer_offset,
               sizeof(high));

        if (low <= high) {
            continue;
        }

        place = config_place(given, order->shorter);
        if (*place == '\0') {
            place = config_place(given, order->longer);
        }

        snprintf(error, CONFIG_ERROR_SIZE, "%s: %s (%" PRId64 " s) is longer "
                 "than %s (%" PRId64 " s); it may be at most as long", place,
                 order->shorter, low, order->longer, high);
        return -1;
    }

    return 0;
}


static int
config_check_issuer(const config_t *config, const config_given_t *given,
    char error[CONFIG_ERROR_SIZE])
{
    int          loopback;
    const char  *place, *issuer;

    issuer = config->issuer;
    place = config_place(given, "ISSUER");
    loopback = config_issuer_is_loopback(issuer);

    if (*issuer) {

        if (!loopback && (strncmp(issuer, "https://", 8) != 0
                          || strcspn(issuer + 8, ":/") == 0))
        {
            return config_refuse(error, place, "not an https URL, nor http on "
                                 "127.0.0.0/8, [::1] or localhost");
        }

        if (strpbrk(issuer, "?#@\\\"")) {
            return config_refuse(error, place, "a URL without user, query and "
                                 "fragment would be right (RFC 8414, 2)");
        }
    }

    if (config->insecure_cookies && !loopback) {
        return config_refuse(error, config_place(given, "INSECURE_COOKIES"),
                             "localhost-only needs an ISSUER on http and a "
                             "loopback address; off would be right");
    }

    return 0;
}


static int
config_check_database(const char *name, const char *url,
    const config_given_t *given, char error[CONFIG_ERROR_SIZE])
{
    if (*url == '\0' || strncmp(url, "postgresql://", 13) == 0
        || strncmp(url, "postgres://", 11) == 0
        || (strchr(url, '=') && strstr(url, "://") == NULL))
    {
        return 0;
    }

    return config_refuse(error, config_place(given, name),
                         "neither postgresql://USER@HOST/NAME nor libpq's "
                         "KEYWORD=VALUE pairs");
}


static int
config_check_secret(const config_t *config, const config_given_t *given,
    char error[CONFIG_ERROR_SIZE])
{
    const char  *fault;

    fault = config_secret_fault(config->secret_key);

    if (fault == NULL) {
        return 0;
    }

    return config_refuse(error, config_place(given, "SECRET_KEY"), fault);
}


/* Anybody who has seen one token can try guesses at it without limit. */
static const char *
config_secret_fault(const char *secret)
{
    int          seen[256] = { 0 };
    size_t       i, len, distinct;

    len = strlen(secret);

    if (len == 0) {
        return NULL;
    }

    if (len < CONFIG_SECRET_KEY_MIN) {
        return "shorter than 32 bytes; \"openssl rand -base64 48\" makes one";
    }

    distinct = 0;

    for (i = 0; i < len; i++) {
        distinct += !seen[(unsigned char) secret[i]]++;
    }

    if (distinct < CONFIG_SECRET_DISTINCT || config_is_repeated(secret, len)
        || config_has_placeholder(secret))
    {
        return "a placeholder or a pattern, not random; "
               "\"openssl rand -base64 48\" makes one";
    }

    return NULL;
}


/* A shorter text, over and over: secretsecretsecret... */
static int
config_is_repeated(const char *text, size_t len)
{
    size_t  period;

    for (period = 1; period <= len / 2; period++) {
        if (memcmp(text, text + period, len - period) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
config_has_placeholder(const char *text)
{
    char    plain[256];
    size_t  i, n;

    /* change-me, Change_Me and changeme are the same. */

    n = 0;

    for (i = 0; text[i] && n < sizeof(plain) - 1; i++) {
        if (strchr("-_. ", text[i]) == NULL) {
            plain[n++] = text[i];
        }
    }

    plain[n] = '\0';

    for (i = 0;
         i < sizeof(config_placeholders) / sizeof(config_placeholders[0]);
         i++)
    {
        if (strcasestr(plain, config_placeholders[i])) {
            explicit_bzero(plain, sizeof(plain));
            return 1;
        }
    }

    explicit_bzero(plain, sizeof(plain));
    return 0;
}


static const char *
config_place(const config_given_t *given, const char *name)
{
    size_t  i;

    for (i = 0; i < config_nsettings; i++) {
        if (strcmp(config_settings[i].name, name) == 0) {
            return given[i].place;
        }
    }

    return name;
}


static int
config_refuse(char error[CONFIG_ERROR_SIZE], const char *place,
    const char *what)
{
    snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", place, what);

    return -1;
}
