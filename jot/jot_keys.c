/*
 * A JWK Set (RFC 7517, 5).  One key that cannot be used does not spoil the
 * others, as the RFC asks; but it is named, so that nobody wonders later.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "jot.h"
#include "jot_json.h"
#include "jot_keys.h"


#define JOT_KEYS_TEXT   (256 * 1024)
#define JOT_KEYS_COUNT  256
#define JOT_KEYS_DEPTH  8
#define JOT_KID_SHOWN   64


struct jot_keys_s {
    size_t       n;
    unsigned     algs;
    uint64_t     id;
    jot_key_t    key[];
};

typedef struct {
    jot_warn_pt  warn;
    void        *data;
} jot_warner_t;

/* One key of the text; all of it is borrowed. */
typedef struct {
    size_t         number;      /* from 1 */
    const char    *kid;         /* NULL if it has none */
    const json_t  *value;
} jot_member_t;


static jot_keys_t *jot_keys_load(json_t *list, unsigned how,
    const jot_warner_t *warner, char *reason);
static jot_keys_t *jot_keys_new(size_t n, char *reason);
static int jot_keys_add(jot_keys_t *keys, const jot_member_t *member,
    unsigned how, const jot_warner_t *warner, char *reason);
static int jot_keys_has(const jot_keys_t *keys, const jot_key_t *key);
static void jot_keys_describe(char text[JOT_REASON_SIZE],
    const jot_member_t *member, const char *problem, const char *detail);
static size_t jot_keys_escape(char *dst, size_t size, const char *src);


jot_keys_t *
jot_keys_parse(const char *data, size_t len, unsigned how, jot_warn_pt warn,
    void *warn_data, char reason[JOT_REASON_SIZE])
{
    int             line;
    json_t         *root, *list;
    const char     *detail;
    jot_keys_t     *keys;
    jot_warner_t    warner;

    if (len > JOT_KEYS_TEXT) {
        snprintf(reason, JOT_REASON_SIZE,
                 "%zu bytes, more than %d", len, JOT_KEYS_TEXT);
        return NULL;
    }

    root = jot_tree_load(data, len, JOT_KEYS_DEPTH, &detail, &line);

    if (root == NULL) {
        if (line) {
            snprintf(reason, JOT_REASON_SIZE, "%s, line %d", detail, line);

        } else {
            snprintf(reason, JOT_REASON_SIZE, "%s", detail);
        }

        return NULL;
    }

    warner.warn = warn;
    warner.data = warn_data;
    list = how & JOT_KEYS_KEYVAL ? root : json_object_get(root, "keys");

    /* What OpenSSL notes about a bad key is told already, and not for long. */

    ERR_set_mark();

    if (list == root || json_is_array(list)) {
        keys = jot_keys_load(list, how, &warner, reason);

    } else {
        keys = NULL;
        snprintf(reason, JOT_REASON_SIZE,
                 "not a JWK Set: it has no array \"keys\"");
    }

    ERR_pop_to_mark();

    json_decref(root);
    return keys;
}


void
jot_keys_free(jot_keys_t *keys)
{
    size_t  i;

    if (keys) {
        for (i = 0; i < keys->n; i++) {
            jot_jwk_free(&keys->key[i]);
        }

        free(keys);
    }
}


size_t
jot_keys_count(const jot_keys_t *keys)
{
    return keys->n;
}


unsigned
jot_keys_algs(const jot_keys_t *keys)
{
    return keys->algs;
}


uint64_t
jot_keys_id(const jot_keys_t *keys)
{
    return keys->id;
}


const jot_key_t *
jot_keys_at(const jot_keys_t *keys, size_t i)
{
    return &keys->key[i];
}


static jot_keys_t *
jot_keys_load(json_t *list, unsigned how, const jot_warner_t *warner,
    char *reason)
{
    int           rc;
    void         *place;
    size_t        n;
    jot_keys_t   *keys;
    jot_member_t  member;

    n = json_is_array(list) ? json_array_size(list) : json_object_size(list);

    keys = jot_keys_new(n, reason);
    if (keys == NULL) {
        return NULL;
    }

    rc = 0;
    place = json_object_iter(list);     /* NULL for an array */

    for (member.number = 1; rc == 0 && member.number <= n; member.number++) {

        if (place) {
            member.kid = json_object_iter_key(place);
            member.value = json_object_iter_value(place);
            place = json_object_iter_next(list, place);

        } else {
            member.value = json_array_get(list, member.number - 1);
            member.kid = json_string_value(json_object_get(member.value,
                                                           "kid"));
        }

        rc = jot_keys_add(keys, &member, how, warner, reason);
    }

    if (rc == 0 && keys->n == 0) {
        snprintf(reason, JOT_REASON_SIZE, n ? "none of its %zu keys is usable"
                                            : "it has %zu keys", n);
        rc = -1;
    }

    if (rc != 0) {
        jot_keys_free(keys);
        return NULL;
    }

    return keys;
}


static jot_keys_t *
jot_keys_new(size_t n, char *reason)
{
    jot_keys_t  *keys;

    if (n > JOT_KEYS_COUNT) {
        snprintf(reason, JOT_REASON_SIZE,
                 "%zu keys, more than %d", n, JOT_KEYS_COUNT);
        return NULL;
    }

    keys = calloc(1, sizeof(jot_keys_t) + n * sizeof(jot_key_t));

    if (keys == NULL) {
        snprintf(reason, JOT_REASON_SIZE, "out of memory");
        return NULL;
    }

    if (RAND_bytes((unsigned char *) &keys->id, sizeof(keys->id)) != 1) {
        snprintf(reason, JOT_REASON_SIZE, "OpenSSL has no random numbers");
        jot_keys_free(keys);
        return NULL;
    }

    return keys;
}


/* -1 only for what spoils the whole set. */

static int
jot_keys_add(jot_keys_t *keys, const jot_member_t *member, unsigned how,
    const jot_warner_t *warner, char *reason)
{
    int          private_members, rc;
    char         text[JOT_REASON_SIZE];
    jot_key_t    key;
    const char  *detail;

    if (how & JOT_KEYS_KEYVAL) {
        private_members = 0;
        rc = jot_pem_load(&key, member->kid, member->value, &detail);

    } else {
        rc = jot_jwk_load(&key, member->value, &private_members, &detail);
    }

    if (rc == 0 && how & JOT_KEYS_PUBLIC && key.kty == JOT_OCT) {
        jot_jwk_free(&key);
        detail = "a secret has no place in a public set";
        rc = -1;
    }

    if (rc != 0) {
        if (warner->warn) {
            jot_keys_describe(text, member, " is not used: ", detail);
            warner->warn(warner->data, text);
        }

        return 0;
    }

    if (jot_keys_has(keys, &key)) {
        jot_keys_describe(reason, member, " has the kid of another ",
                          jot_kty_name(key.kty));
        jot_jwk_free(&key);
        return -1;
    }

    if (private_members && warner->warn) {
        jot_keys_describe(text, member, " holds its private part",
                          ", which is ignored and does not belong here");
        warner->warn(warner->data, text);
    }

    keys->key[keys->n++] = key;
    keys->algs |= key.algs;

    return 0;
}


static int
jot_keys_has(const jot_keys_t *keys, const jot_key_t *key)
{
    size_t            i;
    const jot_key_t  *other;

    for (i = 0; key->kid && i < keys->n; i++) {
        other = &keys->key[i];

        if (other->kid && other->kty == key->kty
            && other->kid_len == key->kid_len
            && memcmp(other->kid, key->kid, key->kid_len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
jot_keys_describe(char text[JOT_REASON_SIZE], const jot_member_t *member,
    const char *problem, const char *detail)
{
    int  n;

    n = snprintf(text, JOT_REASON_SIZE,
                 member->kid ? "key %zu (kid \"" : "key %zu", member->number);

    if (member->kid) {
        n += jot_keys_escape(text + n, JOT_KID_SHOWN, member->kid);
        n += snprintf(text + n, JOT_REASON_SIZE - n, "\")");
    }

    snprintf(text + n, JOT_REASON_SIZE - n, "%s%s", problem, detail);
}


/* A kid may come from another's server; a log line is of printable ASCII. */

static size_t
jot_keys_escape(char *dst, size_t size, const char *src)
{
    char           *p, *last;
    unsigned char   ch;

    last = dst + size - sizeof("\\xff");

    for (p = dst; *src && p <= last; src++) {
        ch = *src;

        if (ch >= 0x20 && ch < 0x7f && ch != '"' && ch != '\\') {
            *p++ = ch;

        } else {
            p += sprintf(p, "\\x%02x", ch);
        }
    }

    return p - dst;
}
