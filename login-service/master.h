/*
 * The process that holds the sockets and the keys, and starts, watches and
 * replaces the workers.  It serves nothing itself.
 */

#ifndef MASTER_H
#define MASTER_H


#define MASTER_ERROR_SIZE  768

/*
 * Runs until SIGTERM, SIGINT or SIGQUIT.  0; or -1 and one line in error if it
 * could not start, with nothing left behind.
 */
int master_run(const char *config_file, char error[MASTER_ERROR_SIZE]);

#endif
