/*
 * Settings are taken from the file first and from the environment after it;
 * what came from a higher source replaces what came from a lower one, and the
 * same source must not say a thing twice.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_table.h"


#define CONFIG_VALUE_SIZE  4096
#define CONFIG_SHOWN       64           /* of a value, in an error */
#define CONFIG_PREFIX      "PORTERO_"

enum { CONFIG_RANK_FILE = 1, CONFIG_RANK_ENVIRONMENT };

typedef struct {
    const char               *suffix;
    int64_t                   seconds;
} config_unit_t;

/* What a name means. */
typedef struct {
    const config_setting_t   *setting;
    int64_t                   unit;         /* seconds; 1 for plain numbers */
    int                       from_file;    /* NAME_FILE */
} config_name_t;

typedef struct {
    config_t                 *config;
    config_given_t           *given;        /* parallel to the table */
    char                     *error;
} config_loader_t;


static int config_preset(config_loader_t *loader);
static int config_finish(config_t *config);
static int config_read_file(config_loader_t *loader, const char *file);
static int config_read_line(config_loader_t *loader, const char *file,
    unsigned number, char *line, size_t len);
static int config_read_environment(config_loader_t *loader,
    char *const *environment);
static int config_take(config_loader_t *loader, const char *name,
    const char *value, const char *place, int rank);
static int config_find(const char *name, config_name_t *found);
static int config_unknown(config_loader_t *loader, const char *name,
    const char *place);
static int config_take_secret_file(config_loader_t *loader,
    const config_name_t *name, const char *path, const char *place);
static int config_set(config_loader_t *loader, const config_name_t *name,
    const char *value, const char *place);
static int config_set_text(config_t *config, const config_setting_t *setting,
    const char *value);
static int config_set_number(config_t *config, const config_name_t *name,
    const char *value);
static int config_set_choice(config_t *config,
    const config_setting_t *setting, const char *value);
static char **config_string(config_t *config,
    const config_setting_t *setting);
static int config_error(config_loader_t *loader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


static const config_unit_t  config_units[] = {
    { "_SECONDS", 1 },
    { "_MINUTES", 60 },
    { "_HOURS", 60 * 60 },
    { "_DAYS", 24 * 60 * 60 },
};

/* Not settings: which file to read, and where the tests find what was built. */
static const char *const  config_not_settings[] = {
    "PORTERO_CONFIG", "PORTERO_BUILD",
};


config_t *
config_load(const char *file, char *const *environment,
    char error[CONFIG_ERROR_SIZE])
{
    int              rc;
    config_loader_t  loader;

    rc = -1;

    loader.error = error;
    loader.config = calloc(1, sizeof(*loader.config));
    loader.given = calloc(config_nsettings, sizeof(*loader.given));

    if (loader.config == NULL || loader.given == NULL) {
        config_error(&loader, "out of memory");
        goto done;
    }

    if (config_preset(&loader) != 0
        || (*file && config_read_file(&loader, file) != 0)
        || config_read_environment(&loader, environment) != 0
        || config_check(loader.config, loader.given, error) != 0)
    {
        goto done;
    }

    rc = config_finish(loader.config);

    if (rc != 0) {
        config_error(&loader, "out of memory");
    }

done:

    free(loader.given);

    if (rc != 0) {
        config_free(loader.config);
        return NULL;
    }

    return loader.config;
}


void
config_free(config_t *config)
{
    char    **text;
    size_t    i;

    if (config == NULL) {
        return;
    }

    for (i = 0; i < config_nsettings; i++) {
        text = config_string(config, &config_settings[i]);

        if (text && *text) {
            explicit_bzero(*text, strlen(*text));
            free(*text);
        }
    }

    free(config);
}


static int
config_preset(config_loader_t *loader)
{
    size_t         i;
    const char    *value;
    config_name_t  name;

    name.unit = 1;
    name.from_file = 0;

    for (i = 0; i < config_nsettings; i++) {
        name.setting = &config_settings[i];
        value = name.setting->preset;

        if (value == NULL
            && config_string(loader->config, name.setting) != NULL)
        {
            if (config_set_text(loader->config, name.setting, "") != 0) {
                return config_error(loader, "out of memory");
            }

        } else if (value
                   && config_set(loader, &name, value, name.setting->name)
                      != 0)
        {
            return -1;
        }
    }

    return 0;
}


/* Defaults that follow from something else. */
static int
config_finish(config_t *config)
{
    if (config->password_workers == 0) {
        config->password_workers = sysconf(_SC_NPROCESSORS_ONLN);

        if (config->password_workers < 1) {
            config->password_workers = 1;
        }
    }

    if (config->audience[0] == '\0') {
        free(config->audience);
        config->audience = strdup(config->issuer);
    }

    return config->audience ? 0 : -1;
}


static int
config_read_file(config_loader_t *loader, const char *file)
{
    int        rc;
    FILE      *stream;
    char      *line;
    size_t     size;
    ssize_t    len;
    unsigned   number;

    stream = fopen(file, "re");
    if (stream == NULL) {
        return config_error(loader, "%s: %s", file, strerror(errno));
    }

    rc = 0;
    line = NULL;
    size = 0;
    number = 0;

    while (rc == 0 && (len = getline(&line, &size, stream)) != -1) {
        rc = config_read_line(loader, file, ++number, line, len);
        explicit_bzero(line, len);
    }

    if (rc == 0 && ferror(stream)) {
        rc = config_error(loader, "%s: %s", file, strerror(errno));
    }

    free(line);
    fclose(stream);

    return rc;
}


static int
config_read_line(config_loader_t *loader, const char *file, unsigned number,
    char *line, size_t len)
{
    char   place[CONFIG_PLACE_SIZE], *name, *value, *end;

    snprintf(place, sizeof(place), "%s:%u", file, number);

    if (strlen(line) != len || len > CONFIG_VALUE_SIZE) {
        return config_error(loader, "%s: a NUL byte, or longer than %d bytes; "
                            "KEY=value would be right", place,
                            CONFIG_VALUE_SIZE);
    }

    while (len && isspace((unsigned char) line[len - 1])) {
        line[--len] = '\0';
    }

    name = line + strspn(line, " \t");

    if (*name == '\0' || *name == '#') {
        return 0;
    }

    value = strchr(name, '=');

    if (value == NULL) {
        return config_error(loader, "%s: there is no \"=\"; KEY=value would be "
                            "right", place);
    }

    end = value;
    *value++ = '\0';
    value += strspn(value, " \t");

    while (end > name && isspace((unsigned char) end[-1])) {
        *--end = '\0';
    }

    return config_take(loader, name, value, place, CONFIG_RANK_FILE);
}


static int
config_read_environment(config_loader_t *loader, char *const *environment)
{
    int           rc;
    char         *name;
    size_t        i, len;
    const char   *value;

    for ( /* void */ ; *environment; environment++) {

        if (strncmp(*environment, CONFIG_PREFIX, sizeof(CONFIG_PREFIX) - 1)
            || (value = strchr(*environment, '=')) == NULL)
        {
            continue;
        }

        len = value++ - *environment;
        rc = 0;

        for (i = 0;
             i < sizeof(config_not_settings) / sizeof(config_not_settings[0]);
             i++)
        {
            rc |= strlen(config_not_settings[i]) == len
                  && memcmp(config_not_settings[i], *environment, len) == 0;
        }

        if (rc) {
            continue;
        }

        name = strndup(*environment, len);
        if (name == NULL) {
            return config_error(loader, "out of memory");
        }

        rc = config_take(loader, name + sizeof(CONFIG_PREFIX) - 1, value,
                         "environment", CONFIG_RANK_ENVIRONMENT);
        free(name);

        if (rc != 0) {
            return -1;
        }
    }

    return 0;
}


static int
config_take(config_loader_t *loader, const char *name, const char *value,
    const char *place, int rank)
{
    char             here[CONFIG_PLACE_SIZE];
    config_name_t    found;
    config_given_t  *given;

    if (config_find(name, &found) != 0) {
        return config_unknown(loader, name, place);
    }

    given = &loader->given[found.setting - config_settings];

    snprintf(here, sizeof(here), "%s: %s%s", place,
             rank == CONFIG_RANK_ENVIRONMENT ? CONFIG_PREFIX : "", name);

    if (given->rank == rank) {
        return config_error(loader, "%s: given already at \"%s\"; leave one "
                            "of them out", here, given->place);
    }

    memcpy(given->place, here, sizeof(here));
    given->rank = rank;

    if (*value == '\0') {
        return config_error(loader, "%s: there is no value; leave it out, or "
                            "give %s", here, found.setting->right);
    }

    if (*value == '"' || *value == '\'') {
        return config_error(loader, "%s: quotes would be part of the value; "
                            "leave them out", here);
    }

    if (found.from_file) {
        return config_take_secret_file(loader, &found, value, here);
    }

    return config_set(loader, &found, value, here);
}


static int
config_find(const char *name, config_name_t *found)
{
    size_t                   i, u, len;
    const char              *rest;
    const config_setting_t  *setting;

    for (i = 0; i < config_nsettings; i++) {
        setting = &config_settings[i];
        len = strlen(setting->name);

        if (strncmp(setting->name, name, len) != 0) {
            continue;
        }

        rest = name + len;
        found->setting = setting;
        found->unit = 1;
        found->from_file = 0;

        if (setting->kind == CONFIG_DURATION) {

            for (u = 0; u < sizeof(config_units) / sizeof(config_units[0]);
                 u++)
            {
                if (strcmp(rest, config_units[u].suffix) == 0) {
                    found->unit = config_units[u].seconds;
                    return 0;
                }
            }

        } else if (*rest == '\0') {
            return 0;

        } else if (setting->kind == CONFIG_SECRET
                   && strcmp(rest, "_FILE") == 0)
        {
            found->from_file = 1;
            return 0;
        }
    }

    return -1;
}


/* Names what comes nearest: the setting that starts most like it. */
static int
config_unknown(config_loader_t *loader, const char *name, const char *place)
{
    size_t                   i, n, best;
    const config_setting_t  *nearest;

    best = 3;
    nearest = NULL;

    for (i = 0; i < config_nsettings; i++) {

        n = 0;

        while (name[n] && config_settings[i].name[n] == name[n]) {
            n++;
        }

        if (n > best) {
            best = n;
            nearest = &config_settings[i];
        }
    }

    if (nearest == NULL) {
        return config_error(loader, "%s: there is no setting %.*s", place,
                            CONFIG_SHOWN, name);
    }

    return config_error(loader, "%s: there is no setting %.*s; the nearest is "
                        "%s%s", place, CONFIG_SHOWN, name, nearest->name,
                        nearest->kind == CONFIG_DURATION
                        ? " with _SECONDS, _MINUTES, _HOURS or _DAYS" : "");
}


/* A file with the secret as its only line. */
static int
config_take_secret_file(config_loader_t *loader, const config_name_t *name,
    const char *path, const char *place)
{
    int      rc;
    char     secret[CONFIG_VALUE_SIZE];
    FILE    *stream;
    size_t   len;

    stream = fopen(path, "re");
    if (stream == NULL) {
        return config_error(loader, "%s: %s: %s", place, path,
                            strerror(errno));
    }

    setvbuf(stream, NULL, _IONBF, 0);   /* its buffer would not be wiped */

    len = fread(secret, 1, sizeof(secret) - 1, stream);
    rc = ferror(stream) ? errno : 0;
    fclose(stream);

    secret[len] = '\0';

    if (len && secret[len - 1] == '\n') {
        secret[--len] = '\0';
    }

    if (len && secret[len - 1] == '\r') {
        secret[--len] = '\0';
    }

    if (rc) {
        rc = config_error(loader, "%s: %s: %s", place, path, strerror(rc));

    } else if (len == 0 || strlen(secret) != len || strchr(secret, '\n')
               || len == sizeof(secret) - 1)
    {
        rc = config_error(loader, "%s: %s has to be one line, and not empty",
                          place, path);

    } else {
        rc = config_set(loader, name, secret, place);
    }

    explicit_bzero(secret, sizeof(secret));

    return rc;
}


static int
config_set(config_loader_t *loader, const config_name_t *name,
    const char *value, const char *place)
{
    int                      rc;
    const config_setting_t  *setting;

    rc = -1;
    setting = name->setting;

    switch (setting->kind) {

    case CONFIG_TEXT:
    case CONFIG_SECRET:
    case CONFIG_PATH:
        rc = config_set_text(loader->config, setting, value);
        break;

    case CONFIG_NUMBER:
    case CONFIG_DURATION:
        rc = config_set_number(loader->config, name, value);
        break;

    case CONFIG_CHOICE:
        rc = config_set_choice(loader->config, setting, value);
        break;
    }

    if (rc == 0) {
        return 0;
    }

    if (setting->kind == CONFIG_SECRET) {
        return config_error(loader, "%s: the value will not do; right would "
                            "be %s", place, setting->right);
    }

    return config_error(loader, "%s: \"%.*s\" will not do; right would be %s",
                        place, CONFIG_SHOWN, value, setting->right);
}


static int
config_set_text(config_t *config, const config_setting_t *setting,
    const char *value)
{
    char                 **field, *copy;
    const unsigned char   *p;

    for (p = (const unsigned char *) value; *p; p++) {
        if (*p < 0x20 || *p == 0x7f
            || (setting->kind == CONFIG_TEXT && (*p == ' ' || *p > 0x7e)))
        {
            return -1;
        }
    }

    if (setting->kind == CONFIG_PATH && *value && *value != '/') {
        return -1;
    }

    copy = strdup(value);
    if (copy == NULL) {
        return -1;
    }

    field = config_string(config, setting);

    if (*field) {
        explicit_bzero(*field, strlen(*field));
        free(*field);
    }

    *field = copy;

    return 0;
}


static int
config_set_number(config_t *config, const config_name_t *name,
    const char *value)
{
    size_t   len;
    int64_t  number;

    len = strlen(value);

    /* Nine digits of days fit easily, so nothing can overflow. */

    if (len == 0 || len > 9 || strspn(value, "0123456789") != len) {
        return -1;
    }

    number = strtoll(value, NULL, 10) * name->unit;

    if (number < name->setting->min || number > name->setting->max) {
        return -1;
    }

    memcpy((char *) config + name->setting->offset, &number, sizeof(number));

    return 0;
}


static int
config_set_choice(config_t *config, const config_setting_t *setting,
    const char *value)
{
    const config_choice_t  *choice;

    _Static_assert(sizeof(jot_alg_t) == sizeof(int)
                   && sizeof(registration_t) == sizeof(int),
                   "choices are written as int");

    for (choice = setting->choices; choice->name; choice++) {
        if (strcmp(choice->name, value) == 0) {
            memcpy((char *) config + setting->offset, &choice->value,
                   sizeof(int));
            return 0;
        }
    }

    return -1;
}


/* The field of a setting that is a text, else NULL. */
static char **
config_string(config_t *config, const config_setting_t *setting)
{
    if (setting->kind != CONFIG_TEXT && setting->kind != CONFIG_SECRET
        && setting->kind != CONFIG_PATH)
    {
        return NULL;
    }

    return (char **) ((char *) config + setting->offset);
}


static int
config_error(config_loader_t *loader, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    vsnprintf(loader->error, CONFIG_ERROR_SIZE, format, args);
    va_end(args);

    return -1;
}
