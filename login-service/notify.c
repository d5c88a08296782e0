/*
 * The details go through a pipe that is filled before there is a reader, so
 * they have to fit into it.  The program gets nothing of ours: no environment,
 * in which secrets may stand, no descriptor but the three, no signal that a
 * worker ignores.
 */

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "log.h"
#include "notify.h"


#define NOTIFY_SECONDS  30
#define NOTIFY_SIZE     4096        /* PIPE_BUF */


static int notify_pipe(const char *event, json_t *details);
static int notify_wait(pid_t pid);
static void notify_exec(const char *command, const char *event, int input)
    __attribute__((noreturn));


void
notify_start(const config_t *config, const char *event, json_t *details)
{
    int    input, failed;
    pid_t  pid;

    if (config->notify_command[0] == '\0') {
        json_decref(details);
        return;
    }

    input = notify_pipe(event, details);
    pid = input == -1 ? -1 : fork();

    if (pid == 0) {

        /* Twice, so that nobody has to wait for it. */

        pid = fork();

        if (pid == 0) {
            notify_exec(config->notify_command, event, input);
        }

        _exit(pid == -1);
    }

    failed = pid == -1 || notify_wait(pid) != 0;

    if (failed) {
        log_event(LOG_INTERNAL, "reason", "NOTIFY_COMMAND was not started",
                  "notice", event, NULL);
    }

    if (input != -1) {
        close(input);
    }
}


int
notify_run(const config_t *config, const char *event, json_t *details)
{
    int    input, status;
    pid_t  pid;

    if (config->notify_command[0] == '\0') {
        json_decref(details);
        return 0;
    }

    input = notify_pipe(event, details);

    if (input == -1) {
        return -1;
    }

    pid = fork();

    if (pid == 0) {
        notify_exec(config->notify_command, event, input);
    }

    close(input);
    status = pid == -1 ? -1 : notify_wait(pid);

    return status;
}


/* The end to read from, or -1. */
static int
notify_pipe(const char *event, json_t *details)
{
    int      fds[2], rc;
    char    *text;
    size_t   len;

    rc = -1;
    text = NULL;

    if (details && json_object_set_new(details, "event", json_string(event))
        == 0)
    {
        text = json_dumps(details, JSON_COMPACT);
    }

    json_decref(details);
    len = text ? strlen(text) : 0;

    if (len > 0 && len < NOTIFY_SIZE && pipe2(fds, O_CLOEXEC) == 0) {
        text[len++] = '\n';             /* over the NUL */
        rc = fds[0];

        if (write(fds[1], text, len) != (ssize_t) len) {
            close(rc);
            rc = -1;
        }

        close(fds[1]);
    }

    if (text) {
        explicit_bzero(text, len);
        free(text);
    }

    return rc;
}


static int
notify_wait(pid_t pid)
{
    int  status;

    while (waitpid(pid, &status, 0) == -1) {
        if (errno != EINTR) {
            return -1;
        }
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


static void
notify_exec(const char *command, const char *event, int input)
{
    int                i;
    char *const        argv[] = { (char *) command, (char *) event, NULL };
    char *const        environment[] = { (char *) "PATH=" _PATH_STDPATH, NULL };
    sigset_t           none;
    struct sigaction   sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = SIG_DFL;

    for (i = 1; i < NSIG; i++) {
        (void) sigaction(i, &sa, NULL);
    }

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    alarm(NOTIFY_SECONDS);

    if (setsid() == -1 && errno != EPERM) {
        _exit(127);
    }

    /* What it prints must not be taken for an answer of ours. */

    if (dup2(input, STDIN_FILENO) == -1
        || dup2(STDERR_FILENO, STDOUT_FILENO) == -1
        || close_range(STDERR_FILENO + 1, ~0U, 0) == -1
        || chdir("/") == -1)
    {
        _exit(127);
    }

    execve(command, argv, environment);
    _exit(127);
}
