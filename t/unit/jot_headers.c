/*
 * Headers that were read before: whose they are, how many, and how long they
 * stay; that they change no verdict is asked in jot_token.c for each token.
 */

#include <stdio.h>

#include "jot.h"
#include "hs256.h"
#include "tap.h"


#define KEPT  8

static jot_headers_t  *headers;
static jot_keys_t     *set;


/* A token whose header has this member; the text is the caller's to free. */

static char *
mint(const char *member, int forged)
{
    char    header[2048], *text;
    size_t  len;

    len = snprintf(header, sizeof(header), "{\"alg\":\"HS256\",%s}", member);
    text = hs256_token(header, len, "{}", 2);

    if (forged) {
        text[strlen(text) - 10] ^= 1;
    }

    return text;
}


/* Parses and verifies; the text has to outlive the token. */

static jot_status_t
take(jot_token_t *token, const char *text)
{
    jot_trust_t    trust;
    jot_status_t   status;

    trust = (jot_trust_t) { set, { NULL, 0 } };
    status = jot_token_parse(token, headers, text, strlen(text));

    return status == JOT_OK
           ? jot_token_verify(token, &trust, 1, JOT_ALGS_ALL) : status;
}


static jot_status_t
pass(const char *text)
{
    jot_token_t    token;
    jot_status_t   status;

    status = take(&token, text);
    jot_token_free(&token);

    return status;
}


/* Whether two tokens of a text get one header, that is one read before. */

static int
kept(const char *text)
{
    int          same;
    jot_token_t  a, b;

    jot_token_parse(&a, headers, text, strlen(text));
    jot_token_parse(&b, headers, text, strlen(text));
    same = a.header && a.header == b.header;

    jot_token_free(&a);
    jot_token_free(&b);

    return same;
}


static void
test_whose(void)
{
    char         *good, *forged, *other, *refused, *long_one;
    char          member[1600];
    jot_token_t   token;

    good = mint("\"kid\":\"a\"", 0);
    other = mint("\"kid\":\"b\"", 0);
    forged = mint("\"kid\":\"c\"", 1);
    refused = mint("\"crit\":[\"x\"],\"x\":1", 0);
    snprintf(member, sizeof(member), "\"x\":\"%01000d\"", 0);
    long_one = mint(member, 0);

    ok(!kept(good), "nothing is kept of a token that was only parsed");
    ok(pass(good) == JOT_OK && kept(good), "the header of one that verified");
    ok(!kept(other), "is not another's");
    ok(pass(forged) == JOT_SIGNATURE && !kept(forged),
       "nothing is kept of a forged one");
    ok(pass(refused) == JOT_MALFORMED && !kept(refused),
       "nor of one with crit");
    ok(pass(long_one) == JOT_OK && !kept(long_one),
       "a long one is read each time");

    ok(take(&token, good) == JOT_OK && token.kid.len == 1
       && token.kid.data[0] == 'a' && token.alg == JOT_HS256,
       "alg and kid are its own");
    jot_token_free(&token);

    ok(pass(other) == JOT_OK && kept(other) && kept(good), "two are kept");

    free(good);
    free(other);
    free(forged);
    free(refused);
    free(long_one);
}


static void
test_how_long(void)
{
    int           i, all;
    char          member[32], *text[KEPT + 1];
    jot_str_t     header;
    jot_token_t   token;

    for (i = 0; i <= KEPT; i++) {
        snprintf(member, sizeof(member), "\"n\":%d", i);
        text[i] = mint(member, 0);
    }

    take(&token, text[0]);
    all = kept(text[0]);

    for (i = 1; i < KEPT; i++) {
        all &= pass(text[i]) == JOT_OK && kept(text[i]);
        all &= pass(text[i]) == JOT_OK;
    }

    ok(all && kept(text[0]), "as many as there is room for");
    ok(pass(text[KEPT]) == JOT_OK && kept(text[KEPT]) && !kept(text[0]),
       "one more takes the place of the oldest");
    ok(kept(text[1]), "and of no other");

    header = jot_json_text(token.header);
    ok(header.len == 21 && memcmp(header.data + 15, "\"n\":0}", 6) == 0,
       "a token holds on to a header that is no longer kept");

    jot_token_free(&token);

    for (i = 0; i <= KEPT; i++) {
        free(text[i]);
    }
}


int
main(void)
{
    char  reason[JOT_REASON_SIZE];

    headers = jot_headers_new();
    set = jot_keys_parse(HS256_KEYS, sizeof(HS256_KEYS) - 1, 0, NULL, NULL,
                         reason);

    test_whose();
    jot_headers_free(headers);

    headers = jot_headers_new();
    test_how_long();
    jot_headers_free(headers);
    jot_headers_free(NULL);
    ok(1, "NULL may be freed");

    jot_keys_free(set);

    return done_testing();
}
