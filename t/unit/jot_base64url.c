/*
 * base64url: the RFC's vectors both ways, and everything that is not the one
 * right text of some bytes refused.
 */

#include <stdlib.h>

#include "jot.h"
#include "tap.h"


typedef struct {
    const char   *bytes;
    const char   *text;
} pair_t;

typedef struct {
    const char   *name;
    const char   *text;
    size_t        len;
} bad_t;


/* RFC 4648, 10 without its padding; RFC 7515, C; and the two odd letters */

static const pair_t  pairs[] = {
    { "",                     "" },
    { "f",                    "Zg" },
    { "fo",                   "Zm8" },
    { "foo",                  "Zm9v" },
    { "foob",                 "Zm9vYg" },
    { "fooba",                "Zm9vYmE" },
    { "foobar",               "Zm9vYmFy" },
    { "\003\354\377\340\301", "A-z_4ME" },
    { "\373\357\276",         "----" },
    { "\377\377\377",         "____" }
};


static const bad_t  bads[] = {
    { "one letter",                  "A",          1 },
    { "five letters",                "AAAAA",      5 },
    { "padding",                     "Zg==",       4 },
    { "one padding",                 "Zm8=",       4 },
    { "only padding",                "====",       4 },
    { "the other alphabet's +",      "--+-",       4 },
    { "the other alphabet's /",      "__/_",       4 },
    { "four bits left over",         "Zh",         2 },
    { "all bits left over",          "Z_",         2 },
    { "two bits left over",          "Zm9",        3 },
    { "a space before",              " Zm8",       4 },
    { "a space inside",              "Zm 8",       4 },
    { "a line end",                  "Zm8\n",      4 },
    { "a carriage return",           "Zm8\r",      4 },
    { "a tab",                       "Zm8\t",      4 },
    { "a NUL at the end",            "Zm8\0",      4 },
    { "a NUL in front",              "\0Zm8",      4 },
    { "a dot",                       "Zm8.",       4 },
    { "a byte above 127",            "Zm\3028",    4 },
    { "the byte 255",                "Zm\3778",    4 }
};


static void
test_every_byte(void)
{
    int            i, fine;
    char           text[8];
    size_t         len;
    unsigned char  data[8];

    fine = 0;

    for (i = 0; i < 256; i++) {
        memcpy(text, "AAAA", 4);
        text[3] = i;

        if (jot_base64url_decode(data, &len, text, 4) == 0) {
            fine++;
        }
    }

    ok(fine == 64, "64 of 256 bytes are letters");
}


static void
test_every_tail(void)
{
    int            i, fine;
    char           text[2];
    size_t         len;
    unsigned char  data[2];

    fine = 0;
    text[0] = 'A';

    for (i = 0; i < 256; i++) {
        text[1] = i;
        fine += jot_base64url_decode(data, &len, text, 2) == 0;
    }

    ok(fine == 4, "4 letters may end a text of two");
}


/* The buffers are exactly as long as promised, for a sanitizer to see. */

static void
test_round_trip(void)
{
    int             same;
    char           *text;
    size_t          len, i, n, back;
    unsigned char  *bytes, *again;

    same = 1;

    for (len = 1; len < 200; len++) {
        bytes = malloc(len);
        text = malloc(JOT_BASE64URL_ENCODED(len));
        again = malloc(len);

        for (i = 0; i < len; i++) {
            bytes[i] = i * 167 + len * 29;
        }

        n = jot_base64url_encode(text, bytes, len);

        same &= n == JOT_BASE64URL_ENCODED(len)
                && JOT_BASE64URL_DECODED(n) == len
                && jot_base64url_decode(again, &back, text, n) == 0
                && back == len && memcmp(bytes, again, len) == 0;

        free(bytes);
        free(text);
        free(again);
    }

    ok(same, "every length up to 200 there and back");
}


int
main(void)
{
    char           text[64];
    size_t         i, len, n;
    const pair_t  *pair;
    unsigned char  bytes[64];

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        pair = &pairs[i];
        len = strlen(pair->bytes);

        n = jot_base64url_encode(text, pair->bytes, len);
        ok(n == strlen(pair->text) && memcmp(text, pair->text, n) == 0,
           "encode to \"%s\"", pair->text);

        n = 999;
        ok(jot_base64url_decode(bytes, &n, pair->text, strlen(pair->text)) == 0
           && n == len && memcmp(bytes, pair->bytes, len) == 0,
           "decode \"%s\"", pair->text);
    }

    for (i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        ok(jot_base64url_decode(bytes, &n, bads[i].text, bads[i].len) == -1,
           "refused: %s", bads[i].name);
    }

    test_every_byte();
    test_every_tail();
    test_round_trip();

    return done_testing();
}
