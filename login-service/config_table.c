/*
 * Every setting, once.  A new one is a row here and a field in config.h, and
 * a line in config_check.c if it has to fit others.
 */

#include "config_table.h"


#define MINUTE  60
#define HOUR    (60 * MINUTE)
#define DAY     (24 * HOUR)

#define FIELD(name)  offsetof(config_t, name)


static const config_choice_t  config_algorithms[] = {
    { "ES256", JOT_ES256 },
    { "RS256", JOT_RS256 },
    { "HS256", JOT_HS256 },
    { NULL, 0 }
};

static const config_choice_t  config_registrations[] = {
    { "off", REGISTRATION_OFF },
    { "invite", REGISTRATION_INVITE },
    { "open", REGISTRATION_OPEN },
    { NULL, 0 }
};

static const config_choice_t  config_insecure[] = {
    { "off", 0 },
    { "localhost-only", 1 },
    { NULL, 0 }
};


const config_setting_t  config_settings[] = {

    { "DATABASE_URL", CONFIG_SECRET, FIELD(database_url), 0, 0, NULL, NULL,
      "postgresql://USER@HOST/NAME, or libpq's KEYWORD=VALUE pairs" },
    { "ADMIN_DATABASE_URL", CONFIG_SECRET, FIELD(admin_database_url), 0, 0,
      NULL, NULL,
      "the owner's postgresql://USER@HOST/NAME, for the command line" },

    { "ISSUER", CONFIG_TEXT, FIELD(issuer), 0, 0, NULL, NULL,
      "the https URL that clients see; http only on a loopback address" },
    { "AUDIENCE", CONFIG_TEXT, FIELD(audience), 0, 0, NULL, NULL,
      "what gateways expect in aud, without spaces" },
    { "CLIENT_ID", CONFIG_TEXT, FIELD(client_id), 0, 0, "portero", NULL,
      "a name without spaces" },

    { "ALGORITHM", CONFIG_CHOICE, FIELD(algorithm), 0, 0, "ES256",
      config_algorithms, "ES256, RS256 or HS256" },
    { "SECRET_KEY", CONFIG_SECRET, FIELD(secret_key), 0, 0, NULL, NULL,
      "32 random bytes or more, as \"openssl rand -base64 48\" prints" },
    { "KEY_DIR", CONFIG_PATH, FIELD(key_dir), 0, 0, NULL, NULL,
      "the path, from the root, of a directory of this service alone" },
    { "GATEWAY_KEYS_FILE", CONFIG_PATH, FIELD(gateway_keys_file), 0, 0, NULL,
      NULL, "the path, from the root, of the file that gateways read" },
    { "KEY_PUBLISH", CONFIG_DURATION, FIELD(key_publish), 0, 7 * DAY,
      "900", NULL, "0 to 7 days; longer than gateways keep a key set" },

    { "ACCESS_TOKEN_EXPIRE", CONFIG_DURATION, FIELD(access_token_expire),
      1, DAY, "600", NULL, "1 second to 1 day; some minutes" },
    { "SESSION_IDLE", CONFIG_DURATION, FIELD(session_idle), 1, 90 * DAY,
      "1800", NULL, "1 second to 90 days" },
    { "SESSION_ABSOLUTE", CONFIG_DURATION, FIELD(session_absolute),
      1, 365 * DAY, "43200", NULL, "1 second to 365 days" },
    { "REFRESH_GRACE", CONFIG_DURATION, FIELD(refresh_grace), 0, 60, "30",
      NULL, "0 to 60 seconds" },

    { "AUDIT_RETENTION", CONFIG_DURATION, FIELD(audit_retention),
      DAY, 3650 * DAY, "7776000", NULL, "1 day to 10 years" },

    { "REGISTRATION", CONFIG_CHOICE, FIELD(registration), 0, 0, "off",
      config_registrations, "off, invite or open" },
    { "INSECURE_COOKIES", CONFIG_CHOICE, FIELD(insecure_cookies), 0, 0, "off",
      config_insecure, "off, or localhost-only for a demo on this host" },
    { "PASSWORD_MIN", CONFIG_NUMBER, FIELD(password_min), 8, 64, "12", NULL,
      "8 to 64 characters" },
    { "PASSWORD_LIST", CONFIG_PATH, FIELD(password_list), 0, 0, NULL, NULL,
      "the path, from the root, of a sorted file of SHA-1 of passwords" },

    /* Without a preset: one for each processor. */

    { "PASSWORD_WORKERS", CONFIG_NUMBER, FIELD(password_workers), 1, 256,
      NULL, NULL, "1 to 256, not more than there are processors" },
    { "PASSWORD_QUEUE", CONFIG_NUMBER, FIELD(password_queue), 1, 64, "4",
      NULL, "1 to 64 waiting requests for each worker" },
    { "TOKEN_WORKERS", CONFIG_NUMBER, FIELD(token_workers), 1, 256, "8", NULL,
      "1 to 256" },

    /* A count of failures, and how long it takes to fall by one. */

    { "THROTTLE_ACCOUNT_NETWORK", CONFIG_NUMBER,
      FIELD(throttle_account_network), 1, 10000, "5", NULL,
      "1 to 10000 failures of one account from one network" },
    { "THROTTLE_ACCOUNT_NETWORK_FALL", CONFIG_DURATION,
      FIELD(throttle_account_network_fall), 1, DAY, "30", NULL,
      "1 second to 1 day until that is one less" },
    { "THROTTLE_NETWORK", CONFIG_NUMBER, FIELD(throttle_network), 1, 10000,
      "20", NULL, "1 to 10000 failures from one network" },
    { "THROTTLE_NETWORK_FALL", CONFIG_DURATION, FIELD(throttle_network_fall),
      1, DAY, "3", NULL, "1 second to 1 day until that is one less" },
    { "THROTTLE_ACCOUNT", CONFIG_NUMBER, FIELD(throttle_account), 1, 10000,
      "100", NULL, "1 to 10000 failures of one account" },
    { "THROTTLE_ACCOUNT_FALL", CONFIG_DURATION, FIELD(throttle_account_fall),
      1, DAY, "900", NULL, "1 second to 1 day until that is one less" },

    { "SOCKET_DIR", CONFIG_PATH, FIELD(socket_dir), 0, 0, "/run/portero",
      NULL, "the path, from the root, of a directory for three sockets" },
    { "SOCKET_GROUP", CONFIG_TEXT, FIELD(socket_group), 0, 0, NULL, NULL,
      "the group that nginx's workers are in" },
    { "NOTIFY_COMMAND", CONFIG_PATH, FIELD(notify_command), 0, 0, NULL, NULL,
      "the path, from the root, of a program that is told of links" },
};

const size_t  config_nsettings = sizeof(config_settings)
                                 / sizeof(config_settings[0]);
