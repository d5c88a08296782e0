/* One network has one spelling, whatever that of the address. */

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "network.h"


#define NETWORK_PREFIX  8       /* bytes of an IPv6 address */


/* 64:ff9b::/96: an IPv4 address that was translated (RFC 6052, 2.1). */
static const unsigned char  network_nat64[12] = { 0, 0x64, 0xff, 0x9b };


int
network_text(const char *address, char text[NETWORK_SIZE])
{
    size_t           len;
    struct in_addr   ip;
    struct in6_addr  ip6;

    if (inet_pton(AF_INET, address, &ip) == 1) {
        return inet_ntop(AF_INET, &ip, text, NETWORK_SIZE) ? 0 : -1;
    }

    if (inet_pton(AF_INET6, address, &ip6) != 1) {
        snprintf(text, NETWORK_SIZE, NETWORK_OTHER);
        return -1;
    }

    if (IN6_IS_ADDR_V4MAPPED(&ip6)
        || memcmp(ip6.s6_addr, network_nat64, sizeof(network_nat64)) == 0)
    {
        memcpy(&ip, ip6.s6_addr + 12, sizeof(ip));
        return inet_ntop(AF_INET, &ip, text, NETWORK_SIZE) ? 0 : -1;
    }

    memset(ip6.s6_addr + NETWORK_PREFIX, 0,
           sizeof(ip6.s6_addr) - NETWORK_PREFIX);

    if (inet_ntop(AF_INET6, &ip6, text, NETWORK_SIZE) == NULL) {
        return -1;
    }

    len = strlen(text);
    snprintf(text + len, NETWORK_SIZE - len, "/64");

    return 0;
}
