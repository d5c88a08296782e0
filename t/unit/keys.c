/*
 * KEY_DIR: made, read, changed, and refused as a whole for anything about it
 * that is wrong, with the name of what is.
 */

#include "keydir.h"
#include "keys_state.h"
#include "tap.h"


#define STATE_SIZE  4096
#define KID         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"


static void test_generate(jot_alg_t alg, unsigned created);
static void test_again(void);
static void test_refused(void);
static void test_files(void);
static void test_directory(void);
static void test_algorithm(void);
static void test_rotated(void);
static void test_public(void);
static void test_secret(void);
static void test_gateway(void);
static void refused(const char *expected, const char *name);
static keys_t *load(jot_alg_t alg);
static void active_name(char name[KEYS_NAME_SIZE], char kid[64]);


/* Texts of "state" that are not to be taken. */

static const struct {
    const char  *name;
    const char  *text;
    const char  *error;
} states[] = {
    { "an empty one", "", "names no active refresh key" },
    { "words missing", "sign active ES256\n", "line 1: has to be" },
    { "words too many", "# a\nsign active ES256 " KID " 1 2\n",
      "line 2: has to be" },
    { "an unknown use", "seal active ES256 " KID " 1\n", "mean nothing" },
    { "an unknown state", "sign asleep ES256 " KID " 1\n", "mean nothing" },
    { "alg none", "sign active none " KID " 1\n", "names an algorithm" },
    { "an algorithm that cannot sign", "sign active HS256 " KID " 1\n",
      "names an algorithm" },
    { "a path for a key", "sign active ES256 ../../../../../../etc/passwd 1\n",
      "names no key" },
    { "a key cut short", "sign active ES256 abc 1\n", "names no key" },
    { "a refresh key 0", "refresh active HS256 0 1\n", "names no key" },
    { "a refresh key 256", "refresh active HS256 256 1\n", "names no key" },
    { "a refresh key 01", "refresh active HS256 01 1\n", "names no key" },
    { "a refresh key that is next", "refresh next HS256 1 1\n",
      "names an algorithm or a state" },
    { "no time", "sign active ES256 " KID " soon\n", "seconds since 1970" },
    { "a time that does not fit",
      "sign active ES256 " KID " 99999999999999999999\n",
      "seconds since 1970" },
    { "two active keys", "sign active ES256 " KID " 1\n"
      "sign active ES256 Z" "bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ 1\n",
      "names two keys" },
    { "one key twice", "sign active ES256 " KID " 1\n"
      "sign retired ES256 " KID " 1\n", "twice" },
    { "a key that is not there", "sign active ES256 " KID " 1\n",
      "sign-" KID ".pem: is missing" },
    { "a key for another algorithm", "sign active RS256 " KID " 1\n",
      "sign-" KID ".pem: is a key for RS256, but ALGORITHM is ES256" },
};


int
main(void)
{
    keydir_new();

    test_generate(JOT_RS256, 3);
    test_generate(JOT_HS256, 1);
    test_generate(JOT_ES256, 3);

    test_again();
    test_refused();
    test_files();
    test_directory();
    test_algorithm();
    test_public();
    test_rotated();
    test_secret();
    test_gateway();

    keydir_remove();

    return done_testing();
}


static void
test_generate(jot_alg_t alg, unsigned created)
{
    char         error[KEYS_ERROR_SIZE];
    keys_t      *keys;
    config_t     config;
    unsigned     n, id;
    struct stat  st;

    config = keydir_settings(alg);
    keydir_empty(keydir_path);

    ok(keys_load(&config, error) == NULL && strstr(error, "key generate"),
       "%s: without a directory it is said what makes one",
       jot_alg_name(alg));
    ok(keys_generate(&config, &n, error) == 0 && n == created,
       "%s: %u files are made", jot_alg_name(alg), created);
    ok(stat(keydir_path, &st) == 0 && (st.st_mode & 07777) == 0700,
       "%s: in a directory of 0700", jot_alg_name(alg));

    keys = load(alg);

    ok(keys && (keys_active(keys) != NULL) == (alg != JOT_HS256),
       "%s: an active key", jot_alg_name(alg));
    ok(keys && keys_refresh(keys, &id) && id == 1
       && keys_refresh_find(keys, 1) == keys_refresh(keys, &id)
       && keys_refresh_find(keys, 0) == NULL
       && keys_refresh_find(keys, 2) == NULL
       && keys_refresh_find(keys, 1000) == NULL,
       "%s: one refresh key", jot_alg_name(alg));

    keys_free(keys);
}


static void
test_again(void)
{
    char       error[KEYS_ERROR_SIZE], before[STATE_SIZE], after[STATE_SIZE];
    char       name[KEYS_NAME_SIZE], kid[64];
    keys_t    *keys;
    config_t   config;
    unsigned   n, id;

    config = keydir_settings(JOT_ES256);
    keydir_read("state", before, sizeof(before));
    keys = load(JOT_ES256);

    ok(keys && !keys_changed(keys, &config), "nothing has changed");

    ok(keys_generate(&config, &n, error) == 0 && n == 0,
       "a second time makes nothing");
    keydir_read("state", after, sizeof(after));
    is(after, before, "and leaves the state as it is");
    ok(!keys_changed(keys, &config), "which nobody sees");

    active_name(name, kid);
    keydir_write("state", strstr(before, "sign next"),
                 strlen(strstr(before, "sign next")));
    ok(keys_changed(keys, &config), "another state is seen");

    *strstr(before, "sign next") = '\0';
    keys_free(keys);

    keydir_write("state", before, strlen(before));
    ok(keys_generate(&config, &n, error) == 0 && n >= 1,
       "what is missing is made");
    keys = load(JOT_ES256);
    ok(keys && keys_refresh(keys, &id) && id == 2,
       "without writing over a key that was not named");
    keys_free(keys);

    keydir_empty(keydir_path);
    ok(keys_generate(&config, &n, error) == 0 && n == 3, "all anew");
}


static void
test_refused(void)
{
    char    good[STATE_SIZE];
    size_t  i;

    keydir_read("state", good, sizeof(good));

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        keydir_write("state", states[i].text, strlen(states[i].text));
        refused(states[i].error, states[i].name);
    }

    keydir_write("state", "sign\0active\n", 12);
    refused("is no text", "a state with a NUL");

    keydir_write("state", good, strlen(good));
}


static void
test_files(void)
{
    char       name[KEYS_NAME_SIZE], kid[64], path[256], pem[STATE_SIZE];
    char       other[STATE_SIZE], moved[300], next[STATE_SIZE], *p;
    char       error[KEYS_ERROR_SIZE];
    config_t   config;
    unsigned   n;

    active_name(name, kid);
    snprintf(path, sizeof(path), "%s/%s", keydir_path, name);
    keydir_read(name, pem, sizeof(pem));

    chmod(path, 0640);
    refused("mode 0640 lets others in", "a key that the group reads");
    chmod(path, 0604);
    refused("mode 0604 lets others in", "a key that all read");
    chmod(path, 0600);

    keydir_write(name, "", 0);
    refused(name, "an empty key");
    keydir_write(name, "-----BEGIN PRIVATE KEY-----\n", 28);
    refused(name, "half a key");
    keydir_write(name, pem, strlen(pem) - 40);
    refused(name, "a key without its end");

    /* The next key in the place of the active one. */

    keydir_read("state", next, sizeof(next));
    p = strstr(next, "sign next ES256 ") + strlen("sign next ES256 ");
    p[43] = '\0';
    snprintf(moved, sizeof(moved), "sign-%s.pem", p);
    keydir_read(moved, other, sizeof(other));
    keydir_write(name, other, strlen(other));
    refused("holds another key", "a key under another's name");

    unlink(path);
    refused("is missing, and \"state\" names it", "a key that is gone");
    ok(symlink("/etc/passwd", path) == 0, "in its place a link");
    refused("is a link", "which is not followed");
    unlink(path);
    ok(mkdir(path, 0700) == 0, "in its place a directory");
    refused("is no regular file", "which is not read");
    rmdir(path);
    ok(mkfifo(path, 0600) == 0, "in its place a pipe");
    refused("is no regular file", "for which nobody waits");
    unlink(path);
    keydir_write(name, pem, strlen(pem));

    if (geteuid() == 0) {
        ok(chown(path, 1, 1) == 0, "a key of somebody else");
        refused("belongs to user 1", "is not ours");
        ok(chown(path, 0, 0) == 0, "until it is given back");
    }

    keydir_read("refresh-1.key", other, sizeof(other));
    keydir_write("refresh-1.key", other, 31);
    refused("refresh-1.key: has 31 bytes", "a refresh key of 31 bytes");
    keydir_write("refresh-1.key", "0123456789012345678901234567890123", 33);
    refused("refresh-1.key: has 33 bytes", "a refresh key of 33 bytes");
    keydir_write("refresh-1.key", other, 32);

    config = keydir_settings(JOT_ES256);
    keydir_read("state", next, sizeof(next));
    snprintf(path, sizeof(path), "%s/state", keydir_path);
    unlink(path);
    refused("holds no keys", "a directory without a state");
    ok(keys_generate(&config, &n, error) == -1
       && strstr(error, "state: is missing, and there are keys"),
       "where keys have lost their state, no new ones are put beside them");
    keydir_write("state", next, strlen(next));
}


static void
test_directory(void)
{
    char       error[KEYS_ERROR_SIZE];
    config_t   config;
    unsigned   n;

    config = keydir_settings(JOT_ES256);

    chmod(keydir_path, 0750);
    refused("mode 0750 lets others in", "a directory that is open");
    ok(keys_generate(&config, &n, error) == -1
       && strstr(error, "it has to be 0700"),
       "and nothing is put into one");
    chmod(keydir_path, 0700);

    config.key_dir = "";
    ok(keys_load(&config, error) == NULL && strstr(error, "KEY_DIR is not set"),
       "no directory at all");
    config.key_dir = "/proc/portero/keys";
    ok(keys_generate(&config, &n, error) == -1
       && strstr(error, "cannot be created"), "one that cannot be made");
}


static void
test_algorithm(void)
{
    char       error[KEYS_ERROR_SIZE];
    config_t   config;
    unsigned   n;

    config = keydir_settings(JOT_RS256);
    ok(keys_load(&config, error) == NULL
       && strstr(error, "is a key for ES256, but ALGORITHM is RS256"),
       "keys of another algorithm are refused");
    ok(keys_generate(&config, &n, error) == -1
       && strstr(error, "set it to ES256"), "and not mixed with new ones");

    config = keydir_settings(JOT_HS256);
    ok(keys_load(&config, error) == NULL
       && strstr(error, "is a key for ES256, but ALGORITHM is HS256"),
       "also where a secret is to sign");
}


static void
test_public(void)
{
    char     print[KEYS_FINGERPRINT_SIZE];
    keys_t  *keys;

    keys = load(JOT_ES256);
    if (keys == NULL) {
        return;
    }

    ok(keys_count(keys) == 2 && jot_keys_count(keys_public(keys)) == 2,
       "the next key is published beside the active one");
    ok(strstr(keys_jwks(keys), keys_kid(keys)) != NULL
       && strstr(keys_jwks(keys), "\"d\"") == NULL,
       "the set has the active key, and nothing private");
    is(keys_gateway(keys), keys_jwks(keys), "gateways get the same");
    is(keys_kid(keys), jot_private_kid(keys_active(keys)),
       "the active key is the one that signs");
    ok(keys_etag(keys)[0] == '"' && strlen(keys_etag(keys)) == 24
       && keys_etag(keys)[23] == '"', "an ETag has its quotes");
    ok(keys_fingerprint(keys, 1, print) == 1 && strlen(print) == 32,
       "a fingerprint");
    ok(keys_fingerprint(keys, 2, print) == 0
       && keys_fingerprint(keys, 256, print) == 0, "none of other numbers");

    keys_free(keys);
}


/* What a rotation leaves: two lines that have changed their words. */

static void
test_rotated(void)
{
    int            i;
    char           state[STATE_SIZE], etag[64];
    char           ring[KEYS_FINGERPRINT_SIZE], same[KEYS_FINGERPRINT_SIZE];
    keys_t        *keys;
    unsigned       id;
    keys_state_t  *s;
    keys_dir_t     dir;
    char           error[KEYS_ERROR_SIZE], key[32];

    keys = load(JOT_ES256);
    s = calloc(1, sizeof(*s));
    keydir_read("state", state, sizeof(state));

    if (keys == NULL || s == NULL) {
        free(s);
        return;
    }

    strcpy(etag, keys_etag(keys));
    keys_fingerprint(keys, 1, ring);
    keys_free(keys);

    memset(key, 'k', sizeof(key));
    keydir_write("refresh-2.key", key, sizeof(key));

    keys_dir_open(&dir, keydir_path, error);
    keys_state_load(s, &dir, error);

    for (i = 0; i < (int) s->n; i++) {
        if (s->entries[i].use == KEYS_REFRESH
            || s->entries[i].info.state == KEY_ACTIVE)
        {
            s->entries[i].info.state = KEY_RETIRED;

        } else {
            s->entries[i].info.state = KEY_ACTIVE;
        }
    }

    keys_state_add(s, KEYS_REFRESH, KEY_ACTIVE, JOT_HS256, "2", 7);
    ok(keys_state_save(s, &dir, error) == 0, "a rotated state is written");
    keys_dir_close(&dir);
    free(s);

    keys = load(JOT_ES256);

    ok(keys && keys_count(keys) == 2
       && strcmp(etag, keys_etag(keys)) == 0,
       "the retired key stays in the set");
    ok(keys && keys_refresh(keys, &id)[0] == 'k' && id == 2
       && keys_refresh_find(keys, 1),
       "the new refresh key is used, the old one known");
    ok(keys && keys_fingerprint(keys, 1, same) == 1 && strcmp(ring, same) == 0
       && keys_fingerprint(keys, 2, same) == 1 && strcmp(ring, same) != 0,
       "each has its fingerprint");

    keys_free(keys);
    keydir_write("state", state, strlen(state));
}


static void
test_secret(void)
{
    char       error[KEYS_ERROR_SIZE];
    keys_t    *keys, *other;
    config_t   config;
    unsigned   n;

    config = keydir_settings(JOT_HS256);
    keydir_empty(keydir_path);
    keys_generate(&config, &n, error);
    keys = load(JOT_HS256);

    if (keys == NULL) {
        return;
    }

    is(keys_jwks(keys), "{\"keys\":[]}\n", "a secret is not served");
    ok(strstr(keys_gateway(keys), "\"kty\":\"oct\"") != NULL,
       "gateways get it");
    ok(keys_count(keys) == 1 && keys_info(keys, 0)->since == 0,
       "it is one key, of an unknown age");
    ok(strlen(keys_kid(keys)) == 22
       && strstr(KEYDIR_SECRET, keys_kid(keys)) == NULL,
       "its name is no part of it");

    config.secret_key = "Another0secret0of0thirty2characters";
    other = keys_load(&config, error);
    ok(other && strcmp(keys_kid(other), keys_kid(keys)) != 0,
       "another secret has another name");
    keys_free(other);

    config.secret_key = "";
    ok(keys_load(&config, error) == NULL && strstr(error, "SECRET_KEY"),
       "no secret at all is refused");

    keys_free(keys);
}


static void
test_gateway(void)
{
    char         error[KEYS_ERROR_SIZE];
    ino_t        inode;
    keys_t      *keys;
    config_t     config;
    struct stat  st;

    config = keydir_settings(JOT_HS256);
    keys = load(JOT_HS256);

    if (keys == NULL) {
        return;
    }

    ok(keys_gateway_state(keys, &config) == -1, "there is no gateway file");
    ok(keys_write_gateway_file(keys, &config, error) == 0
       && keys_gateway_state(keys, &config) == 0, "it is written");
    stat(keydir_gateway, &st);
    inode = st.st_ino;
    ok((st.st_mode & 07777) == 0640, "0640");

    keys_write_gateway_file(keys, &config, error);
    stat(keydir_gateway, &st);
    ok(st.st_ino == inode, "and left alone while it is right");

    chmod(keydir_gateway, 0644);
    ok(keys_gateway_state(keys, &config) == 1
       && keys_write_gateway_file(keys, &config, error) == 0
       && keys_gateway_state(keys, &config) == 0,
       "a secret that all can read is closed again");

    ok(truncate(keydir_gateway, 5) == 0
       && keys_gateway_state(keys, &config) == 1
       && keys_write_gateway_file(keys, &config, error) == 0
       && keys_gateway_state(keys, &config) == 0,
       "a file that was cut is written again");

    config.gateway_keys_file = "/proc/portero/gateway.json";
    ok(keys_write_gateway_file(keys, &config, error) == -1
       && strstr(error, "GATEWAY_KEYS_FILE /proc/portero/gateway.json"),
       "one that cannot be written is named");

    config.gateway_keys_file = "";
    ok(keys_write_gateway_file(keys, &config, error) == 0,
       "and nobody has to have one");

    keys_free(keys);
}


static void
refused(const char *expected, const char *name)
{
    char       error[KEYS_ERROR_SIZE];
    keys_t    *keys;
    config_t   config;

    config = keydir_settings(JOT_ES256);
    error[0] = '\0';
    keys = keys_load(&config, error);

    if (!ok(keys == NULL && strstr(error, expected), "refused: %s", name)) {
        printf("#  got: %s\n", keys ? "keys" : error);
    }

    keys_free(keys);
}


static keys_t *
load(jot_alg_t alg)
{
    char       error[KEYS_ERROR_SIZE];
    keys_t    *keys;
    config_t   config;

    config = keydir_settings(alg);
    keys = keys_load(&config, error);

    if (!ok(keys != NULL, "%s: keys are loaded", jot_alg_name(alg))) {
        printf("#  %s\n", error);
    }

    return keys;
}


static void
active_name(char name[KEYS_NAME_SIZE], char kid[64])
{
    char   text[STATE_SIZE];
    char  *p;

    keydir_read("state", text, sizeof(text));
    p = strstr(text, "sign active ES256 ");
    snprintf(kid, 64, "%.43s", p ? p + strlen("sign active ES256 ") : "");
    snprintf(name, KEYS_NAME_SIZE, "sign-%s.pem", kid);
}
