/*
 * The cookies: names, attributes, and nothing else.  `Secure` and the
 * prefixes do not depend on what a request looks like, only on the setting
 * INSECURE_COOKIES.
 */

#ifndef COOKIE_H
#define COOKIE_H

#include <stdint.h>

#include "config.h"
#include "http.h"


/*
 * __Host-access, __Secure-refresh and __Host-device; without Secure
 * access-PORT and so on, of the issuer, because cookies ignore ports.  The
 * text is static and lives as long as the process.
 */
const char *cookie_access_name(const config_t *config);
const char *cookie_refresh_name(const config_t *config);
const char *cookie_device_name(const config_t *config);

/* max_age is in seconds; 0 makes a browser forget the cookie at once. */
void cookie_access_set(http_response_t *response, const config_t *config,
    const char *token, int64_t max_age);
void cookie_refresh_set(http_response_t *response, const config_t *config,
    const char *token, int64_t max_age);

void cookie_device_set(http_response_t *response, const config_t *config,
    const char *text, int64_t max_age);

/* Forgets the first two: a device stays known. */
void cookie_clear(http_response_t *response, const config_t *config);

#endif
