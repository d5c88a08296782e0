/*
 * base64url without padding (RFC 4648, 5; RFC 7515, 2).
 *
 * Decoding accepts exactly one text for each sequence of bytes: a token that
 * can be written in two ways could be known, or revoked, under one of them.
 */

#include "jot.h"


static const char jot_base64url_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* The letter's six bits plus one, so that every other byte is 0 by itself. */

static const unsigned char jot_base64url_values[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
    ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
    ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64
};


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
        if (!(jot_base64url_values[s[0]] && jot_base64url_values[s[1]]
              && jot_base64url_values[s[2]] && jot_base64url_values[s[3]]))
        {
            return -1;
        }

        bits = (jot_base64url_values[s[0]] - 1u) << 18
               | (jot_base64url_values[s[1]] - 1u) << 12
               | (jot_base64url_values[s[2]] - 1u) << 6
               | (jot_base64url_values[s[3]] - 1u);

        p[0] = bits >> 16;
        p[1] = bits >> 8 & 0xff;
        p[2] = bits & 0xff;
    }

    bits = 0;
    have = 0;

    while (s < end) {
        value = jot_base64url_values[*s++];

        if (value == 0) {
            return -1;
        }

        bits = (bits << 6 | (value - 1)) & 0xffff;
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
