/*
 * The command line's parts.  Each command returns its exit status and says on
 * standard error, in one line, why it is not PORTERO_OK.
 */

#ifndef PORTERO_H
#define PORTERO_H

#include "config.h"


typedef enum {
    PORTERO_OK = 0,
    PORTERO_FAILED = 1,
    PORTERO_USAGE = 2
} portero_status_t;

typedef struct {
    const config_t   *config;
    int               json;
    int               argc;         /* what follows the command's words */
    char            **argv;
} portero_t;

portero_status_t cmd_migrate(const portero_t *portero);
portero_status_t cmd_check(const portero_t *portero);
portero_status_t cmd_user_add(const portero_t *portero);
portero_status_t cmd_user_list(const portero_t *portero);
portero_status_t cmd_user_disable(const portero_t *portero);
portero_status_t cmd_user_enable(const portero_t *portero);
portero_status_t cmd_user_unlock(const portero_t *portero);
portero_status_t cmd_user_invite(const portero_t *portero);
portero_status_t cmd_user_reset_link(const portero_t *portero);
portero_status_t cmd_user_import(const portero_t *portero);
portero_status_t cmd_user_role(const portero_t *portero);
portero_status_t cmd_user_password(const portero_t *portero);
portero_status_t cmd_session_list(const portero_t *portero);
portero_status_t cmd_session_end(const portero_t *portero);
portero_status_t cmd_key_generate(const portero_t *portero);
portero_status_t cmd_key_list(const portero_t *portero);
portero_status_t cmd_key_adopt(const portero_t *portero);
portero_status_t cmd_client_add(const portero_t *portero);
portero_status_t cmd_client_list(const portero_t *portero);
portero_status_t cmd_client_remove(const portero_t *portero);
portero_status_t cmd_apikey_create(const portero_t *portero);
portero_status_t cmd_apikey_list(const portero_t *portero);
portero_status_t cmd_apikey_revoke(const portero_t *portero);
portero_status_t cmd_apikey_rotate(const portero_t *portero);
portero_status_t cmd_key_rotate(const portero_t *portero);
portero_status_t cmd_key_retire(const portero_t *portero);

/* One line on standard error; always PORTERO_FAILED. */
portero_status_t portero_failed(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
