/*
 * The header lines that the client sent, as backends and subrequests will see
 * them: taking a name out, and preparing for one of our own.
 *
 * A change never touches a header in place: upstream modules send what is only
 * marked as removed, and a subrequest shares its parent's list.  Instead the
 * request gets a fresh list whose parts are views into the old one, leaving
 * out what has to go.  So pointers that nginx holds into the list stay good.
 */

#include "ngx_http_auth_jwt.h"


static ngx_flag_t ngx_http_auth_jwt_remembers(ngx_str_t *variable,
    ngx_array_t *headers);
static ngx_flag_t ngx_http_auth_jwt_named(ngx_str_t *key,
    ngx_array_t *identity);
static uint32_t ngx_http_auth_jwt_initials(ngx_array_t *identity);
static ngx_inline ngx_flag_t ngx_http_auth_jwt_perhaps(ngx_str_t *key,
    uint32_t initials);
static ngx_flag_t ngx_http_auth_jwt_same(ngx_str_t *letters, u_char *data,
    size_t len);
static ngx_inline u_char ngx_http_auth_jwt_letter(u_char c);
static void ngx_http_auth_jwt_headers_forget(ngx_http_request_t *r);
static ngx_int_t ngx_http_auth_jwt_strip_run(ngx_list_t *list, ngx_pool_t *pool,
    ngx_table_elt_t *first, ngx_uint_t n);


/* CGI tells "-", "_" and other marks not apart; nor does case count. */

ngx_int_t
ngx_http_auth_jwt_headers_letters(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *letters)
{
    u_char  c, *p;
    size_t  i;

    p = ngx_pnalloc(pool, name->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    letters->data = p;

    for (i = 0; i < name->len; i++) {
        c = ngx_http_auth_jwt_letter(name->data[i]);

        if (c) {
            *p++ = c;
        }
    }

    letters->len = p - letters->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_auth_jwt_headers_strip(ngx_http_request_t *r, ngx_array_t *identity)
{
    uint32_t          initials;
    ngx_uint_t        i, first, hits;
    ngx_list_t        list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    hits = 0;
    initials = ngx_http_auth_jwt_initials(identity);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {
            hits += ngx_http_auth_jwt_perhaps(&header[i].key, initials)
                    && ngx_http_auth_jwt_named(&header[i].key, identity);
        }
    }

    ngx_http_auth_jwt_headers_forget(r);

    if (hits == 0) {
        return NGX_OK;
    }

    ngx_memzero(&list, sizeof(ngx_list_t));

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;
        first = 0;

        for (i = 0; i <= part->nelts; i++) {
            if (i < part->nelts
                && !ngx_http_auth_jwt_named(&header[i].key, identity))
            {
                continue;
            }

            if (ngx_http_auth_jwt_strip_run(&list, r->pool, &header[first],
                                            i - first)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            first = i + 1;
        }
    }

    if (list.last == NULL) {
        if (ngx_list_init(&list, r->pool, 4, sizeof(ngx_table_elt_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        r->headers_in.headers = list;
        r->headers_in.headers.last = &r->headers_in.headers.part;

        return NGX_OK;
    }

    /*
     * A full last part makes the next push allocate one of its own, so that
     * what follows in the old part, a header left out or another's, stays as
     * it is.  The first part lies inside the list itself.
     */

    r->headers_in.headers.part = list.part;
    r->headers_in.headers.last = list.last == &list.part
                                 ? &r->headers_in.headers.part : list.last;
    r->headers_in.headers.nalloc = r->headers_in.headers.last->nelts;

    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_auth_jwt_headers_add(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    list = &r->headers_in.headers;

    part = ngx_pcalloc(r->pool, sizeof(ngx_list_part_t)
                                + n * sizeof(ngx_table_elt_t));

    if (part == NULL) {
        return NULL;
    }

    header = (ngx_table_elt_t *) (part + 1);

    /* The first part lies in the list; an empty one would break its loops. */

    if (list->part.nelts) {
        list->last->next = part;
        list->last = part;
    }

    list->last->elts = header;
    list->last->nelts = n;
    list->nalloc = n;

    ngx_http_auth_jwt_headers_forget(r);

    return header;
}


/*
 * A subrequest's list starts as a copy of its parent's: the same parts behind
 * the first, and a "last" that lies in the parent.  To append to it is to give
 * the parent a header, or, since the parent's parts may have become smaller
 * than the copied size says, to write behind one.  So the parts are copied, as
 * views; a full last one makes the next push allocate another.
 */

ngx_int_t
ngx_http_auth_jwt_headers_own(ngx_http_request_t *r)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part, *last;

    list = &r->headers_in.headers;

    if (list->part.nelts == 0) {
        return ngx_list_init(list, r->pool, 4, sizeof(ngx_table_elt_t));
    }

    for (last = &list->part; last->next; last = part) {
        part = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (part == NULL) {
            return NGX_ERROR;
        }

        *part = *last->next;
        last->next = part;
    }

    list->last = last;
    list->nalloc = last->nelts;

    return NGX_OK;
}


/* $http_NAME, where nginx remembers what it was. */

static void
ngx_http_auth_jwt_headers_forget(ngx_http_request_t *r)
{
    ngx_uint_t                      i, *index;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_auth_jwt_module);
    index = jmcf->remembered.elts;

    for (i = 0; i < jmcf->remembered.nelts; i++) {
        r->variables[index[i]].valid = 0;
        r->variables[index[i]].not_found = 0;
    }
}


/*
 * A subrequest remembers variables in its parent's place, but their lists of
 * headers differ: so $http_NAME must not outlive the reading.  Only here, once
 * the whole configuration was read, does each variable have its flags.
 */

ngx_int_t
ngx_http_auth_jwt_headers_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i, *index;
    ngx_http_variable_t            *v;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_auth_jwt_main_conf_t  *jmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    if (cmcf == NULL) {
        return NGX_OK;
    }

    jmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_auth_jwt_module);
    v = cmcf->variables.elts;

    if (ngx_array_init(&jmcf->remembered, cycle->pool, 4, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (!ngx_http_auth_jwt_remembers(&v[i].name, &jmcf->headers)) {
            continue;
        }

        index = ngx_array_push(&jmcf->remembered);
        if (index == NULL) {
            return NGX_ERROR;
        }

        *index = i;
        v[i].flags |= NGX_HTTP_VAR_NOCACHEABLE;
    }

    return NGX_OK;
}


static ngx_flag_t
ngx_http_auth_jwt_remembers(ngx_str_t *variable, ngx_array_t *headers)
{
    size_t       len;
    ngx_str_t   *letters;
    ngx_uint_t   i;

    len = sizeof("http_") - 1;
    letters = headers->elts;

    if (variable->len <= len || ngx_strncmp(variable->data, "http_", len) != 0)
    {
        return 0;
    }

    for (i = 0; i < headers->nelts; i++) {
        if (ngx_http_auth_jwt_same(&letters[i], variable->data + len,
                                   variable->len - len))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_flag_t
ngx_http_auth_jwt_named(ngx_str_t *key, ngx_array_t *identity)
{
    ngx_uint_t                     i;
    ngx_http_auth_jwt_identity_t  *name;

    name = identity->elts;

    for (i = 0; i < identity->nelts; i++) {
        if (ngx_http_auth_jwt_same(&name[i].letters, key->data, key->len)) {
            return 1;
        }
    }

    return 0;
}


/*
 * The lower five bits of what names begin with, for letters the same in either
 * case: a name that begins with a letter of another kind is none of these.
 */

static uint32_t
ngx_http_auth_jwt_initials(ngx_array_t *identity)
{
    uint32_t                       initials;
    ngx_uint_t                     i;
    ngx_http_auth_jwt_identity_t  *name;

    initials = 0;
    name = identity->elts;

    for (i = 0; i < identity->nelts; i++) {
        initials |= (uint32_t) 1 << (name[i].letters.data[0] & 0x1f);
    }

    return initials;
}


static ngx_inline ngx_flag_t
ngx_http_auth_jwt_perhaps(ngx_str_t *key, uint32_t initials)
{
    u_char  c;

    if (key->len == 0) {
        return 0;
    }

    c = key->data[0] | 0x20;

    return c < 'a' || c > 'z' || (initials >> (c & 0x1f) & 1);
}


static ngx_flag_t
ngx_http_auth_jwt_same(ngx_str_t *letters, u_char *data, size_t len)
{
    u_char  c;
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        c = ngx_http_auth_jwt_letter(data[i]);

        if (c) {
            if (n == letters->len || letters->data[n] != c) {
                return 0;
            }

            n++;
        }
    }

    return n == letters->len;
}


/* In lower case; 0 for what does not count. */

static ngx_inline u_char
ngx_http_auth_jwt_letter(u_char c)
{
    c = ngx_tolower(c);

    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : 0;
}


/* Appends a view of n headers; an empty part would break nginx's loops. */

static ngx_int_t
ngx_http_auth_jwt_strip_run(ngx_list_t *list, ngx_pool_t *pool,
    ngx_table_elt_t *first, ngx_uint_t n)
{
    ngx_list_part_t  *part;

    if (n == 0) {
        return NGX_OK;
    }

    if (list->last == NULL) {
        part = &list->part;

    } else {
        part = ngx_palloc(pool, sizeof(ngx_list_part_t));
        if (part == NULL) {
            return NGX_ERROR;
        }

        list->last->next = part;
    }

    part->elts = first;
    part->nelts = n;
    part->next = NULL;
    list->last = part;

    return NGX_OK;
}
