/*
 * The network that an address belongs to, as far as one customer has it:
 * an IPv4 address alone, the first 64 bits of an IPv6 address.
 */

#ifndef NETWORK_H
#define NETWORK_H


#define NETWORK_SIZE  64

/* What an address that does not parse belongs to. */
#define NETWORK_OTHER  "other"

/*
 * 0 and "192.0.2.7" or "2001:db8::/64"; an IPv4 address in the form of an
 * IPv6 one, mapped or translated, is the IPv4 address.  -1 and NETWORK_OTHER if it does not parse.
 */
int network_text(const char *address, char text[NETWORK_SIZE]);

#endif
