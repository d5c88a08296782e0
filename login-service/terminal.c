/* A password from a terminal or from standard input. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"


#define TERMINAL_SIZE  1024

typedef enum {
    TERMINAL_OK,
    TERMINAL_EMPTY,
    TERMINAL_NUL,
    TERMINAL_LONG,
    TERMINAL_DIFFERENT,
    TERMINAL_BROKEN             /* interrupted, or no terminal after all */
} terminal_result_t;


static terminal_result_t terminal_twice(char *password, size_t size);
static terminal_result_t terminal_line(const char *prompt, char *text,
    size_t size);
static terminal_result_t terminal_take(char *text, size_t size,
    const sigset_t *mask);
static void terminal_note(int signo);


/* Whoever presses Ctrl-C gets the echo back before the process ends. */

static const int  terminal_signals[] = {
    SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP
};

#define TERMINAL_SIGNALS                                                      \
    (sizeof(terminal_signals) / sizeof(terminal_signals[0]))

static volatile sig_atomic_t  terminal_signal;

static const char *const  terminal_texts[] = {
    [TERMINAL_OK]        = "",
    [TERMINAL_EMPTY]     = "there is no password; it has to be the first line "
                           "of standard input",
    [TERMINAL_NUL]       = "the password has a NUL byte; it has to be text",
    [TERMINAL_LONG]      = "the password is too long: 256 characters and 500 "
                           "bytes are the most",
    [TERMINAL_DIFFERENT] = "the two are not the same",
    [TERMINAL_BROKEN]    = "no password was read"
};


int
terminal_password(char *password, size_t size)
{
    terminal_result_t  result;

    result = isatty(STDIN_FILENO) ? terminal_twice(password, size)
                                  : terminal_take(password, size, NULL);

    if (result != TERMINAL_OK) {
        explicit_bzero(password, size);
        fprintf(stderr, "portero: %s\n", terminal_texts[result]);
        return -1;
    }

    return 0;
}


static terminal_result_t
terminal_twice(char *password, size_t size)
{
    char               again[TERMINAL_SIZE];
    terminal_result_t  result;

    result = terminal_line("Password: ", password, size);

    if (result != TERMINAL_OK) {
        return result;
    }

    result = terminal_line("Again: ", again, sizeof(again));

    if (result == TERMINAL_EMPTY
        || (result == TERMINAL_OK && strcmp(password, again) != 0))
    {
        result = TERMINAL_DIFFERENT;
    }

    explicit_bzero(again, sizeof(again));

    return result;
}


static terminal_result_t
terminal_line(const char *prompt, char *text, size_t size)
{
    size_t             i;
    sigset_t           blocked, mask;
    struct termios     before, silent;
    struct sigaction   note, old[TERMINAL_SIGNALS];
    terminal_result_t  result;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return TERMINAL_BROKEN;
    }

    terminal_signal = 0;
    memset(&note, 0, sizeof(note));
    note.sa_handler = terminal_note;        /* read() is not to go on */

    sigemptyset(&blocked);

    for (i = 0; i < TERMINAL_SIGNALS; i++) {
        sigaction(terminal_signals[i], &note, &old[i]);
        sigaddset(&blocked, terminal_signals[i]);
    }

    sigprocmask(SIG_BLOCK, &blocked, &mask);

    silent = before;
    silent.c_lflag &= ~(tcflag_t) ECHO;
    result = TERMINAL_BROKEN;

    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0) {
        fputs(prompt, stderr);
        result = terminal_take(text, size, &mask);
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }

    sigprocmask(SIG_SETMASK, &mask, NULL);

    for (i = 0; i < TERMINAL_SIGNALS; i++) {
        sigaction(terminal_signals[i], &old[i], NULL);
    }

    if (terminal_signal) {
        explicit_bzero(text, size);
        raise(terminal_signal);
    }

    return result;
}


/* Byte by byte: stdio would keep a copy of it in its buffer. */

static terminal_result_t
terminal_take(char *text, size_t size, const sigset_t *mask)
{
    size_t         len;
    ssize_t        n;
    struct pollfd  input;

    input.fd = STDIN_FILENO;
    input.events = POLLIN;

    for (len = 0; len + 1 < size; len++) {

        /* A signal just ahead of read() would leave it waiting for ever. */

        if (mask && ppoll(&input, 1, NULL, mask) == -1) {
            return TERMINAL_BROKEN;
        }

        n = read(STDIN_FILENO, &text[len], 1);

        if (n == -1) {
            return TERMINAL_BROKEN;
        }

        if (n == 0 || text[len] == '\n') {
            break;
        }

        if (text[len] == '\0') {
            return TERMINAL_NUL;
        }
    }

    if (len + 1 == size) {
        return TERMINAL_LONG;
    }

    if (len && text[len - 1] == '\r') {
        len--;
    }

    text[len] = '\0';

    return len ? TERMINAL_OK : TERMINAL_EMPTY;
}


static void
terminal_note(int signo)
{
    terminal_signal = signo;
}
