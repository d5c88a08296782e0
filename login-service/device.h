/*
 * The cookie by which a browser is known: this user logged in here within 180
 * days.  It signs nobody in; a device that has it is not kept out by what
 * strangers try.
 */

#ifndef DEVICE_H
#define DEVICE_H

#include "http.h"
#include "service.h"


#define DEVICE_ID_SIZE  35      /* "d:" and 32 hex digits */

/*
 * 1 and the name of the device, if the request shows that sub logged in on
 * it; else 0.
 */
int device_find(const service_t *service, const http_request_t *request,
    const char *sub, char id[DEVICE_ID_SIZE]);

/* From here on it is known; nothing happens if there is no key to sign with. */
void device_set(const service_t *service, const char *sub,
    http_response_t *response);

#endif
