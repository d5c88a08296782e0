/*
 * portero: what an operator asks for on the command line.
 */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portero.h"


extern char  **environ;

typedef struct {
    const char         *words[2];
    int                 args_min;
    int                 args_max;
    const char         *usage;
    const char         *what;
    portero_status_t  (*run)(const portero_t *portero);
} command_t;


static const command_t *find_command(int argc, char **argv, int *words);
static portero_status_t run(const char *file, const command_t *command,
    portero_t *portero);
static void usage(FILE *out);


static const command_t  commands[] = {
    { { "migrate", NULL }, 0, 0, "migrate",
      "bring the database to this version", cmd_migrate },
    { { "check", NULL }, 0, 0, "check",
      "say what is wrong with the set-up, and what to change", cmd_check },
    { { "user", "add" }, 1, 64,
      "user add NAME [--email ADDRESS] [--role ROLE]...",
      "the password is asked for, or the first line of standard input",
      cmd_user_add },
    { { "user", "import" }, 1, 1, "user import FILE",
      "CSV with username,password_hash,email,roles; all of it or nothing",
      cmd_user_import },
    { { "user", "list" }, 0, 0, "user list", "", cmd_user_list },
    { { "user", "disable" }, 1, 1, "user disable NAME",
      "ends all sessions", cmd_user_disable },
    { { "user", "enable" }, 1, 1, "user enable NAME", "", cmd_user_enable },
    { { "user", "unlock" }, 1, 1, "user unlock NAME",
      "forgets failed logins", cmd_user_unlock },
    { { "user", "role" }, 3, 3, "user role NAME add|remove ROLE", "",
      cmd_user_role },
    { { "user", "password" }, 1, 1, "user password NAME",
      "a new one, as with user add; ends all sessions", cmd_user_password },
    { { "user", "invite" }, 0, 0, "user invite",
      "prints a link to register with, once, within 7 days", cmd_user_invite },
    { { "user", "reset-link" }, 1, 1, "user reset-link NAME",
      "prints a link to set a password with, once, within 10 minutes",
      cmd_user_reset_link },
    { { "session", "list" }, 1, 1, "session list NAME",
      "the live sessions of a user", cmd_session_list },
    { { "session", "end" }, 1, 1, "session end ID",
      "its tokens are revoked", cmd_session_end },
    { { "key", "generate" }, 0, 0, "key generate",
      "create what is missing in KEY_DIR", cmd_key_generate },
    { { "key", "list" }, 0, 0, "key list", "", cmd_key_list },
    { { "key", "adopt" }, 0, 0, "key adopt",
      "after a loss of KEY_DIR: its new keys count; people log in again",
      cmd_key_adopt },
    { { "client", "add" }, 1, 64,
      "client add NAME [--scope SCOPE]... [--description TEXT]",
      "for client_credentials at /oauth/token; its secret is shown once",
      cmd_client_add },
    { { "client", "list" }, 0, 0, "client list", "", cmd_client_list },
    { { "client", "remove" }, 1, 1, "client remove NAME",
      "its tokens are revoked", cmd_client_remove },
    { { "apikey", "create" }, 1, 64, "apikey create USER [--scope SCOPE]..."
      " [--expires DAYS] [--description TEXT]",
      "a machine that acts for this user, with these scopes; the key is shown"
      " once", cmd_apikey_create },
    { { "apikey", "list" }, 0, 1, "apikey list [USER]", "", cmd_apikey_list },
    { { "apikey", "revoke" }, 1, 1, "apikey revoke ID",
      "its tokens are revoked", cmd_apikey_revoke },
    { { "apikey", "rotate" }, 1, 3, "apikey rotate ID [--overlap HOURS]",
      "a new secret; the one before serves for 24 hours more",
      cmd_apikey_rotate },
    { { "key", "rotate" }, 0, 2, "key rotate [--now] [--refresh]",
      "the next key signs from now on; with --refresh a new key for refresh "
      "tokens", cmd_key_rotate },
    { { "key", "retire" }, 0, 2, "key retire [KID [--now]]",
      "remove a retired key; without KID all whose tokens have expired",
      cmd_key_retire },
};


int
main(int argc, char **argv)
{
    int               c, words;
    portero_t         portero;
    const char       *file;
    const command_t  *command;

    static const struct option  options[] = {
        { "config", required_argument, NULL, 'c' },
        { "json",   no_argument,       NULL, 'j' },
        { "help",   no_argument,       NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    memset(&portero, 0, sizeof(portero));
    file = getenv("PORTERO_CONFIG");

    while ((c = getopt_long(argc, argv, "+c:", options, NULL)) != -1) {
        switch (c) {

        case 'c':
            file = optarg;
            break;

        case 'j':
            portero.json = 1;
            break;

        case 'h':
            usage(stdout);
            return PORTERO_OK;

        default:
            usage(stderr);
            return PORTERO_USAGE;
        }
    }

    argc -= optind;
    argv += optind;
    command = find_command(argc, argv, &words);

    if (command == NULL) {
        usage(stderr);
        return PORTERO_USAGE;
    }

    portero.argc = argc - words;
    portero.argv = argv + words;

    if (portero.argc < command->args_min || portero.argc > command->args_max) {
        fprintf(stderr, "usage: portero %s\n", command->usage);
        return PORTERO_USAGE;
    }

    return run(file ? file : "", command, &portero);
}


portero_status_t
portero_failed(const char *format, ...)
{
    va_list  args;

    fputs("portero: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    return PORTERO_FAILED;
}


static const command_t *
find_command(int argc, char **argv, int *words)
{
    size_t            i;
    const command_t  *command;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        command = &commands[i];
        *words = command->words[1] ? 2 : 1;

        if (argc >= *words && strcmp(argv[0], command->words[0]) == 0
            && (*words == 1 || strcmp(argv[1], command->words[1]) == 0))
        {
            return command;
        }
    }

    return NULL;
}


static portero_status_t
run(const char *file, const command_t *command, portero_t *portero)
{
    char              error[CONFIG_ERROR_SIZE];
    config_t         *config;
    portero_status_t  status;

    config = config_load(file, environ, error);

    if (config == NULL) {
        return portero_failed("%s", error);
    }

    portero->config = config;
    status = command->run(portero);
    config_free(config);

    if (fflush(stdout) != 0 && status == PORTERO_OK) {
        return portero_failed("standard output cannot be written");
    }

    return status;
}


static void
usage(FILE *out)
{
    size_t  i;

    fputs("usage: portero [--config FILE] [--json] COMMAND\n"
          "FILE is PORTERO_CONFIG if that is set.  Commands:\n", out);

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fprintf(out, "  %s\n", commands[i].usage);

        if (commands[i].what[0]) {
            fprintf(out, "      %s\n", commands[i].what);
        }
    }
}
