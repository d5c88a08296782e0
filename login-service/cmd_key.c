/* portero key: generate, list, rotate, retire, adopt. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "admin.h"
#include "keys.h"
#include "portero.h"
#include "ring.h"


static int key_options(const portero_t *portero, const char **kid, int *now,
    int *refresh);
static portero_status_t key_show(const portero_t *portero, int rc,
    const char *error);
static void key_tell_owner(const config_t *config);


static const char *const  key_states[] = {
    [KEY_NEXT]    = "next",
    [KEY_ACTIVE]  = "active",
    [KEY_RETIRED] = "retired"
};


portero_status_t
cmd_key_generate(const portero_t *portero)
{
    char              error[KEYS_ERROR_SIZE];
    keys_t           *keys;
    unsigned          created;
    portero_status_t  status;

    if (keys_generate(portero->config, &created, error) != 0) {
        return portero_failed("%s", error);
    }

    keys = keys_load(portero->config, error);
    if (keys == NULL) {
        return portero_failed("%s", error);
    }

    status = PORTERO_OK;

    if (keys_write_gateway_file(keys, portero->config, error) != 0) {
        status = portero_failed("%s", error);
    }

    if (status == PORTERO_OK) {
        printf("%u new in %s\n", created, portero->config->key_dir);
        key_tell_owner(portero->config);
    }

    keys_free(keys);
    return status;
}


portero_status_t
cmd_key_list(const portero_t *portero)
{
    char               error[KEYS_ERROR_SIZE], since[32];
    size_t             i;
    time_t             seconds;
    json_t            *list;
    keys_t            *keys;
    struct tm          tm;
    const key_info_t  *info;

    keys = keys_load(portero->config, error);
    if (keys == NULL) {
        return portero_failed("%s", error);
    }

    list = json_array();

    for (i = 0; i < keys_count(keys); i++) {
        info = keys_info(keys, i);
        seconds = info->since;
        gmtime_r(&seconds, &tm);
        strftime(since, sizeof(since),
                 seconds ? "%Y-%m-%dT%H:%M:%SZ" : "-", &tm);

        if (portero->json) {
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}",
                                      "kid", info->kid,
                                      "alg", jot_alg_name(info->alg),
                                      "state", key_states[info->state],
                                      "since", seconds ? since : NULL));
        } else {
            printf("%s\t%s\t%s\t%s\n", info->kid, jot_alg_name(info->alg),
                   key_states[info->state], since);
        }
    }

    if (portero->json) {
        json_dumpf(list, stdout, JSON_COMPACT);
        putchar('\n');
    }

    json_decref(list);
    keys_free(keys);
    return PORTERO_OK;
}


portero_status_t
cmd_key_rotate(const portero_t *portero)
{
    int          rc, now, refresh;
    char         error[KEYS_ERROR_SIZE];
    const char  *kid;

    if (key_options(portero, &kid, &now, &refresh) != 0 || kid) {
        fputs("usage: portero key rotate [--now] [--refresh]\n", stderr);
        return PORTERO_USAGE;
    }

    rc = refresh ? keys_rotate_refresh(portero->config, now, error)
                 : keys_rotate(portero->config, now, error);

    return key_show(portero, rc, error);
}


portero_status_t
cmd_key_retire(const portero_t *portero)
{
    int          now, refresh;
    char         error[KEYS_ERROR_SIZE];
    const char  *kid;

    if (key_options(portero, &kid, &now, &refresh) != 0 || refresh
        || (now && kid == NULL))
    {
        fputs("usage: portero key retire [KID [--now]]\n", stderr);
        return PORTERO_USAGE;
    }

    return key_show(portero, keys_retire(portero->config, kid, now, error),
                    error);
}


/* After KEY_DIR was lost: the database forgets the keys that it knew. */

portero_status_t
cmd_key_adopt(const portero_t *portero)
{
    int          rc;
    char         error[KEYS_ERROR_SIZE];
    char         numbers[RING_NUMBERS_SIZE], prints[RING_PRINTS_SIZE];
    keys_t      *keys;
    const char  *values[2] = { numbers, prints };

    keys = keys_load(portero->config, error);
    if (keys == NULL) {
        return portero_failed("%s", error);
    }

    rc = ring_arrays(keys, numbers, prints);
    keys_free(keys);

    if (rc != 0) {
        return portero_failed("OpenSSL makes no fingerprint");
    }

    return admin_change(portero, "SELECT portero.admin_ring_adopt("
                        "$1::integer[], $2::text[])", 2, values, NULL,
                        "nothing was adopted: %s");
}


static int
key_options(const portero_t *portero, const char **kid, int *now, int *refresh)
{
    int  i;

    *kid = NULL;
    *now = 0;
    *refresh = 0;

    for (i = 0; i < portero->argc; i++) {

        if (strcmp(portero->argv[i], "--now") == 0) {
            *now = 1;

        } else if (strcmp(portero->argv[i], "--refresh") == 0) {
            *refresh = 1;

        } else if (*kid == NULL && strncmp(portero->argv[i], "--", 2) != 0) {
            *kid = portero->argv[i];

        } else {
            return -1;
        }
    }

    return 0;
}


/* What a change led to: gateways have it, and it is listed. */

static portero_status_t
key_show(const portero_t *portero, int rc, const char *error)
{
    char     fault[KEYS_ERROR_SIZE];
    keys_t  *keys;

    if (rc != 0) {
        return portero_failed("%s", error);
    }

    keys = keys_load(portero->config, fault);
    if (keys == NULL) {
        return portero_failed("%s", fault);
    }

    rc = keys_write_gateway_file(keys, portero->config, fault);
    keys_free(keys);

    if (rc != 0) {
        return portero_failed("%s", fault);
    }

    return cmd_key_list(portero);
}


/* Root reads all, and would not notice that the service does not. */

static void
key_tell_owner(const config_t *config)
{
    struct stat  st;

    if (geteuid() == 0 && stat(config->key_dir, &st) == 0 && st.st_uid == 0) {
        fprintf(stderr, "portero: %s belongs to root: give it and its files "
                "to the user of portero-login (chown -R)\n", config->key_dir);
    }
}
