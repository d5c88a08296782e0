/* Whose requests may use our cookies. */

#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>

#include "csrf.h"
#include "tap.h"


typedef struct {
    const char   *name;
    const char   *site;
    const char   *origin;
    const char   *host;
    const char   *cookie;
    int           rc;
} csrf_case_t;


#define ACCESS   "__Host-access=x"
#define REFRESH  "a=b; __Secure-refresh=x"

static const csrf_case_t  cases[] = {

    /* Sec-Fetch-Site decides alone, if it is there. */

    { "same-origin", "same-origin", NULL, "a.example", ACCESS, 0 },
    { "same-origin, whatever the Origin", "same-origin", "https://b.example",
      "a.example", ACCESS, 0 },
    { "same-site", "same-site", NULL, "a.example", ACCESS, -1 },
    { "same-site with our Origin", "same-site", "https://a.example",
      "a.example", ACCESS, -1 },
    { "cross-site", "cross-site", NULL, "a.example", ACCESS, -1 },
    { "none", "none", NULL, "a.example", ACCESS, -1 },
    { "cross-site without cookies", "cross-site", NULL, "a.example", NULL,
      -1 },
    { "another case", "Same-Origin", NULL, "a.example", ACCESS, -1 },
    { "empty", "", NULL, "a.example", ACCESS, -1 },

    /* Origin, without it. */

    { "Origin", NULL, "https://a.example", "a.example", ACCESS, 0 },
    { "Origin, another scheme", NULL, "http://a.example", "a.example",
      ACCESS, 0 },
    { "Origin, case", NULL, "https://A.example", "a.EXAMPLE", ACCESS, 0 },
    { "Origin, a port", NULL, "https://a.example:8443", "a.example:8443",
      ACCESS, 0 },
    { "Origin, the default port said", NULL, "https://a.example",
      "a.example:443", ACCESS, 0 },
    { "Origin, an address", NULL, "http://[::1]:8080", "[::1]:8080",
      ACCESS, 0 },
    { "Origin, the refresh cookie", NULL, "https://a.example", "a.example",
      REFRESH, 0 },

    { "another host", NULL, "https://b.example", "a.example", ACCESS, -1 },
    { "another host, no cookie", NULL, "https://b.example", "a.example", NULL,
      -1 },
    { "a neighbour", NULL, "https://b.a.example", "a.example", ACCESS, -1 },
    { "a host that starts so", NULL, "https://a.example.b", "a.example",
      ACCESS, -1 },
    { "a host that ends so", NULL, "https://xa.example", "a.example", ACCESS,
      -1 },
    { "another port", NULL, "https://a.example:8443", "a.example", ACCESS,
      -1 },
    { "another port, the other way", NULL, "https://a.example",
      "a.example:8443", ACCESS, -1 },
    { "http's port is not https's", NULL, "http://a.example",
      "a.example:443", ACCESS, -1 },
    { "another address", NULL, "http://[::1]:8080", "[::2]:8080", ACCESS,
      -1 },
    { "null", NULL, "null", "a.example", ACCESS, -1 },
    { "empty Origin", NULL, "", "a.example", ACCESS, -1 },
    { "another scheme of URL", NULL, "file://a.example", "a.example", ACCESS,
      -1 },
    { "no scheme", NULL, "a.example", "a.example", ACCESS, -1 },
    { "a path", NULL, "https://a.example/", "a.example", ACCESS, -1 },
    { "a user", NULL, "https://a.example@b", "a.example", ACCESS, -1 },
    { "an empty host", NULL, "https://", "", ACCESS, -1 },
    { "no Host", NULL, "https://a.example", NULL, ACCESS, -1 },
    { "a port that is none", NULL, "https://a.example:x", "a.example:x",
      ACCESS, -1 },
    { "an empty port", NULL, "https://a.example:", "a.example:", ACCESS, -1 },
    { "a bracket left open", NULL, "http://[::1", "[::1x", ACCESS, -1 },

    /* Neither. */

    { "no browser, no cookie", NULL, NULL, "a.example", NULL, 0 },
    { "no browser, a cookie of another", NULL, NULL, "a.example", "a=b", 0 },
    { "no browser, the access cookie", NULL, NULL, "a.example", ACCESS, -1 },
    { "no browser, the refresh cookie", NULL, NULL, "a.example", REFRESH,
      -1 },
};


static void
test_check(const config_t *config, const csrf_case_t *c)
{
    int              rc;
    http_request_t   request;
    http_response_t  response;

    memset(&request, 0, sizeof(request));
    memset(&response, 0, sizeof(response));

    request.method = HTTP_POST;
    request.path = "/auth/refresh";
    request.address = "192.0.2.1";
    request.sec_fetch_site = c->site;
    request.origin = c->origin;
    request.host = c->host;
    request.cookie = c->cookie;

    rc = csrf_check(&request, config, &response);

    ok(rc == c->rc && response.status == (c->rc ? 403 : 0), "%s", c->name);

    http_response_free(&response);
}


static void
test_cookies(const config_t *config)
{
    http_request_t  request;

    memset(&request, 0, sizeof(request));

    ok(!csrf_cookies(&request, config), "cookies: none");
    request.cookie = ACCESS;
    ok(csrf_cookies(&request, config), "cookies: access");
    request.cookie = REFRESH;
    ok(csrf_cookies(&request, config), "cookies: refresh");
    request.cookie = "__host-access=x; refresh=y; access-8080=z";
    ok(!csrf_cookies(&request, config), "cookies: others");
}


int
main(void)
{
    int        null_fd;
    size_t     i;
    config_t   config;
    char       issuer[] = "https://a.example";

    /* The log lines of refusals are not TAP's. */

    null_fd = open("/dev/null", O_WRONLY);
    if (null_fd == -1 || dup2(null_fd, STDERR_FILENO) == -1) {
        return 1;
    }

    memset(&config, 0, sizeof(config));
    config.issuer = issuer;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_check(&config, &cases[i]);
    }

    test_cookies(&config);

    return done_testing();
}
