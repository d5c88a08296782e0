/* Client texts get into logs and the database, and both want valid UTF-8. */

#include <string.h>

#include "utf8.h"


size_t
utf8_sequence(const char *text, size_t len)
{
    size_t                i, n;
    unsigned              low, high;
    const unsigned char  *p;

    if (len == 0) {
        return 0;
    }

    p = (const unsigned char *) text;

    if (p[0] < 0x80) {
        return 1;
    }

    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }

    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    /* The second byte tells overlong forms, surrogates and too high ones. */

    low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;

    if (len < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


int
utf8_valid(const char *text, size_t len)
{
    size_t  n;

    for ( /* void */ ; len; text += n, len -= n) {
        n = utf8_sequence(text, len);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


void
utf8_copy(char *dst, size_t size, const char *text)
{
    size_t  len, n;

    len = strlen(text);

    while (len) {
        n = utf8_sequence(text, len);

        if ((n ? n : 1) >= size) {
            break;
        }

        if (n) {
            memcpy(dst, text, n);

        } else {
            n = 1;
            *dst = '?';
        }

        dst += n;
        size -= n;
        text += n;
        len -= n;
    }

    *dst = '\0';
}
