/* The table of settings, private to config*.c. */

#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config.h"


typedef enum {
    CONFIG_TEXT,                /* visible ASCII */
    CONFIG_SECRET,              /* never shown; also as NAME_FILE */
    CONFIG_PATH,                /* from the root */
    CONFIG_NUMBER,
    CONFIG_DURATION,            /* NAME_SECONDS, _MINUTES, _HOURS or _DAYS */
    CONFIG_CHOICE
} config_kind_t;

typedef struct {
    const char       *name;     /* NULL ends a list */
    int               value;
} config_choice_t;

typedef struct {
    const char             *name;
    config_kind_t           kind;
    size_t                  offset;     /* of its field in config_t */
    int64_t                 min;        /* numbers; durations in seconds */
    int64_t                 max;
    const char             *preset;     /* durations: seconds; NULL: unset */
    const config_choice_t  *choices;
    const char             *right;      /* what would be right */
} config_setting_t;

extern const config_setting_t  config_settings[];
extern const size_t            config_nsettings;

/* Where a setting was given: "FILE:LINE: NAME" or "environment: NAME". */
#define CONFIG_PLACE_SIZE  256

typedef struct {
    char    place[CONFIG_PLACE_SIZE];   /* "": not given, the default holds */
    int     rank;                       /* of the source; the higher wins */
} config_given_t;

/*
 * What the fields must be to each other, and what each must be beyond its
 * kind.  given is parallel to the table.  0, or -1 and error.
 */
int config_check(const config_t *config, const config_given_t *given,
    char error[CONFIG_ERROR_SIZE]);

/* Whether the issuer is plain http on a loopback address. */
int config_issuer_is_loopback(const char *issuer);

#endif
