/*
 * GET /.well-known/oauth-authorization-server (RFC 8414): what this service
 * can do, and no more.  There is no authorization endpoint, so there are no
 * response types.
 */

#include <string.h>

#include <jansson.h>

#include "routes.h"


static json_t *metadata_url(const config_t *config, const char *path);


void
oauth_metadata_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    const config_t  *config;

    (void) request;
    config = service->config;

    http_header_add(response, "Cache-Control", "public, max-age=300");

    http_respond_json(response, 200,
        json_pack("{s:s, s:o, s:o, s:o, s:o*, s:[], s:[s,s],"
                  " s:[s,s,s], s:[s,s,s], s:[s,s]}",
            "issuer", config->issuer,
            "token_endpoint", metadata_url(config, "/oauth/token"),
            "revocation_endpoint", metadata_url(config, "/oauth/revoke"),
            "introspection_endpoint",
            metadata_url(config, "/oauth/introspect"),

            /* With HS256 there is no public key to verify with. */

            "jwks_uri", config->algorithm == JOT_HS256 ? NULL
                        : metadata_url(config, "/.well-known/jwks.json"),

            "response_types_supported",
            "grant_types_supported", "refresh_token", "client_credentials",
            "token_endpoint_auth_methods_supported", "client_secret_basic",
            "client_secret_post", "none",
            "revocation_endpoint_auth_methods_supported",
            "client_secret_basic", "client_secret_post", "none",
            "introspection_endpoint_auth_methods_supported",
            "client_secret_basic", "client_secret_post"));
}


/* The endpoints lie at the root of the issuer's host, whatever its path. */

static json_t *
metadata_url(const config_t *config, const char *path)
{
    size_t       len;
    const char  *host;

    host = strstr(config->issuer, "://");
    host = host ? host + 3 : config->issuer;
    len = host - config->issuer + strcspn(host, "/?#");

    return json_sprintf("%.*s%s", (int) len, config->issuer, path);
}
