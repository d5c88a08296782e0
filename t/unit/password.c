/*
 * Passwords: which stored hashes are taken, which are refused before they
 * cost anything, and what speaks against a new password.
 */

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "password.h"
#include "password_method.h"
#include "tap.h"

/* The list itself, to ask for each of its entries. */
#include "../../login-service/password_common.c"


#define DIGEST43  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
#define DIGEST86  DIGEST43 DIGEST43
#define TAIL53    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0"
#define BYTES100  "0123456789012345678901234567890123456789012345678901234567" \
                  "890123456789012345678901234567890123456789"

typedef struct {
    const char     *name;
    const char     *hash;
    int             taken;
    unsigned long   cost;
} form_case_t;

typedef struct {
    const char  *prefix;
    int          cost;
} method_case_t;

typedef struct {
    const char  *name;
    const char  *password;
    const char  *username;
    unsigned     reasons;
} weak_case_t;


static const form_case_t  forms[] = {

    { "yescrypt 1", "$y$j75$salt$" DIGEST43, 1, 1 },
    { "yescrypt 6", "$y$jAT$salt$" DIGEST43, 1, 6 },
    { "yescrypt 9", "$y$jDT$salt$" DIGEST43, 1, 9 },
    { "yescrypt 10", "$y$jET$salt$" DIGEST43, 0, 0 },
    { "yescrypt of a terabyte", "$y$jUT$salt$" DIGEST43, 0, 0 },
    { "yescrypt with more passes", "$y$jAT3/$salt$" DIGEST43, 0, 0 },
    { "yescrypt of another kind", "$y$/AT$salt$" DIGEST43, 0, 0 },
    { "yescrypt without salt", "$y$jAT$$" DIGEST43, 0, 0 },
    { "yescrypt cut short", "$y$jAT$salt$abc", 0, 0 },
    { "yescrypt, only settings", "$y$jAT$salt", 0, 0 },
    { "yescrypt with a tail", "$y$jAT$salt$" DIGEST43 "A", 0, 0 },
    { "yescrypt with a line end", "$y$jAT$salt$" DIGEST43 "\n", 0, 0 },

    { "bcrypt 2a", "$2a$04$" TAIL53, 1, 4 },
    { "bcrypt 2b", "$2b$12$" TAIL53, 1, 12 },
    { "bcrypt 2y", "$2y$14$" TAIL53, 1, 14 },
    { "bcrypt 2x, known to be weak", "$2x$12$" TAIL53, 0, 0 },
    { "bcrypt 2", "$2$12$" TAIL53, 0, 0 },
    { "bcrypt 15", "$2b$15$" TAIL53, 0, 0 },
    { "bcrypt 31", "$2b$31$" TAIL53, 0, 0 },
    { "bcrypt 3", "$2b$03$" TAIL53, 0, 0 },
    { "bcrypt, one digit", "$2b$4$" TAIL53, 0, 0 },
    { "bcrypt cut short", "$2b$12$abc", 0, 0 },
    { "bcrypt with a tail", "$2b$12$" TAIL53 "A", 0, 0 },

    { "sha512crypt", "$6$salt$" DIGEST86, 1, 5000 },
    { "sha512crypt without salt", "$6$$" DIGEST86, 1, 5000 },
    { "sha512crypt 1000", "$6$rounds=1000$salt$" DIGEST86, 1, 1000 },
    { "sha512crypt a million", "$6$rounds=1000000$salt$" DIGEST86, 1, 1000000 },
    { "sha512crypt too many", "$6$rounds=1000001$salt$" DIGEST86, 0, 0 },
    { "sha512crypt 999999999", "$6$rounds=999999999$salt$" DIGEST86, 0, 0 },
    { "sha512crypt more than fits", "$6$rounds=18446744073709556616$salt$"
      DIGEST86, 0, 0 },
    { "sha512crypt too few", "$6$rounds=999$salt$" DIGEST86, 0, 0 },
    { "sha512crypt, a zero ahead", "$6$rounds=05000$salt$" DIGEST86, 0, 0 },
    { "sha512crypt, rounds without a number", "$6$rounds=$salt$" DIGEST86,
      0, 0 },
    { "sha512crypt, less than nothing", "$6$rounds=-5000$salt$" DIGEST86,
      0, 0 },
    { "sha512crypt, long salt", "$6$01234567890123456$" DIGEST86, 0, 0 },
    { "sha512crypt cut short", "$6$salt$" DIGEST43, 0, 0 },
    { "sha256crypt", "$5$rounds=2000$salt$" DIGEST43, 1, 2000 },
    { "sha256crypt too many", "$5$rounds=2000000$salt$" DIGEST43, 0, 0 },
    { "sha256crypt too long", "$5$salt$" DIGEST86, 0, 0 },

    { "scrypt of 64 MiB", "$7$CU..../....salt$" DIGEST43, 1, 64ul << 20 },
    { "scrypt of 256 MiB", "$7$EU..../....salt$" DIGEST43, 1, 256ul << 20 },
    { "scrypt of 512 MiB", "$7$FU..../....salt$" DIGEST43, 0, 0 },
    { "scrypt, N of 2 to the 63rd", "$7$zU..../....salt$" DIGEST43, 0, 0 },
    { "scrypt, large r", "$7$Czzzzz/....salt$" DIGEST43, 0, 0 },
    { "scrypt, large p", "$7$CU....zzzzzsalt$" DIGEST43, 0, 0 },
    { "scrypt, no r", "$7$C...../....salt$" DIGEST43, 0, 0 },
    { "scrypt, no p", "$7$CU.........salt$" DIGEST43, 0, 0 },
    { "scrypt, no N", "$7$.U..../....salt$" DIGEST43, 0, 0 },
    { "scrypt cut in r", "$7$CU.", 0, 0 },

    { "nothing", "", 0, 0 },
    { "a star", "*", 0, 0 },
    { "locked", "!$y$jAT$salt$" DIGEST43, 0, 0 },
    { "plain text", "correct horse", 0, 0 },
    { "DES", "abJnggxhB/yWI", 0, 0 },
    { "MD5", "$1$salt$abcdefghijklmnopqrstuv", 0, 0 },
    { "argon2", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", 0, 0 },
    { "gost-yescrypt", "$gy$jAT$salt$" DIGEST43, 0, 0 },
    { "NT", "$3$$8846f7eaee8fb117ad06bdd830b7586c", 0, 0 },
};

/* As cheap as each allows: what is asked is that they are run at all. */
static const method_case_t  methods[] = {
    { "$y$", 1 }, { "$2a$", 4 }, { "$2b$", 4 }, { "$2y$", 4 }, { "$6$", 1000 },
    { "$5$", 1000 }, { "$7$", 6 },
};

static const weak_case_t  weak[] = {
    { "twelve characters", "hvXq3,kTzr.w", "ann", 0 },
    { "eleven", "hvXq3,kTzr.", "ann", PASSWORD_TOO_SHORT },
    { "nothing", "", "ann", PASSWORD_TOO_SHORT },
    { "twelve bytes, six characters", "éàüöñç", "ann", PASSWORD_TOO_SHORT },
    { "twelve characters of two bytes", "éàüöñçßåøæþð", "ann", 0 },
    { "500 bytes, too many characters",
      BYTES100 BYTES100 BYTES100 BYTES100 BYTES100, "ann", PASSWORD_TOO_LONG },
    { "common", "qwertyuiop123", "ann", PASSWORD_COMMON },
    { "common in capitals", "Qwertyuiop123", "ann", PASSWORD_COMMON },
    { "common and short", "password", "ann",
      PASSWORD_COMMON | PASSWORD_TOO_SHORT },
    { "the name", "margaret.hill", "margaret.hill", PASSWORD_SAME_AS_NAME },
    { "the name in capitals", "Margaret.Hill", "margaret.hill",
      PASSWORD_SAME_AS_NAME },
    { "the name and more", "margaret.hill7", "margaret.hill", 0 },
};


static void test_forms(void);
static void test_methods(void);
static void test_own(void);
static void test_lengths(void);
static void test_outdated(void);
static void test_weakness(void);
static void test_list(void);
static void foreign(const method_case_t *method, const char *password,
    char hash[PASSWORD_HASH_SIZE]);
static void repeat(char *text, const char *part, size_t n);


int
main(void)
{
    ok(password_init() == 0, "the dummy hash is made");

    test_forms();
    test_methods();
    test_own();
    test_lengths();
    test_outdated();
    test_weakness();
    test_list();

    return done_testing();
}


static void
test_forms(void)
{
    size_t              i;
    unsigned long       cost;
    password_method_t   method;
    const form_case_t  *c;

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        c = &forms[i];
        cost = 0;

        if (c->taken) {
            ok(password_method_parse(c->hash, &method, &cost) == 0
               && cost == c->cost, "%s is taken, and its cost known", c->name);
            continue;
        }

        ok(password_method_parse(c->hash, &method, &cost) == -1
           && password_outdated(c->hash, "x") == 0, "%s is refused", c->name);
    }

    ok(password_verify("x", "$y$jGT$salt$" DIGEST43) == PASSWORD_REFUSED,
       "what is refused is not run");
}


static void
test_methods(void)
{
    char    hash[PASSWORD_HASH_SIZE];
    size_t  i, last;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        foreign(&methods[i], "correct horse", hash);

        ok(password_verify("correct horse", hash) == PASSWORD_MATCH,
           "%s matches", methods[i].prefix);
        ok(password_verify("Correct horse", hash) == PASSWORD_MISMATCH,
           "%s: another password does not", methods[i].prefix);
        ok(password_verify("correct horse ", hash) == PASSWORD_MISMATCH,
           "%s: nor one with a blank behind", methods[i].prefix);
        ok(password_verify("", hash) == PASSWORD_MISMATCH,
           "%s: nor none", methods[i].prefix);

        last = strlen(hash) - 2;
        hash[last] = hash[last] == 'a' ? 'b' : 'a';
        ok(password_verify("correct horse", hash) == PASSWORD_MISMATCH,
           "%s: one character of the hash decides", methods[i].prefix);
    }
}


static void
test_own(void)
{
    char               hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];
    unsigned long      cost;
    password_method_t  method;

    ok(password_hash("correct horse", hash) == 0
       && password_hash("correct horse", other) == 0
       && strcmp(hash, other) != 0, "two hashes of one password differ");

    ok(password_method_parse(hash, &method, &cost) == 0
       && method == PASSWORD_YESCRYPT && cost == 6,
       "a new hash is yescrypt of cost 6");
    ok(password_verify("correct horse", hash) == PASSWORD_MATCH,
       "a new hash matches");
    ok(password_verify("battery staple", hash) == PASSWORD_MISMATCH,
       "and does not match another password");
    ok(password_verify("correct horse", NULL) == PASSWORD_MISMATCH
       && password_verify("", NULL) == PASSWORD_MISMATCH,
       "without a hash nothing matches, not even what the dummy was made of");
}


static void
test_lengths(void)
{
    char  hash[PASSWORD_HASH_SIZE], most[502], more[502];

    repeat(most, "x", 500);
    repeat(more, "x", 501);

    ok(password_hash(most, hash) == 0
       && password_verify(most, hash) == PASSWORD_MATCH,
       "500 bytes are hashed whole");
    ok(password_verify(more, hash) == PASSWORD_MISMATCH,
       "501 are not cut to 500");
    most[499] = 'y';
    ok(password_verify(most, hash) == PASSWORD_MISMATCH,
       "the last byte counts");
    ok(password_hash(more, hash) == -1, "501 bytes get no hash");
    ok(password_verify(more, NULL) == PASSWORD_MISMATCH,
       "501 bytes of an unknown user are refused");

    repeat(more, "é", 250);
    ok(password_weakness(more, "ann", 12) == 0, "500 bytes may be chosen");
    strcat(more, "x");
    ok(password_weakness(more, "ann", 12) == PASSWORD_TOO_LONG,
       "501 may not");
    repeat(more, "x", 256);
    ok(password_weakness(more, "ann", 12) == 0, "256 characters may be chosen");
    repeat(more, "x", 257);
    ok(password_weakness(more, "ann", 12) == PASSWORD_TOO_LONG,
       "257 may not");
}


static void
test_outdated(void)
{
    char  text[100];

    ok(password_outdated("$y$j9T$salt$" DIGEST43, "x"),
       "a cheaper yescrypt is outdated");
    ok(!password_outdated("$y$jAT$salt$" DIGEST43, "x"),
       "the current one is not");
    ok(!password_outdated("$y$jBT$salt$" DIGEST43, "x"),
       "a dearer one is not");
    ok(password_outdated("$6$salt$" DIGEST86, "x"), "sha512crypt is");
    ok(password_outdated("$5$salt$" DIGEST43, "x"), "sha256crypt is");
    ok(password_outdated("$7$CU..../....salt$" DIGEST43, "x"), "scrypt is");

    repeat(text, "x", 72);
    ok(password_outdated("$2b$12$" TAIL53, text), "bcrypt is");
    repeat(text, "x", 73);
    ok(!password_outdated("$2b$12$" TAIL53, text),
       "but not when it saw a part of the password only");
}


static void
test_weakness(void)
{
    size_t    i;
    unsigned  reasons;

    for (i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        reasons = password_weakness(weak[i].password, weak[i].username, 12);

        if (!ok(reasons == weak[i].reasons, "%s", weak[i].name)) {
            printf("#  got %x, expected %x\n", reasons, weak[i].reasons);
        }
    }
}


/* A list that is out of order loses entries and says nothing. */

static void
test_list(void)
{
    size_t  i, n, lost, small;

    n = sizeof(password_common) / sizeof(password_common[0]);
    lost = 0;
    small = 0;

    for (i = 0; i < n; i++) {
        lost += !password_common_find(password_common[i]);
        small += strlen(password_common[i]) < 8
                 || (i && strcmp(password_common[i - 1], password_common[i])
                          >= 0);
    }

    ok(n > 500 && lost == 0, "each entry of the list is found");
    ok(small == 0, "they are in order, and none is too short to be chosen");
    ok(!password_common_find("hvXq3,kTzr.w"), "others are not found");
}


static void
foreign(const method_case_t *method, const char *password,
    char hash[PASSWORD_HASH_SIZE])
{
    char               setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data  data;

    memset(&data, 0, sizeof(data));
    hash[0] = '\0';

    if (crypt_gensalt_rn(method->prefix, method->cost, NULL, 0, setting,
                         sizeof(setting))
        && crypt_rn(password, setting, &data, sizeof(data)))
    {
        strcpy(hash, data.output);
    }
}


static void
repeat(char *text, const char *part, size_t n)
{
    while (n--) {
        text = stpcpy(text, part);
    }
}
