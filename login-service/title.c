/*
 * The kernel shows the memory that argv was in.  The environment follows it,
 * so moving that away makes room, and takes secrets that were set there out
 * of /proc/PID/environ.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>

#include "title.h"


static char    *title_start;
static size_t   title_size;


int
title_init(char **argv)
{
    char    *end, *start, **copy;
    size_t   i, n;

    start = argv[0];
    end = argv[0];

    for (i = 0; argv[i]; i++) {
        if (argv[i] == end) {           /* one piece, as the kernel lays it */
            end += strlen(end) + 1;
        }
    }

    n = 0;

    while (environ[n]) {
        n++;
    }

    copy = calloc(n + 1, sizeof(*copy));
    if (copy == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        copy[i] = strdup(environ[i]);
        if (copy[i] == NULL) {
            return -1;
        }
    }

    for (i = 0; i < n; i++) {
        if (environ[i] == end) {
            end += strlen(end) + 1;
        }

        explicit_bzero(environ[i], strlen(environ[i]));
    }

    environ = copy;
    title_start = start;
    title_size = end - start;

    return 0;
}


void
title_set(const char *what)
{
    char  name[16];

    if (title_size) {
        memset(title_start, 0, title_size);
        snprintf(title_start, title_size, "portero-login: %s", what);
    }

    /* What top shows, 15 bytes: the first word is enough. */

    snprintf(name, sizeof(name), "portero-%.*s", (int) strcspn(what, " "),
             what);
    prctl(PR_SET_NAME, name);
}
