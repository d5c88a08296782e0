/*
 * Strings of JSON (RFC 8259, 7), written without their escapes behind the text.
 * Their room there is enough: each has two quotation marks, and one NUL here;
 * and no escape is shorter than what it stands for.
 */

#include <string.h>

#include "jot.h"
#include "jot_json.h"
#include "jot_read.h"


static inline void jot_string_plain(jot_reader_t *reader);
static int jot_string_escape(jot_reader_t *reader);
static int jot_string_unicode(jot_reader_t *reader);
static int jot_string_hex(jot_reader_t *reader, unsigned *unit);
static int jot_string_utf8(jot_reader_t *reader);


int
jot_string_read(jot_reader_t *reader, jot_str_t *string)
{
    int     rc;
    char   *start;

    start = reader->string;
    reader->p++;

    for ( ;; ) {
        jot_string_plain(reader);

        if (jot_read_mark(reader, '"')) {
            *string = (jot_str_t) { start, reader->string - start };
            *reader->string++ = '\0';
            return 0;
        }

        if (reader->p == reader->end || (unsigned char) *reader->p < ' ') {
            return jot_read_fail(reader);
        }

        rc = *reader->p == '\\' ? jot_string_escape(reader)
                                 : jot_string_utf8(reader);
        if (rc != 0) {
            return -1;
        }
    }
}


/* What stands for itself: ASCII without controls, and the two of JSON's. */

static inline void
jot_string_plain(jot_reader_t *reader)
{
    char         *to;
    const char   *p, *end;

    static const char  plain[256] = {
        [' ' ... '!'] = 1, ['#' ... '['] = 1, [']' ... 0x7f] = 1
    };

    p = reader->p;
    to = reader->string;
    end = reader->end;

    while (p < end && plain[(unsigned char) *p]) {
        *to++ = *p++;
    }

    reader->p = p;
    reader->string = to;
}


static int
jot_string_escape(jot_reader_t *reader)
{
    const char         *found;
    static const char   names[] = "\"\\/bfnrt";
    static const char   values[] = "\"\\/\b\f\n\r\t";

    reader->p++;

    if (reader->p == reader->end) {
        return jot_read_fail(reader);
    }

    if (*reader->p == 'u') {
        return jot_string_unicode(reader);
    }

    found = strchr(names, *reader->p);
    if (found == NULL) {
        return jot_read_fail(reader);
    }

    *reader->string++ = values[found - names];
    reader->p++;

    return 0;
}


/* \uXXXX, or two of them for what is above U+FFFF (RFC 8259, 7). */

static int
jot_string_unicode(jot_reader_t *reader)
{
    char      *p;
    unsigned   c, low;

    if (jot_string_hex(reader, &c) != 0) {
        return -1;
    }

    if (c == 0) {
        return jot_read_refuse(reader, "JSON has a NUL character");
    }

    if (c >= 0xdc00 && c <= 0xdfff) {
        return jot_read_refuse(reader, "not JSON");
    }

    if (c >= 0xd800 && c <= 0xdbff) {
        if (!jot_read_mark(reader, '\\')) {
            return jot_read_fail(reader);
        }

        if (reader->p == reader->end || *reader->p != 'u') {
            return jot_read_fail(reader);
        }

        if (jot_string_hex(reader, &low) != 0) {
            return -1;
        }

        if (low < 0xdc00 || low > 0xdfff) {
            return jot_read_refuse(reader, "not JSON");
        }

        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }

    p = reader->string;

    if (c < 0x80) {
        *p++ = c;

    } else if (c < 0x800) {
        *p++ = 0xc0 | c >> 6;
        *p++ = 0x80 | (c & 0x3f);

    } else if (c < 0x10000) {
        *p++ = 0xe0 | c >> 12;
        *p++ = 0x80 | (c >> 6 & 0x3f);
        *p++ = 0x80 | (c & 0x3f);

    } else {
        *p++ = 0xf0 | c >> 18;
        *p++ = 0x80 | (c >> 12 & 0x3f);
        *p++ = 0x80 | (c >> 6 & 0x3f);
        *p++ = 0x80 | (c & 0x3f);
    }

    reader->string = p;
    return 0;
}


/* The u, and four digits. */

static int
jot_string_hex(jot_reader_t *reader, unsigned *unit)
{
    int       i;
    char      c;
    unsigned  digit;

    *unit = 0;
    reader->p++;

    for (i = 0; i < 4; i++) {
        if (reader->p == reader->end) {
            return jot_read_fail(reader);
        }

        c = *reader->p;

        if (c >= '0' && c <= '9') {
            digit = c - '0';

        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;

        } else if (c >= 'A' && c <= 'F') {
            digit = c - 'A' + 10;

        } else {
            return jot_read_fail(reader);
        }

        *unit = *unit << 4 | digit;
        reader->p++;
    }

    return 0;
}


/*
 * A character of more than one byte (RFC 3629, 4): no longer than it has to be,
 * no surrogate, none above U+10FFFF.
 */

static int
jot_string_utf8(jot_reader_t *reader)
{
    size_t                 n, i;
    unsigned char          low, high;
    const unsigned char   *p;

    p = (const unsigned char *) reader->p;
    low = 0x80;                                 /* of the second byte */
    high = 0xbf;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;

    } else {
        return jot_read_refuse(reader, "JSON is not UTF-8");
    }

    for (i = 1; i < n; i++) {
        if (reader->p + i == reader->end || p[i] < low || p[i] > high) {
            return jot_read_refuse(reader, "JSON is not UTF-8");
        }

        low = 0x80;
        high = 0xbf;
    }

    reader->string = mempcpy(reader->string, reader->p, n);
    reader->p += n;

    return 0;
}
