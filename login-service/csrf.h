/*
 * Whether a request comes from a page of our own origin.  A browser sends
 * cookies along with requests that other sites make it send; SameSite leaves
 * neighbours of the same site, so the origin is asked for as well.
 *
 * routes.c asks for each unsafe request that carries a cookie of ours.
 * Whoever is about to set cookies for a request that has none (a login by
 * cookie) asks too, or a stranger's page could sign its visitor in.
 */

#ifndef CSRF_H
#define CSRF_H

#include "config.h"
#include "http.h"


/* 1 if the request carries one of our cookies. */
int csrf_cookies(const http_request_t *request, const config_t *config);

/*
 * 0: Sec-Fetch-Site is same-origin; or it is missing and Origin has the
 * request's own host and port; or both are missing, so that no browser sent
 * it, and it carries no cookie of ours.  Else -1, the response is a 403, and
 * the log has a line.
 */
int csrf_check(const http_request_t *request, const config_t *config,
    http_response_t *response);

#endif
