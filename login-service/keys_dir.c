/* Files of KEY_DIR. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "keys_dir.h"


#define KEYS_FILE_MAX  65536
#define KEYS_OPEN      (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)


static int keys_dir_judge(const keys_dir_t *dir, const char *name,
    const struct stat *st, char error[KEYS_ERROR_SIZE]);
static int keys_dir_slurp(int fd, unsigned char *data, size_t len);
static int keys_dir_fill(int fd, const unsigned char *data, size_t len);


int
keys_dir_open(keys_dir_t *dir, const char *path, char error[KEYS_ERROR_SIZE])
{
    dir->path = path;
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir->fd == -1) {
        return keys_dir_refuse(dir, NULL, error, "%s%s", strerror(errno),
                               errno == ENOENT
                               ? "; \"portero key generate\" creates it" : "");
    }

    if (fstat(dir->fd, &dir->st) != 0) {
        return keys_dir_refuse(dir, NULL, error, "%s", strerror(errno));
    }

    if (dir->st.st_mode & 077) {
        return keys_dir_refuse(dir, NULL, error, "mode %04o lets others in; "
                               "it has to be 0700",
                               (unsigned) dir->st.st_mode & 07777);
    }

    return 0;
}


void
keys_dir_close(keys_dir_t *dir)
{
    if (dir->fd != -1) {
        close(dir->fd);
        dir->fd = -1;
    }
}


int
keys_dir_lock(keys_dir_t *dir, char error[KEYS_ERROR_SIZE])
{
    while (flock(dir->fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return keys_dir_refuse(dir, NULL, error, "cannot be locked: %s",
                                   strerror(errno));
        }
    }

    return 0;
}


int
keys_dir_read(const keys_dir_t *dir, const char *name, unsigned char **data,
    size_t *len, struct stat *st, char error[KEYS_ERROR_SIZE])
{
    int          fd, rc;
    struct stat  own;

    if (st == NULL) {
        st = &own;
    }

    *data = NULL;
    fd = openat(dir->fd, name, KEYS_OPEN);

    if (fd == -1) {
        if (errno == ENOENT) {
            return 0;
        }

        return keys_dir_refuse(dir, name, error, "%s",
                               errno == ELOOP ? "is a link; it has to be a "
                               "file" : strerror(errno));
    }

    rc = -1;

    if (fstat(fd, st) != 0) {
        keys_dir_refuse(dir, name, error, "%s", strerror(errno));
        goto done;
    }

    if (keys_dir_judge(dir, name, st, error) != 0) {
        goto done;
    }

    *len = st->st_size;
    *data = calloc(1, *len + 1);

    if (*data == NULL || keys_dir_slurp(fd, *data, *len) != 0) {
        keys_dir_refuse(dir, name, error, "cannot be read: %s",
                        *data ? strerror(errno) : "out of memory");
        free(*data);
        *data = NULL;
        goto done;
    }

    rc = 1;

done:

    close(fd);
    return rc;
}


int
keys_dir_write(const keys_dir_t *dir, const char *name, const void *data,
    size_t len, char error[KEYS_ERROR_SIZE])
{
    if (keys_dir_replace(dir->fd, name, data, len, 0600, dir->st.st_uid,
                         dir->st.st_gid)
        != 0)
    {
        return keys_dir_refuse(dir, name, error, "cannot be written: %s",
                               strerror(errno));
    }

    return 0;
}


/*
 * The name of the new file is drawn at random: two instances may share the
 * directory and have the same process id, each in its own container.
 */

int
keys_dir_replace(int dirfd, const char *name, const void *data, size_t len,
    mode_t mode, uid_t uid, gid_t gid)
{
    int       fd, saved;
    char      temp[256];
    uint64_t  number;

    if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        return -1;
    }

    if (snprintf(temp, sizeof(temp), ".%s.%016llx", name,
                 (unsigned long long) number)
        >= (int) sizeof(temp))
    {
        errno = ENAMETOOLONG;
        return -1;
    }

    fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd == -1) {
        return -1;
    }

    /*
     * Only root gives files away, and may not be allowed to in a container.
     * Anybody else keeps what the kernel chose, where the group is not theirs.
     */

    if (fchown(fd, geteuid() == 0 ? uid : (uid_t) -1, gid) != 0
        && geteuid() == 0)
    {
        goto failed;
    }

    if (fchmod(fd, mode) != 0 || keys_dir_fill(fd, data, len) != 0
        || fsync(fd) != 0 || renameat(dirfd, temp, dirfd, name) != 0)
    {
        goto failed;
    }

    close(fd);

    return fsync(dirfd);

failed:

    saved = errno;
    unlinkat(dirfd, temp, 0);
    close(fd);
    errno = saved;
    return -1;
}


int
keys_dir_refuse(const keys_dir_t *dir, const char *name,
    char error[KEYS_ERROR_SIZE], const char *format, ...)
{
    int      n;
    va_list  args;

    n = snprintf(error, KEYS_ERROR_SIZE, "%s%s%s: ", dir->path,
                 name ? "/" : "", name ? name : "");

    if (n < 0 || n >= KEYS_ERROR_SIZE) {
        return -1;
    }

    va_start(args, format);
    vsnprintf(error + n, KEYS_ERROR_SIZE - n, format, args);
    va_end(args);

    return -1;
}


static int
keys_dir_judge(const keys_dir_t *dir, const char *name, const struct stat *st,
    char error[KEYS_ERROR_SIZE])
{
    if (!S_ISREG(st->st_mode)) {
        return keys_dir_refuse(dir, name, error,
                               "is no regular file; it has to be one");
    }

    if (st->st_mode & 077) {
        return keys_dir_refuse(dir, name, error, "mode %04o lets others in; "
                               "it has to be 0600",
                               (unsigned) st->st_mode & 07777);
    }

    if (st->st_uid != dir->st.st_uid) {
        return keys_dir_refuse(dir, name, error, "belongs to user %u, its "
                               "directory to user %u; it has to be the same",
                               (unsigned) st->st_uid,
                               (unsigned) dir->st.st_uid);
    }

    if (st->st_size > KEYS_FILE_MAX) {
        return keys_dir_refuse(dir, name, error, "has %lld bytes, far too many "
                               "for a key", (long long) st->st_size);
    }

    return 0;
}


static int
keys_dir_slurp(int fd, unsigned char *data, size_t len)
{
    ssize_t  n;

    while (len) {
        n = read(fd, data, len);

        if (n == 0) {
            errno = EIO;        /* it was longer a moment ago */
            return -1;
        }

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return -1;
        }

        data += n;
        len -= n;
    }

    return 0;
}


static int
keys_dir_fill(int fd, const unsigned char *data, size_t len)
{
    ssize_t  n;

    while (len) {
        n = write(fd, data, len);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return -1;
        }

        data += n;
        len -= n;
    }

    return 0;
}
