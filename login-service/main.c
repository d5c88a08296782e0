/*
 * portero-login: options, and what a process that holds secrets does without.
 * The rest of its life is the master's.
 */

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "log.h"
#include "master.h"
#include "title.h"
#include "version.h"


#define USAGE  "usage: portero-login [--config FILE] | --version\n"


static int options(char **argv, char **config_file, int *done);
static int harden(void);
static int open_standard_descriptors(void);
static void wipe_and_free(void *memory);


int
main(int argc, char **argv)
{
    int    done, rc;
    char  *config_file, error[MASTER_ERROR_SIZE];

    (void) argc;

    if (options(argv, &config_file, &done) != 0) {
        return 1;
    }

    if (done) {
        return 0;
    }

    log_set_role("master");

    if (title_init(argv) != 0 || harden() != 0) {
        snprintf(error, sizeof(error), "%s", strerror(errno));
        rc = -1;

    } else {
        rc = master_run(config_file, error);
    }

    if (rc != 0) {
        log_event(LOG_START_REFUSED, "reason", error, NULL);
    }

    free(config_file);
    return rc == 0 ? 0 : 1;
}


/* The name is copied, because the title takes the place of argv. */
static int
options(char **argv, char **config_file, int *done)
{
    const char  *name;

    *done = 0;
    name = getenv("PORTERO_CONFIG");

    while (*++argv) {

        if (strcmp(*argv, "--config") == 0 && argv[1]) {
            name = *++argv;

        } else if (strncmp(*argv, "--config=", 9) == 0) {
            name = *argv + 9;

        } else if (strcmp(*argv, "--version") == 0) {
            *done = puts("portero-login " PORTERO_VERSION) != EOF;
            return *done ? 0 : -1;

        } else if (strcmp(*argv, "--help") == 0) {
            *done = fputs(USAGE, stdout) != EOF;
            return *done ? 0 : -1;

        } else {
            fprintf(stderr, "portero-login: %s: unknown, or without its "
                    "value; " USAGE, *argv);
            return -1;
        }
    }

    *config_file = strdup(name ? name : "");

    return *config_file ? 0 : -1;
}


static int
harden(void)
{
    struct rlimit  none;

    if (open_standard_descriptors() != 0) {
        return -1;
    }

    umask(077);
    signal(SIGPIPE, SIG_IGN);

    /* JSON trees hold passwords and tokens. */

    json_set_alloc_funcs(malloc, wipe_and_free);

    /* A core would be a file with keys in it. */

    none.rlim_cur = 0;
    none.rlim_max = 0;

    if (setrlimit(RLIMIT_CORE, &none) == -1) {
        return -1;
    }

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}


/* A socket that gets number 2 would be logged into. */
static int
open_standard_descriptors(void)
{
    int  fd;

    do {
        fd = open("/dev/null", O_RDWR);
        if (fd == -1) {
            return -1;
        }

    } while (fd <= STDERR_FILENO);

    close(fd);
    return 0;
}


static void
wipe_and_free(void *memory)
{
    if (memory) {
        explicit_bzero(memory, malloc_usable_size(memory));
        free(memory);
    }
}
