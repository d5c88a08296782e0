/*
 * Settings: defaults, what the environment overrides, and every refusal with
 * its place and its words.
 */

#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "config_table.h"
#include "tap.h"


typedef struct {
    const char   *name;
    const char   *file;         /* its text; NULL: no file */
    const char   *environment;  /* one entry, or NULL */
    const char   *error;        /* what it has to say; NULL: all is well */
} config_case_t;


#define GOOD  "0123456789abcdefghijklmnopqrstuv"

static const config_case_t  cases[] = {

    { "nothing at all", NULL, NULL, NULL },
    { "an empty file", "", NULL, NULL },
    { "comments and blanks", "# one\n\n  # two\n \t\n", NULL, NULL },
    { "blanks around", "  PASSWORD_MIN \t=  16 \r\n", NULL, NULL },
    { "no line end", "PASSWORD_MIN=16", NULL, NULL },
    { "others' variables", NULL, "PATH=/bin", NULL },
    { "the file's own name", NULL, "PORTERO_CONFIG=/etc/x", NULL },
    { "the test suite's", NULL, "PORTERO_BUILD=build", NULL },

    /* Lines and names. */

    { "no equals sign", "\nPASSWORD_MIN 16\n", NULL,
      ":2: there is no \"=\"" },
    { "unknown", "SOMETHING=1\n", NULL, ":1: there is no setting SOMETHING" },
    { "misspelt", "SESSION_IDEL_MINUTES=1\n", NULL,
      "the nearest is SESSION_IDLE with _SECONDS" },
    { "unknown in the environment", NULL, "PORTERO_SOMETHING=1",
      "environment: there is no setting SOMETHING" },
    { "lower case", "password_min=16\n", NULL, "there is no setting" },
    { "no unit", "SESSION_IDLE=30\n", NULL,
      "there is no setting SESSION_IDLE; the nearest is SESSION_IDLE with" },
    { "a unit where none is", "PASSWORD_MIN_SECONDS=9\n", NULL,
      "there is no setting" },
    { "_FILE where no secret is", "PASSWORD_MIN_FILE=/x\n", NULL,
      "there is no setting" },
    { "no name", "=1\n", NULL, "there is no setting" },
    { "no value", "ISSUER=\n", NULL, ":1: ISSUER: there is no value" },
    { "no value in the environment", NULL, "PORTERO_ISSUER=",
      "environment: PORTERO_ISSUER: there is no value" },
    { "quotes", "CLIENT_ID=\"a\"\n", NULL, "quotes would be part" },
    { "twice", "PASSWORD_MIN=16\nPASSWORD_MIN=16\n", NULL,
      ":2: PASSWORD_MIN: given already at" },
    { "two units", "SESSION_IDLE_MINUTES=30\nSESSION_IDLE_HOURS=1\n", NULL,
      ":2: SESSION_IDLE_HOURS: given already at" },
    { "a secret and its file", "SECRET_KEY=" GOOD "\nSECRET_KEY_FILE=/x\n",
      NULL, ":2: SECRET_KEY_FILE: given already at" },

    /* Numbers. */

    { "a word", "PASSWORD_MIN=many\n", NULL,
      ":1: PASSWORD_MIN: \"many\" will not do; right would be 8 to 64" },
    { "a sign", "PASSWORD_MIN=+16\n", NULL, "will not do" },
    { "a fraction", "PASSWORD_MIN=16.5\n", NULL, "will not do" },
    { "hexadecimal", "PASSWORD_MIN=0x10\n", NULL, "will not do" },
    { "below", "PASSWORD_MIN=7\n", NULL, "will not do" },
    { "above", "PASSWORD_MIN=65\n", NULL, "will not do" },
    { "a unit in the value", "SESSION_IDLE_MINUTES=30m\n", NULL,
      "will not do" },
    { "too many digits", "SESSION_IDLE_DAYS=99999999999999999999\n", NULL,
      "will not do" },
    { "too many days", "SESSION_IDLE_DAYS=999999999\n", NULL,
      "will not do" },
    { "grace above its limit", "REFRESH_GRACE_MINUTES=2\n", NULL,
      "right would be 0 to 60 seconds" },
    { "no grace", "REFRESH_GRACE_SECONDS=0\n", NULL, NULL },
    { "no queue", "PASSWORD_QUEUE=0\n", NULL, "will not do" },
    { "no workers", "TOKEN_WORKERS=0\n", NULL, "will not do" },

    /* Choices, texts and paths. */

    { "no registration", "REGISTRATION=yes\n", NULL, "off, invite or open" },
    { "no algorithm", "ALGORITHM=none\n", NULL, "ES256, RS256 or HS256" },
    { "another algorithm", "ALGORITHM=EdDSA\n", NULL, "will not do" },
    { "case of an algorithm", "ALGORITHM=es256\n", NULL, "will not do" },
    { "a relative path", "KEY_DIR=keys\n", NULL, "from the root" },
    { "a space in a name", "CLIENT_ID=a b\n", NULL, "will not do" },
    { "a control character", "CLIENT_ID=a\001b\n", NULL, "will not do" },

    /* The issuer. */

    { "https", "ISSUER=https://login.example/portero\n", NULL, NULL },
    { "http on 127.0.0.1", "ISSUER=http://127.0.0.1:8080\n", NULL, NULL },
    { "http on 127.1.2.3", "ISSUER=http://127.1.2.3\n", NULL, NULL },
    { "http on ::1", "ISSUER=http://[::1]:8080\n", NULL, NULL },
    { "http on localhost", "ISSUER=http://localhost:8080/\n", NULL, NULL },
    { "http elsewhere", "ISSUER=http://login.example\n", NULL,
      ":1: ISSUER: not an https URL" },
    { "a name like an address", "ISSUER=http://127.0.0.1.example\n", NULL,
      "not an https URL" },
    { "a name like localhost", "ISSUER=http://localhost.example\n", NULL,
      "not an https URL" },
    { "an address of five", "ISSUER=http://127.0.0.1.5\n", NULL,
      "not an https URL" },
    { "an address too high", "ISSUER=http://127.0.0.256\n", NULL,
      "not an https URL" },
    { "a user", "ISSUER=http://127.0.0.1:80@login.example\n", NULL,
      "without user" },
    { "a query", "ISSUER=https://login.example/?a\n", NULL, "query" },
    { "no host", "ISSUER=https:///a\n", NULL, "not an https URL" },
    { "no scheme", "ISSUER=login.example\n", NULL, "not an https URL" },

    { "insecure cookies on loopback",
      "ISSUER=http://127.0.0.1\nINSECURE_COOKIES=localhost-only\n", NULL,
      NULL },
    { "insecure cookies elsewhere",
      "ISSUER=https://login.example\nINSECURE_COOKIES=localhost-only\n", NULL,
      ":2: INSECURE_COOKIES: localhost-only needs an ISSUER" },
    { "insecure cookies without an issuer",
      "INSECURE_COOKIES=localhost-only\n", NULL, "needs an ISSUER" },
    { "insecure cookies on", "INSECURE_COOKIES=on\n", NULL, "will not do" },

    /* Databases. */

    { "a URL", "DATABASE_URL=postgresql://u@h/d\n", NULL, NULL },
    { "pairs", "DATABASE_URL=host=/run dbname=portero\n", NULL, NULL },
    { "a file name", "DATABASE_URL=/var/lib/x\n", NULL,
      ":1: DATABASE_URL: neither postgresql://" },
    { "another database", "ADMIN_DATABASE_URL=mysql://u:p@h/d?a=b\n", NULL,
      "ADMIN_DATABASE_URL: neither" },

    /* The secret key. */

    { "a good one", "SECRET_KEY=" GOOD "\n", NULL, NULL },
    { "31 bytes", "SECRET_KEY=0123456789abcdefghijklmnopqrstu\n", NULL,
      ":1: SECRET_KEY: shorter than 32 bytes" },
    { "one character", "SECRET_KEY=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
      NULL, "a placeholder or a pattern" },
    { "a word repeated",
      "SECRET_KEY=kdjfhguexpqzkdjfhguexpqzkdjfhguexpqz\n", NULL, "a pattern" },
    { "changeme", "SECRET_KEY=please-change-me-8fj3kd92ls0qpw7\n", NULL,
      "a placeholder" },
    { "Change_Me", "SECRET_KEY=Change_Me_8fj3kd92ls0qpw7zmx4n\n", NULL,
      "SECRET_KEY:" },
    { "secret", "SECRET_KEY=mySecretKey8fj3kd92ls0qpw7zmx4nb\n", NULL,
      "a placeholder" },

    /* What they are to each other. */

    { "equal is fine", "ACCESS_TOKEN_EXPIRE_MINUTES=30\n", NULL, NULL },
    { "access beyond idle", "ACCESS_TOKEN_EXPIRE_MINUTES=31\n", NULL,
      ":1: ACCESS_TOKEN_EXPIRE_MINUTES: ACCESS_TOKEN_EXPIRE (1860 s) is "
      "longer than SESSION_IDLE (1800 s)" },
    { "idle below access", "SESSION_IDLE_MINUTES=5\n", NULL,
      ":1: SESSION_IDLE_MINUTES: ACCESS_TOKEN_EXPIRE (600 s) is longer" },
    { "idle beyond absolute", "SESSION_IDLE_HOURS=13\n", NULL,
      "SESSION_IDLE (46800 s) is longer than SESSION_ABSOLUTE" },
    { "grace beyond access", "ACCESS_TOKEN_EXPIRE_SECONDS=20\n", NULL,
      "REFRESH_GRACE (30 s) is longer than ACCESS_TOKEN_EXPIRE (20 s)" },
};


static char  folder[] = "/tmp/portero-config-XXXXXX";
static char  file[64], secret_file[64];


static void
write_text(const char *path, const char *text, size_t len)
{
    FILE  *stream;

    stream = fopen(path, "w");

    if (stream == NULL || fwrite(text, 1, len, stream) != len
        || fclose(stream) != 0)
    {
        perror(path);
        exit(1);
    }
}


static config_t *
load(const char *text, const char *entry, char error[CONFIG_ERROR_SIZE])
{
    char  *environment[2] = { (char *) entry, NULL };

    error[0] = '\0';

    if (text) {
        write_text(file, text, strlen(text));
    }

    return config_load(text ? file : "", environment, error);
}


static void
test_cases(void)
{
    char                  error[CONFIG_ERROR_SIZE];
    size_t                i;
    config_t             *config;
    const config_case_t  *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];
        config = load(c->file, c->environment, error);

        ok(c->error ? config == NULL && strstr(error, c->error) != NULL
                    : config != NULL,
           "%s%s%s", c->name, c->error ? ": " : "", c->error ? error : "");

        config_free(config);
    }
}


static void
test_defaults(void)
{
    char       error[CONFIG_ERROR_SIZE];
    config_t  *config;

    config = load("ISSUER=https://a.example\n", NULL, error);
    if (config == NULL) {
        ok(0, "%s", error);
        return;
    }

    ok(config->access_token_expire == 600 && config->session_idle == 1800
       && config->session_absolute == 43200 && config->refresh_grace == 30
       && config->key_publish == 900, "the durations");
    ok(config->algorithm == JOT_ES256
       && config->registration == REGISTRATION_OFF
       && !config->insecure_cookies && config->password_min == 12,
       "the safe choices");
    ok(config->password_workers >= 1 && config->password_queue == 4
       && config->token_workers == 8, "the workers");
    is(config->client_id, "portero", "the client");
    is(config->audience, "https://a.example", "the audience is the issuer");
    is(config->secret_key, "", "unset texts are empty");

    config_free(config);
}


static void
test_environment(void)
{
    char       error[CONFIG_ERROR_SIZE];
    config_t  *config;

    config = load("REFRESH_GRACE_SECONDS=7\nPASSWORD_MIN=15\n",
                  "PORTERO_REFRESH_GRACE_MINUTES=1", error);
    ok(config && config->refresh_grace == 60 && config->password_min == 15,
       "the environment wins, in another unit too");
    config_free(config);

    config = load("PASSWORD_MIN=1\n", "PORTERO_PASSWORD_MIN=16", error);
    ok(config == NULL, "but does not hide what is wrong in the file");
    config_free(config);

    config = load("SESSION_IDLE_DAYS=2\nSESSION_ABSOLUTE_DAYS=3\n", NULL,
                  error);
    ok(config && config->session_idle == 172800, "days");
    config_free(config);
}


static void
test_secret_file(const char *name, const char *text, size_t len,
    const char *expected)
{
    char       error[CONFIG_ERROR_SIZE], line[128];
    config_t  *config;

    write_text(secret_file, text, len);
    snprintf(line, sizeof(line), "SECRET_KEY_FILE=%s\n", secret_file);

    config = load(line, NULL, error);

    ok(expected ? config && strcmp(config->secret_key, expected) == 0
                : config == NULL && strstr(error, "SECRET_KEY_FILE: "),
       "a secret's file: %s %s", name, error);

    config_free(config);
}


/* Whatever is wrong with a secret, its text is not in the words for it. */
static void
test_secrets_stay_hidden(void)
{
    char                error[CONFIG_ERROR_SIZE];
    size_t              i;
    config_t           *config;
    static const char  *texts[] = {
        "SECRET_KEY=Xk29dkfj\n",
        "SECRET_KEY=Xk29dkfj\001Xk29dkfjXk29dkfjXk29dkfjXk29dkfj\n",
        "SECRET_KEY=Xk29dkfjXk29dkfjXk29dkfjXk29dkfjXk29dkfj\n",
        "DATABASE_URL=mysql://u:Xk29dkfj@h/d\n",
        "DATABASE_URL=postgresql://u:Xk29dkfj@h/\001\n",
        "DATABASE_URL='postgresql://u:Xk29dkfj@h/d'\n",
        "DATABASE_URL=postgresql://h/d\nDATABASE_URL=postgresql://Xk29dkfj\n",
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        config = load(texts[i], NULL, error);
        ok(config == NULL && *error && strstr(error, "Xk29") == NULL,
           "hidden: %s", error);
        config_free(config);
    }
}


static void
test_service(void)
{
    char       error[CONFIG_ERROR_SIZE];
    size_t     i;
    config_t  *config;
    struct {
        const char   *text;
        const char   *error;
    } services[] = {
        { "", "DATABASE_URL is not set" },
        { "DATABASE_URL=a=b\n", "ISSUER is not set" },
        { "DATABASE_URL=a=b\nISSUER=https://a\n", "KEY_DIR is not set" },
        { "DATABASE_URL=a=b\nISSUER=https://a\nKEY_DIR=/k\n", NULL },
        { "DATABASE_URL=a=b\nISSUER=https://a\nKEY_DIR=/k\nALGORITHM=HS256\n",
          "SECRET_KEY is not set" },
        { "DATABASE_URL=a=b\nISSUER=https://a\nKEY_DIR=/k\nALGORITHM=HS256\n"
          "SECRET_KEY=" GOOD "\n", NULL },
    };

    for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        config = load(services[i].text, NULL, error);
        if (config == NULL) {
            ok(0, "%s", error);
            continue;
        }

        ok(services[i].error
           ? config_check_service(config, error) == -1
             && strstr(error, services[i].error)
           : config_check_service(config, error) == 0,
           "the service: %s", services[i].error ? error : "all is there");

        config_free(config);
    }
}


int
main(void)
{
    char       error[CONFIG_ERROR_SIZE];
    config_t  *config;

    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }

    snprintf(file, sizeof(file), "%s/conf", folder);
    snprintf(secret_file, sizeof(secret_file), "%s/secret", folder);

    test_cases();
    test_defaults();
    test_environment();
    test_service();
    test_secrets_stay_hidden();

    test_secret_file("plain", GOOD, 32, GOOD);
    test_secret_file("a line end", GOOD "\n", 33, GOOD);
    test_secret_file("another line end", GOOD "\r\n", 34, GOOD);
    test_secret_file("empty", "", 0, NULL);
    test_secret_file("only a line end", "\n", 1, NULL);
    test_secret_file("two lines", GOOD "\n" GOOD "\n", 66, NULL);
    test_secret_file("a NUL", GOOD "\0x", 34, NULL);
    test_secret_file("a bad secret", "short\n", 6, NULL);

    write_text(file, "PASSWORD_MIN=16\0\n", 17);
    config = config_load(file, (char *[]) { NULL }, error);
    ok(config == NULL && strstr(error, ":1: a NUL byte"), "a NUL: %s", error);
    config_free(config);

    unlink(secret_file);
    unlink(file);

    config = config_load(file, (char *[]) { NULL }, error);
    ok(config == NULL && strstr(error, "No such file"), "no file: %s", error);
    config_free(config);

    config = config_load(folder, (char *[]) { NULL }, error);
    ok(config == NULL && strstr(error, "directory"), "a folder: %s", error);
    config_free(config);

    rmdir(folder);

    return done_testing();
}
