/*
 * base64url without padding (RFC 4648, 5; RFC 7515, 2).
 *
 * Decoding accepts exactly one text for each sequence of bytes: a token that
 * can be written in two ways could be known, or revoked, under one of them.
 */

#include "jot.h"


static const char jot_base64url_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* The six bits of each letter.  What is none has all bits, and keeps the upper
   ones whatever it is shifted and joined to. */

static const signed char jot_base64url_values[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
    -1,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, 63,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
    [128 ... 255] = -1
};


static inline unsigned
jot_base64url_value(unsigned char letter)
{
    return jot_base64url_values[letter];
}


size_t
jot_base64url_encode(char *dst, const void *src, size_t len)
{
    char                 *p;
    unsigned              bits, have;
    const unsigned char  *s, *end;

    p = dst;
    s = src;
    end = s + len;
    bits = 0;
    have = 0;

    while (s < end) {
        bits = (bits << 8 | *s++) & 0xffff;
        have += 8;

        while (have >= 6) {
            have -= 6;
            *p++ = jot_base64url_letters[bits >> have & 0x3f];
        }
    }

    if (have) {
        *p++ = jot_base64url_letters[bits << (6 - have) & 0x3f];
    }

    return p - dst;
}


int
jot_base64url_decode(void *dst, size_t *dstlen, const char *src, size_t len)
{
    unsigned              bits, have, value;
    unsigned char        *p;
    const unsigned char  *s, *end;

    if (len % 4 == 1) {
        return -1;
    }

    p = dst;
    s = (const unsigned char *) src;
    end = s + len;

    /* Four letters are three bytes; what is left has no four. */

    for ( /* void */ ; end - s >= 4; s += 4, p += 3) {
        bits = jot_base64url_value(s[0]) << 18
               | jot_base64url_value(s[1]) << 12
               | jot_base64url_value(s[2]) << 6
               | jot_base64url_value(s[3]);

        if (bits > 0xffffff) {
            return -1;
        }

        p[0] = bits >> 16;
        p[1] = bits >> 8 & 0xff;
        p[2] = bits & 0xff;
    }

    bits = 0;
    have = 0;

    while (s < end) {
        value = jot_base64url_value(*s++);

        if (value > 0x3f) {
            return -1;
        }

        bits = (bits << 6 | value) & 0xffff;
        have += 6;

        if (have >= 8) {
            have -= 8;
            *p++ = bits >> have;
        }
    }

    if (bits & ((1u << have) - 1)) {
        return -1;
    }

    *dstlen = p - (unsigned char *) dst;
    return 0;
}
