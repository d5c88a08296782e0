/*
 * Tokens whose signature was found good, so that it is not computed again.
 * Each worker has its own.  Only the signature is remembered: exp, nbf, iss,
 * aud, typ and all that follows are judged on every request.
 *
 * An entry is met by the same bytes under the same keys and algorithms only.
 * The hash says where to look, never that it is the same: that is a comparison
 * of all of the text.  It takes the last bytes alone, which belong to the
 * signature, and is keyed: nobody outside can choose what falls together, nor
 * find out by the time it takes how much of somebody's token he guessed.
 *
 * What enters has passed everything; so neither forged nor expired tokens push
 * out others.  The oldest in use go first when there is no room.
 */

#include <openssl/err.h>
#include <openssl/rand.h>

#include "ngx_http_auth_jwt.h"


#define NGX_HTTP_AUTH_JWT_CACHE_NUMBER  4096
#define NGX_HTTP_AUTH_JWT_CACHE_SIZE    (4 * 1024 * 1024)
#define NGX_HTTP_AUTH_JWT_CACHE_MIN     (64 * 1024)
#define NGX_HTTP_AUTH_JWT_CACHE_MAX     (1024 * 1024)

/* Refused cheaply for so long, in seconds, once exp has passed. */
#define NGX_HTTP_AUTH_JWT_CACHE_LATE    300

#define NGX_HTTP_AUTH_JWT_TAIL          16

/* Locations that one token is noted for; with more it is read again. */
#define NGX_HTTP_AUTH_JWT_NOTES         4


struct ngx_http_auth_jwt_entry_s {
    ngx_queue_t                  queue;
    ngx_http_auth_jwt_entry_t   *next;
    uint64_t                     hash;
    uint64_t                     keys;
    int64_t                      exp;       /* as jot has them */
    int64_t                      nbf;
    ngx_http_auth_jwt_note_t    *notes;     /* the newest first */
    size_t                       size;      /* of all of it */
    uint32_t                     refs;      /* the cache's own is one */
    uint32_t                     len;
    unsigned                     inside:1;  /* of the cache, still */
    u_char                       text[];
};

/* What it takes from malloc(), which rounds up and keeps a word. */
#define ngx_http_auth_jwt_taken(size)                                         \
    ngx_align((size) + sizeof(void *), 16)

struct ngx_http_auth_jwt_cache_s {
    ngx_uint_t                   number;
    size_t                       size;

    ngx_uint_t                   count;
    size_t                       used;
    ngx_uint_t                   mask;      /* of the buckets */
    uint64_t                     key[2];
    ngx_queue_t                  queue;     /* the one used last is its head */
    ngx_http_auth_jwt_entry_t  **buckets;   /* NULL until the first entry */
};


static ngx_int_t ngx_http_auth_jwt_cache_start(
    ngx_http_auth_jwt_cache_t *cache);
static void ngx_http_auth_jwt_cache_remove(ngx_http_auth_jwt_cache_t *cache,
    ngx_http_auth_jwt_entry_t *entry);
static void ngx_http_auth_jwt_cache_room(ngx_http_auth_jwt_cache_t *cache,
    ngx_uint_t number, size_t size);
static void ngx_http_auth_jwt_cache_drop_note(
    ngx_http_auth_jwt_cache_t *cache, ngx_http_auth_jwt_entry_t *entry,
    ngx_http_auth_jwt_note_t **place);
static void ngx_http_auth_jwt_cache_cleanup(void *data);
static ngx_uint_t ngx_http_auth_jwt_cache_buckets(ngx_uint_t number);
static uint64_t ngx_http_auth_jwt_cache_hash(ngx_http_auth_jwt_cache_t *cache,
    ngx_str_t *text, uint64_t keys);
static ngx_inline void ngx_http_auth_jwt_sip_round(uint64_t v[4]);


char *
ngx_http_auth_jwt_token_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_auth_jwt_main_conf_t *jmcf = conf;

    ssize_t     size;
    ngx_int_t   number;
    ngx_str_t  *value, text;

    if (jmcf->cache_number != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        jmcf->cache_number = 0;
        return NGX_CONF_OK;
    }

    number = ngx_atoi(value[1].data, value[1].len);

    if (number < 1 || number > NGX_HTTP_AUTH_JWT_CACHE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" of tokens, 1 to %d or "
                           "\"off\" would be right", &value[1],
                           NGX_HTTP_AUTH_JWT_CACHE_MAX);
        return NGX_CONF_ERROR;
    }

    jmcf->cache_number = number;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    size = NGX_ERROR;

    if (ngx_strncmp(value[2].data, "size=", sizeof("size=") - 1) == 0) {
        text.data = value[2].data + sizeof("size=") - 1;
        text.len = value[2].len - (sizeof("size=") - 1);
        size = ngx_parse_size(&text);
    }

    if (size < NGX_HTTP_AUTH_JWT_CACHE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"size=4m\", from 64k, "
                           "would be right", &value[2]);
        return NGX_CONF_ERROR;
    }

    jmcf->cache_size = size;

    return NGX_CONF_OK;
}


/* The memory comes with the first token, in the worker that sees it. */

ngx_int_t
ngx_http_auth_jwt_cache_init(ngx_conf_t *cf,
    ngx_http_auth_jwt_main_conf_t *jmcf)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_auth_jwt_cache_t  *cache;

    if (jmcf->cache_number == NGX_CONF_UNSET_UINT) {
        jmcf->cache_number = NGX_HTTP_AUTH_JWT_CACHE_NUMBER;
    }

    if (jmcf->cache_size == 0) {
        jmcf->cache_size = NGX_HTTP_AUTH_JWT_CACHE_SIZE;
    }

    if (jmcf->cache_number == 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_auth_jwt_cache_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cache = cln->data;
    ngx_memzero(cache, sizeof(ngx_http_auth_jwt_cache_t));

    cache->number = jmcf->cache_number;
    cache->size = jmcf->cache_size;
    ngx_queue_init(&cache->queue);

    cln->handler = ngx_http_auth_jwt_cache_cleanup;
    jmcf->cache = cache;

    return NGX_OK;
}


/*
 * Stands for these keys in this order, and what may be done with them: ids are
 * random numbers, new with every key set, so that keys that were replaced by
 * others, even in the same memory, are never taken for them.
 */

uint64_t
ngx_http_auth_jwt_cache_keys(const void *list, const jot_trust_t *trusts,
    ngx_uint_t n, unsigned algs)
{
    uint64_t    keys;
    ngx_uint_t  i;

    keys = (uint64_t) (uintptr_t) list * 0x9e3779b97f4a7c15 + algs;

    for (i = 0; i < n; i++) {
        keys = (keys ^ keys >> 29) * 0xbf58476d1ce4e5b9
               + (trusts[i].keys ? jot_keys_id(trusts[i].keys) : 0);
    }

    return keys;
}


ngx_http_auth_jwt_entry_t *
ngx_http_auth_jwt_cache_find(ngx_http_auth_jwt_cache_t *cache,
    ngx_str_t *text, uint64_t keys)
{
    uint64_t                    hash;
    ngx_http_auth_jwt_entry_t  *entry;

    if (cache == NULL || cache->count == 0
        || text->len < NGX_HTTP_AUTH_JWT_TAIL)
    {
        return NULL;
    }

    hash = ngx_http_auth_jwt_cache_hash(cache, text, keys);

    for (entry = cache->buckets[hash & cache->mask];
         entry;
         entry = entry->next)
    {
        if (entry->hash == hash && entry->keys == keys
            && entry->len == text->len
            && ngx_memcmp(entry->text, text->data, text->len) == 0)
        {
            break;
        }
    }

    if (entry == NULL) {
        return NULL;
    }

    if (entry->exp != JOT_NO_TIME
        && entry->exp < (int64_t) ngx_time() - NGX_HTTP_AUTH_JWT_CACHE_LATE)
    {
        ngx_http_auth_jwt_cache_remove(cache, entry);
        return NULL;
    }

    ngx_queue_remove(&entry->queue);
    ngx_queue_insert_head(&cache->queue, &entry->queue);

    entry->refs++;
    return entry;
}


ngx_http_auth_jwt_entry_t *
ngx_http_auth_jwt_cache_add(ngx_http_auth_jwt_cache_t *cache, ngx_str_t *text,
    uint64_t keys, const jot_token_t *token)
{
    size_t                      size;
    ngx_http_auth_jwt_entry_t  *entry, **bucket;

    if (cache == NULL || text->len < NGX_HTTP_AUTH_JWT_TAIL
        || ngx_http_auth_jwt_cache_start(cache) != NGX_OK)
    {
        return NULL;
    }

    size = ngx_http_auth_jwt_taken(sizeof(ngx_http_auth_jwt_entry_t)
                                   + text->len);

    if (size > cache->size / 2) {
        return NULL;
    }

    ngx_http_auth_jwt_cache_room(cache, 1, size);

    entry = malloc(sizeof(ngx_http_auth_jwt_entry_t) + text->len);
    if (entry == NULL) {
        return NULL;
    }

    entry->hash = ngx_http_auth_jwt_cache_hash(cache, text, keys);
    entry->keys = keys;
    entry->exp = token->exp;
    entry->nbf = token->nbf;
    entry->notes = NULL;
    entry->size = size;
    entry->refs = 2;
    entry->inside = 1;
    entry->len = text->len;
    ngx_memcpy(entry->text, text->data, text->len);

    bucket = &cache->buckets[entry->hash & cache->mask];
    entry->next = *bucket;
    *bucket = entry;

    ngx_queue_insert_head(&cache->queue, &entry->queue);
    cache->count++;
    cache->used += size;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "auth_jwt: cache has %ui tokens, %uz bytes", cache->count,
                   cache->used);

    return entry;
}


/* The ones used least go until so many more entries and bytes fit in. */

static void
ngx_http_auth_jwt_cache_room(ngx_http_auth_jwt_cache_t *cache,
    ngx_uint_t number, size_t size)
{
    ngx_http_auth_jwt_entry_t  *entry;

    while (cache->count + number > cache->number
           || cache->used + size > cache->size)
    {
        entry = ngx_queue_data(ngx_queue_last(&cache->queue),
                               ngx_http_auth_jwt_entry_t, queue);
        ngx_http_auth_jwt_cache_remove(cache, entry);
    }
}


u_char *
ngx_http_auth_jwt_cache_text(ngx_http_auth_jwt_entry_t *entry)
{
    return entry->text;
}


void
ngx_http_auth_jwt_cache_times(ngx_http_auth_jwt_entry_t *entry,
    jot_token_t *token)
{
    token->exp = entry->exp;
    token->nbf = entry->nbf;
}


ngx_http_auth_jwt_note_t *
ngx_http_auth_jwt_cache_note(ngx_http_auth_jwt_entry_t *entry,
    ngx_http_auth_jwt_loc_conf_t *conf)
{
    ngx_http_auth_jwt_note_t  *note;

    for (note = entry->notes; note; note = note->next) {
        if (note->conf == conf) {
            return note;
        }
    }

    return NULL;
}


/* In the place of the one that it may have. */

void
ngx_http_auth_jwt_cache_set_note(ngx_http_auth_jwt_cache_t *cache,
    ngx_http_auth_jwt_entry_t *entry, ngx_http_auth_jwt_loc_conf_t *conf,
    ngx_http_auth_jwt_values_t *values)
{
    size_t                      size, lengths, len;
    ngx_uint_t                  n;
    ngx_http_auth_jwt_note_t   *note, **place;

    if (!entry->inside) {
        return;
    }

    n = 0;
    place = &entry->notes;

    while (*place) {
        if ((*place)->conf == conf || ++n == NGX_HTTP_AUTH_JWT_NOTES) {
            ngx_http_auth_jwt_cache_drop_note(cache, entry, place);

        } else {
            place = &(*place)->next;
        }
    }

    lengths = values ? conf->identity->nelts * sizeof(uint16_t) : 0;
    len = values ? values->len : 0;
    size = ngx_http_auth_jwt_taken(sizeof(ngx_http_auth_jwt_note_t) + lengths
                                   + len);

    /* It is the newest one: others make room, if that is enough. */

    if (entry->size + size > cache->size / 2) {
        return;
    }

    ngx_queue_remove(&entry->queue);
    ngx_queue_insert_head(&cache->queue, &entry->queue);

    ngx_http_auth_jwt_cache_room(cache, 0, size);

    note = malloc(sizeof(ngx_http_auth_jwt_note_t) + lengths + len);
    if (note == NULL) {
        return;
    }

    note->conf = conf;
    note->size = size;
    note->values.text = NULL;

    if (values) {
        note->values.lengths = (uint16_t *) (note + 1);
        note->values.text = (u_char *) (note + 1) + lengths;
        note->values.len = len;

        ngx_memcpy(note->values.lengths, values->lengths, lengths);
        ngx_memcpy(note->values.text, values->text, len);
    }

    note->next = entry->notes;
    entry->notes = note;
    entry->size += size;
    cache->used += size;
}


static void
ngx_http_auth_jwt_cache_drop_note(ngx_http_auth_jwt_cache_t *cache,
    ngx_http_auth_jwt_entry_t *entry, ngx_http_auth_jwt_note_t **place)
{
    ngx_http_auth_jwt_note_t  *note;

    note = *place;
    *place = note->next;

    entry->size -= note->size;
    cache->used -= note->size;

    free(note);
}


/* Tokens are as good as passwords until they expire: none is left behind. */

void
ngx_http_auth_jwt_cache_release(ngx_http_auth_jwt_entry_t *entry)
{
    ngx_http_auth_jwt_note_t  *note;

    if (--entry->refs) {
        return;
    }

    while (entry->notes) {
        note = entry->notes;
        entry->notes = note->next;
        free(note);
    }

    ngx_explicit_memzero(entry->text, entry->len);
    free(entry);
}


static ngx_int_t
ngx_http_auth_jwt_cache_start(ngx_http_auth_jwt_cache_t *cache)
{
    size_t      size;
    ngx_uint_t  n;

    if (cache->buckets) {
        return NGX_OK;
    }

    if (RAND_bytes((u_char *) cache->key, sizeof(cache->key)) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    n = ngx_http_auth_jwt_cache_buckets(ngx_min(cache->number,
                                                cache->size / 128));
    size = n * sizeof(ngx_http_auth_jwt_entry_t *);

    cache->buckets = calloc(n, sizeof(ngx_http_auth_jwt_entry_t *));
    if (cache->buckets == NULL) {
        return NGX_ERROR;
    }

    cache->mask = n - 1;
    cache->used = size;

    return NGX_OK;
}


static void
ngx_http_auth_jwt_cache_remove(ngx_http_auth_jwt_cache_t *cache,
    ngx_http_auth_jwt_entry_t *entry)
{
    ngx_http_auth_jwt_entry_t  **p;

    for (p = &cache->buckets[entry->hash & cache->mask];
         *p != entry;
         p = &(*p)->next)
    {
        /* void */
    }

    *p = entry->next;
    ngx_queue_remove(&entry->queue);

    entry->inside = 0;
    cache->count--;
    cache->used -= entry->size;

    ngx_http_auth_jwt_cache_release(entry);
}


static void
ngx_http_auth_jwt_cache_cleanup(void *data)
{
    ngx_http_auth_jwt_cache_t  *cache = data;

    ngx_http_auth_jwt_entry_t  *entry;

    while (!ngx_queue_empty(&cache->queue)) {
        entry = ngx_queue_data(ngx_queue_head(&cache->queue),
                               ngx_http_auth_jwt_entry_t, queue);
        ngx_http_auth_jwt_cache_remove(cache, entry);
    }

    free(cache->buckets);
    ngx_explicit_memzero(cache->key, sizeof(cache->key));
    cache->buckets = NULL;
}


/* A power of two. */

static ngx_uint_t
ngx_http_auth_jwt_cache_buckets(ngx_uint_t number)
{
    ngx_uint_t  n;

    for (n = 64; n < number; n *= 2) { /* void */ }

    return n;
}


/*
 * SipHash (Aumasson and Bernstein, 2012) of the tail and the keys, with one
 * round for a word and three at the end, as hash tables elsewhere have it.
 */

static uint64_t
ngx_http_auth_jwt_cache_hash(ngx_http_auth_jwt_cache_t *cache,
    ngx_str_t *text, uint64_t keys)
{
    uint64_t    v[4], word[NGX_HTTP_AUTH_JWT_TAIL / 8 + 1];
    ngx_uint_t  i;

    v[0] = cache->key[0] ^ 0x736f6d6570736575;
    v[1] = cache->key[1] ^ 0x646f72616e646f6d;
    v[2] = cache->key[0] ^ 0x6c7967656e657261;
    v[3] = cache->key[1] ^ 0x7465646279746573;

    ngx_memcpy(word, text->data + text->len - NGX_HTTP_AUTH_JWT_TAIL,
               NGX_HTTP_AUTH_JWT_TAIL);
    word[NGX_HTTP_AUTH_JWT_TAIL / 8] = keys;

    for (i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        v[3] ^= word[i];
        ngx_http_auth_jwt_sip_round(v);
        v[0] ^= word[i];
    }

    v[2] ^= 0xff;

    for (i = 0; i < 3; i++) {
        ngx_http_auth_jwt_sip_round(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


static ngx_inline void
ngx_http_auth_jwt_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0];
    v[0] = v[0] << 32 | v[0] >> 32;
    v[2] += v[3];
    v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
    v[0] += v[3];
    v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
    v[2] += v[1];
    v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2];
    v[2] = v[2] << 32 | v[2] >> 32;
}
