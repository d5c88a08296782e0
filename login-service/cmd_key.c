/* portero key: generate, list. */

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "keys.h"
#include "portero.h"


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
