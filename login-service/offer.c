/*
 * A neighbour that sets a cookie of our name for the whole domain makes two of
 * them, and their order is the browser's: so two are refused.
 */

#include <string.h>

#include "cookie.h"
#include "offer.h"


int
offer_refresh(const http_request_t *request, const config_t *config,
    jot_str_t *token, delivery_t *delivery, const char **fault)
{
    int          rc;
    size_t       cookies;
    const char  *text;

    rc = http_member(request, "refresh_token", &text);
    cookies = http_cookie_find(request, cookie_refresh_name(config), token);
    *delivery = DELIVERY_COOKIE;

    if (rc == -1) {
        *fault = "refresh_token is not a string";
        return -1;
    }

    if (cookies > 1) {
        *fault = "there is more than one refresh cookie";
        return -1;
    }

    if (rc == 1 && cookies) {
        *fault = "there is a refresh token in the cookie and in the body";
        return -1;
    }

    if (rc == 1) {
        *delivery = DELIVERY_TOKEN;
        token->data = text;
        token->len = strlen(text);
    }

    return rc == 1 || cookies;
}


int
offer_access(const http_request_t *request, const config_t *config,
    jot_str_t *token, delivery_t *delivery, const char **fault)
{
    int        rc;
    size_t     cookies;
    jot_str_t  cookie;

    rc = http_bearer(request, token);
    cookies = http_cookie_find(request, cookie_access_name(config), &cookie);

    if (rc == -1) {
        *fault = "the Authorization header is malformed";
        return -1;
    }

    if (cookies > 1) {
        *fault = "there is more than one access cookie";
        return -1;
    }

    if (rc == 1 && cookies
        && (token->len != cookie.len
            || memcmp(token->data, cookie.data, cookie.len) != 0))
    {
        *fault = "the Authorization header and the cookie differ";
        return -1;
    }

    *delivery = DELIVERY_TOKEN;

    if (cookies) {
        *delivery = DELIVERY_COOKIE;
        *token = cookie;
    }

    return rc == 1 || cookies;
}
