/*
 * Settings: KEY=value lines in a file, PORTERO_KEY in the environment, which
 * wins.  One table in config.c holds every name, its bounds and its default;
 * an unknown name or an unsafe value stops the start with one line that names
 * the place and says what would be right.
 */

#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "jot.h"


typedef enum {
    REGISTRATION_OFF,
    REGISTRATION_INVITE,
    REGISTRATION_OPEN
} registration_t;

/* Durations are in seconds.  Strings are never NULL; unset ones are "". */
typedef struct {
    char             *database_url;
    char             *admin_database_url;   /* the owner's; command line only */
    char             *issuer;
    char             *audience;             /* default: the issuer */
    char             *client_id;
    jot_alg_t         algorithm;            /* JOT_ES256, _RS256 or _HS256 */
    char             *secret_key;           /* HS256 only; a secret */
    char             *key_dir;
    char             *gateway_keys_file;
    int64_t           key_publish;
    int64_t           access_token_expire;
    int64_t           session_idle;
    int64_t           session_absolute;
    int64_t           refresh_grace;
    int64_t           audit_retention;
    registration_t    registration;
    int               insecure_cookies;     /* localhost-only */
    int64_t           password_min;         /* characters */
    char             *password_list;
    int64_t           password_workers;
    int64_t           password_queue;       /* waiting requests per worker */
    int64_t           token_workers;
    int64_t           throttle_account_network;         /* failures at once */
    int64_t           throttle_account_network_fall;    /* one less after */
    int64_t           throttle_network;
    int64_t           throttle_network_fall;
    int64_t           throttle_account;
    int64_t           throttle_account_fall;
    char             *socket_dir;
    char             *socket_group;
    char             *notify_command;
} config_t;

#define CONFIG_ERROR_SIZE  512

/*
 * Reads file ("" for none) and environment.  Returns NULL and one line in error
 * when anything is wrong.  The result is immutable; config_free() wipes what
 * is secret.
 */
config_t *config_load(const char *file, char *const *environment,
    char error[CONFIG_ERROR_SIZE]);
void config_free(config_t *config);

/*
 * What only portero-login asks for: DATABASE_URL, ISSUER, KEY_DIR and so on
 * are set.  Returns 0, or -1 and one line in error.
 */
int config_check_service(const config_t *config,
    char error[CONFIG_ERROR_SIZE]);

#endif
