/*
 *     v1.<base64url( kid 1 | issued 8 | HMAC-SHA-256 32 )>
 *
 * The HMAC covers the sub too, which does not stand in the cookie: of another
 * user it says nothing.  Its first half names the device, so each login makes
 * a new name, and only who knows the password can make one.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "cookie.h"
#include "db.h"
#include "device.h"
#include "keys_derive.h"


#define DEVICE_PURPOSE     "portero device v1"
#define DEVICE_PREFIX      "v1."
#define DEVICE_PREFIX_LEN  (sizeof(DEVICE_PREFIX) - 1)
#define DEVICE_MAC         9                /* where it begins */
#define DEVICE_BYTES       (DEVICE_MAC + KEYS_MAC_SIZE)
#define DEVICE_TEXT_LEN    (DEVICE_PREFIX_LEN                                 \
                            + JOT_BASE64URL_ENCODED(DEVICE_BYTES))
#define DEVICE_LIFETIME    (180 * 24 * 60 * 60)
#define DEVICE_AHEAD       300              /* another host's clock */


static int device_mac(const unsigned char *key, const unsigned char *bytes,
    const char *sub, unsigned char mac[KEYS_MAC_SIZE]);


int
device_find(const service_t *service, const http_request_t *request,
    const char *sub, char id[DEVICE_ID_SIZE])
{
    size_t         i, len;
    int64_t        issued, now;
    jot_str_t      text;
    unsigned char  bytes[DEVICE_BYTES], mac[KEYS_MAC_SIZE];

    if (http_cookie_find(request, cookie_device_name(service->config), &text)
        != 1
        || text.len != DEVICE_TEXT_LEN
        || memcmp(text.data, DEVICE_PREFIX, DEVICE_PREFIX_LEN) != 0
        || jot_base64url_decode(bytes, &len, text.data + DEVICE_PREFIX_LEN,
                                text.len - DEVICE_PREFIX_LEN) != 0
        || len != DEVICE_BYTES)
    {
        return 0;
    }

    if (device_mac(keys_refresh_find(service->keys, bytes[0]), bytes, sub, mac)
        != 0
        || CRYPTO_memcmp(mac, bytes + DEVICE_MAC, KEYS_MAC_SIZE) != 0)
    {
        return 0;
    }

    for (issued = 0, i = 1; i < DEVICE_MAC; i++) {
        issued = issued << 8 | bytes[i];
    }

    now = time(NULL);

    if (issued > now + DEVICE_AHEAD || now - issued > DEVICE_LIFETIME) {
        return 0;
    }

    memcpy(id, "d:", 2);

    for (i = 0; i < KEYS_MAC_SIZE / 2; i++) {
        snprintf(id + 2 + 2 * i, 3, "%02x", mac[i]);
    }

    return 1;
}


void
device_set(const service_t *service, const char *sub,
    http_response_t *response)
{
    int                   i;
    char                  text[DEVICE_TEXT_LEN + 1];
    int64_t               now;
    unsigned              kid;
    unsigned char         bytes[DEVICE_BYTES];
    const unsigned char  *key;

    key = keys_refresh(service->keys, &kid);

    if (key == NULL) {
        return;
    }

    now = time(NULL);
    bytes[0] = kid;

    for (i = DEVICE_MAC - 1; i > 0; i--) {
        bytes[i] = now;
        now >>= 8;
    }

    if (device_mac(key, bytes, sub, bytes + DEVICE_MAC) != 0) {
        return;
    }

    memcpy(text, DEVICE_PREFIX, DEVICE_PREFIX_LEN);
    jot_base64url_encode(text + DEVICE_PREFIX_LEN, bytes, DEVICE_BYTES);
    text[DEVICE_TEXT_LEN] = '\0';

    cookie_device_set(response, service->config, text, DEVICE_LIFETIME);
}


static int
device_mac(const unsigned char *key, const unsigned char *bytes,
    const char *sub, unsigned char mac[KEYS_MAC_SIZE])
{
    size_t         len;
    unsigned char  data[DEVICE_MAC + DB_SUB_SIZE];

    len = strlen(sub);

    if (key == NULL || len >= DB_SUB_SIZE) {
        return -1;
    }

    memcpy(data, bytes, DEVICE_MAC);
    memcpy(data + DEVICE_MAC, sub, len);

    return keys_derive_mac(key, DEVICE_PURPOSE, data, DEVICE_MAC + len, mac);
}
