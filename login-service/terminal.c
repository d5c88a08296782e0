/* A password from a terminal or from standard input. */

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"


static int terminal_line(const char *prompt, char *text, size_t size);
static int terminal_take(char *text, size_t size);


int
terminal_password(char *password, size_t size)
{
    int   rc;
    char  again[1024];

    if (!isatty(STDIN_FILENO)) {
        if (terminal_take(password, size) != 0) {
            fputs("portero: no password on standard input\n", stderr);
            return -1;
        }
        return 0;
    }

    rc = -1;

    if (terminal_line("Password: ", password, size) == 0
        && terminal_line("Again: ", again, sizeof(again)) == 0)
    {
        rc = strcmp(password, again) == 0 ? 0 : -1;
    }

    explicit_bzero(again, sizeof(again));

    if (rc != 0) {
        fputs("portero: the two are not the same\n", stderr);
    }

    return rc;
}


static int
terminal_line(const char *prompt, char *text, size_t size)
{
    int             rc;
    struct termios  before, silent;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return -1;
    }

    silent = before;
    silent.c_lflag &= ~(tcflag_t) ECHO;

    fputs(prompt, stderr);
    fflush(stderr);

    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0) {
        return -1;
    }

    rc = terminal_take(text, size);

    (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);

    return rc;
}


/* Byte by byte: stdio would keep a copy of it in its buffer. */

static int
terminal_take(char *text, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len + 1 < size; len++) {
        n = read(STDIN_FILENO, &text[len], 1);

        if (n != 1 || text[len] == '\n' || text[len] == '\0') {
            break;
        }
    }

    text[len] = '\0';

    if (len && text[len - 1] == '\r') {
        text[--len] = '\0';
    }

    return len ? 0 : -1;
}
