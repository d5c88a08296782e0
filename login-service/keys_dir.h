/*
 * KEY_DIR as files: read with distrust, written so that a crash leaves the
 * old text or the new one.  Knows nothing about what they hold.
 */

#ifndef KEYS_DIR_H
#define KEYS_DIR_H

#include <stddef.h>
#include <sys/stat.h>

#include "keys.h"


typedef struct {
    int            fd;
    const char    *path;        /* borrowed */
    struct stat    st;
} keys_dir_t;

/*
 * The directory has to be closed to others.  0, or -1 and error.  *dir may be
 * closed in either case.
 */
int keys_dir_open(keys_dir_t *dir, const char *path,
    char error[KEYS_ERROR_SIZE]);
void keys_dir_close(keys_dir_t *dir);

/* Waits until no other command changes the directory; closing it unlocks. */
int keys_dir_lock(keys_dir_t *dir, char error[KEYS_ERROR_SIZE]);

/*
 * A regular file of the directory's owner, closed to others.  *data is
 * malloc()ed and the caller's to wipe and free.  st may be NULL.  1, or 0 if
 * there is no such file, or -1 and error.
 */
int keys_dir_read(const keys_dir_t *dir, const char *name,
    unsigned char **data, size_t *len, struct stat *st,
    char error[KEYS_ERROR_SIZE]);

/* Puts it in place by rename: 0600, the directory's owner.  0, or -1. */
int keys_dir_write(const keys_dir_t *dir, const char *name, const void *data,
    size_t len, char error[KEYS_ERROR_SIZE]);

/* The same in any directory; 0, or -1 and errno. */
int keys_dir_replace(int dirfd, const char *name, const void *data,
    size_t len, mode_t mode, uid_t uid, gid_t gid);

/* "PATH/NAME: what", in error; returns -1.  name may be NULL. */
int keys_dir_refuse(const keys_dir_t *dir, const char *name,
    char error[KEYS_ERROR_SIZE], const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
