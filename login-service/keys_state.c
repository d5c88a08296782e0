/* Reads, judges and writes the state of the keys. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys_state.h"


#define KEYS_STATE_WORDS  5
#define KEYS_STATE_TEXT   (KEYS_STATE_MAX * 128)
#define KEYS_STATE_HEAD   "# use, state, algorithm, key, since; written by "  \
                          "portero\n"


static const char *keys_state_parse_line(keys_state_t *state, char *line);
static int keys_state_word(const char *word, const char *const *words,
    size_t n);
static int keys_state_number(const char *text, int64_t max, int64_t *number);
static int keys_state_check_algorithm(const keys_entry_t *entry,
    const config_t *config, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE]);


static const char *const  keys_uses[] = {
    [KEYS_SIGN]    = "sign",
    [KEYS_REFRESH] = "refresh",
};

static const char *const  keys_states[] = {
    [KEY_NEXT]    = "next",
    [KEY_ACTIVE]  = "active",
    [KEY_RETIRED] = "retired",
};


int
keys_state_load(keys_state_t *state, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE])
{
    int             rc;
    char           *p, *line;
    size_t          len;
    unsigned        number;
    const char     *fault;
    unsigned char  *data;

    memset(state, 0, sizeof(*state));
    rc = keys_dir_read(dir, KEYS_STATE_FILE, &data, &len, &state->st, error);

    if (rc != 1) {
        return rc;
    }

    if (strlen((char *) data) != len) {
        free(data);
        return keys_dir_refuse(dir, KEYS_STATE_FILE, error,
                               "is no text; restore it");
    }

    number = 0;

    for (p = (char *) data; (line = strsep(&p, "\n")) != NULL; /* void */) {
        number++;
        fault = keys_state_parse_line(state, line);

        if (fault) {
            rc = keys_dir_refuse(dir, KEYS_STATE_FILE, error, "line %u: %s",
                                 number, fault);
            break;
        }
    }

    free(data);

    return rc;
}


int
keys_state_save(const keys_state_t *state, const keys_dir_t *dir,
    char error[KEYS_ERROR_SIZE])
{
    int                  rc;
    char                *text;
    size_t               i, len;
    const keys_entry_t  *entry;

    text = malloc(KEYS_STATE_TEXT);

    if (text == NULL) {
        return keys_dir_refuse(dir, KEYS_STATE_FILE, error, "out of memory");
    }

    len = snprintf(text, KEYS_STATE_TEXT, "%s", KEYS_STATE_HEAD);

    for (i = 0; i < state->n; i++) {
        entry = &state->entries[i];
        len += snprintf(text + len, KEYS_STATE_TEXT - len,
                        "%s %s %s %s %" PRId64 "\n", keys_uses[entry->use],
                        keys_states[entry->info.state],
                        jot_alg_name(entry->info.alg), entry->info.kid,
                        entry->info.since);
    }

    rc = keys_dir_write(dir, KEYS_STATE_FILE, text, len, error);
    free(text);

    return rc;
}


size_t
keys_state_find(const keys_state_t *state, keys_use_t use, key_state_t in,
    const keys_entry_t **entry)
{
    size_t  i, n;

    for (n = 0, i = 0; i < state->n; i++) {

        if (state->entries[i].use != use || state->entries[i].info.state != in)
        {
            continue;
        }

        n++;

        if (entry) {
            *entry = &state->entries[i];
        }
    }

    return n;
}


int
keys_state_add(keys_state_t *state, keys_use_t use, key_state_t in,
    jot_alg_t alg, const char *kid, int64_t since)
{
    keys_entry_t  *entry;

    entry = &state->entries[state->n];

    if (state->n == KEYS_STATE_MAX || strlen(kid) >= sizeof(entry->info.kid)) {
        return -1;
    }

    entry->use = use;
    entry->info.state = in;
    entry->info.alg = alg;
    entry->info.since = since;
    strcpy(entry->info.kid, kid);
    state->n++;

    return 0;
}


int
keys_state_check(const keys_state_t *state, const config_t *config,
    const keys_dir_t *dir, char error[KEYS_ERROR_SIZE])
{
    size_t  i, k;

    if (keys_state_find(state, KEYS_SIGN, KEY_ACTIVE, NULL) > 1
        || keys_state_find(state, KEYS_SIGN, KEY_NEXT, NULL) > 1
        || keys_state_find(state, KEYS_REFRESH, KEY_ACTIVE, NULL) > 1)
    {
        return keys_dir_refuse(dir, KEYS_STATE_FILE, error, "names two keys "
                               "for one place; there has to be one active and "
                               "one next key, and one active refresh key");
    }

    for (i = 0; i < state->n; i++) {

        for (k = 0; k < i; k++) {
            if (state->entries[i].use == state->entries[k].use
                && strcmp(state->entries[i].info.kid,
                          state->entries[k].info.kid) == 0)
            {
                return keys_dir_refuse(dir, KEYS_STATE_FILE, error,
                                       "names the key %s twice",
                                       state->entries[i].info.kid);
            }
        }

        if (keys_state_check_algorithm(&state->entries[i], config, dir, error)
            != 0)
        {
            return -1;
        }
    }

    return 0;
}


void
keys_state_name(const keys_entry_t *entry, char name[KEYS_NAME_SIZE])
{
    snprintf(name, KEYS_NAME_SIZE, "%s-%s.%s", keys_uses[entry->use],
             entry->info.kid, entry->use == KEYS_SIGN ? "pem" : "key");
}


/*
 * What is left of another algorithm may only be retired: it no longer signs,
 * and its tokens are good for some minutes more.
 */

static int
keys_state_check_algorithm(const keys_entry_t *entry, const config_t *config,
    const keys_dir_t *dir, char error[KEYS_ERROR_SIZE])
{
    char  name[KEYS_NAME_SIZE];

    if (entry->use == KEYS_REFRESH || entry->info.state == KEY_RETIRED
        || entry->info.alg == config->algorithm)
    {
        return 0;
    }

    keys_state_name(entry, name);

    return keys_dir_refuse(dir, name, error, "is a key for %s, but ALGORITHM "
                           "is %s; set it to %s, or begin with another KEY_DIR",
                           jot_alg_name(entry->info.alg),
                           jot_alg_name(config->algorithm),
                           jot_alg_name(entry->info.alg));
}


/* Returns what is wrong with the line, or NULL. */

static const char *
keys_state_parse_line(keys_state_t *state, char *line)
{
    int      use, in, alg;
    char    *words[KEYS_STATE_WORDS], *p;
    size_t   n, len;
    int64_t  since, number;

    if (line[0] == '\0' || line[0] == '#') {
        return NULL;
    }

    for (n = 0, p = line; n < KEYS_STATE_WORDS && p; n++) {
        words[n] = strsep(&p, " ");
    }

    if (n != KEYS_STATE_WORDS || p) {
        return "has to be \"USE STATE ALGORITHM KEY SINCE\"";
    }

    use = keys_state_word(words[0], keys_uses, 2);
    in = keys_state_word(words[1], keys_states, 3);
    alg = jot_alg_find(words[2], strlen(words[2]));

    if (use == -1 || in == -1) {
        return "begins with words that mean nothing here";
    }

    if (use == KEYS_SIGN
        ? alg != JOT_ES256 && alg != JOT_RS256
        : alg != JOT_HS256 || in == KEY_NEXT)
    {
        return "names an algorithm or a state that this use does not have";
    }

    /* The key's name becomes part of a path. */

    len = strspn(words[3], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                 "abcdefghijklmnopqrstuvwxyz_-");

    if (use == KEYS_SIGN
        ? len != 43 || words[3][len]
        : keys_state_number(words[3], KEYS_RING_MAX, &number) != 0
          || number == 0)
    {
        return "names no key";
    }

    if (keys_state_number(words[4], INT64_MAX / 2, &since) != 0) {
        return "has to end with seconds since 1970";
    }

    return keys_state_add(state, use, in, alg, words[3], since) == 0
           ? NULL : "is one key too many";
}


static int
keys_state_word(const char *word, const char *const *words, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0) {
            return i;
        }
    }

    return -1;
}


/* Digits without a leading zero, so that one number has one spelling. */

static int
keys_state_number(const char *text, int64_t max, int64_t *number)
{
    if (*text == '\0' || (text[0] == '0' && text[1])) {
        return -1;
    }

    for (*number = 0; *text; text++) {

        if (*text < '0' || *text > '9'
            || *number > (max - (*text - '0')) / 10)
        {
            return -1;
        }

        *number = *number * 10 + (*text - '0');
    }

    return 0;
}
