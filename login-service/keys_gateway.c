/*
 * The key set for gateways, as a file.  It is read by other users than this
 * service's, which is why the group decides; with HS256 it holds the secret.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "keys.h"
#include "keys_dir.h"


#define KEYS_GATEWAY_MODE  0640


static int keys_gateway_differs(int dirfd, const char *name,
    const char *text, const struct stat *st);
static int keys_gateway_put(int dirfd, const char *name, const char *text,
    const config_t *config);


int
keys_gateway_state(const keys_t *keys, const config_t *config)
{
    struct stat  st;

    if (lstat(config->gateway_keys_file, &st) != 0) {
        return -1;
    }

    return keys_gateway_differs(AT_FDCWD, config->gateway_keys_file,
                                keys_gateway(keys), &st);
}


int
keys_write_gateway_file(const keys_t *keys, const config_t *config,
    char error[KEYS_ERROR_SIZE])
{
    int          dirfd, rc;
    char        *path;
    const char  *name;

    if (config->gateway_keys_file[0] == '\0') {
        return 0;
    }

    rc = -1;
    dirfd = -1;
    name = strrchr(config->gateway_keys_file, '/') + 1;
    path = strndup(config->gateway_keys_file,
                   name - config->gateway_keys_file);

    if (path) {
        dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }

    if (dirfd != -1) {
        rc = keys_gateway_put(dirfd, name, keys_gateway(keys), config);
    }

    if (rc != 0) {
        snprintf(error, KEYS_ERROR_SIZE, "GATEWAY_KEYS_FILE %s: cannot be "
                 "written: %s", config->gateway_keys_file, strerror(errno));
    }

    if (dirfd != -1) {
        close(dirfd);
    }

    free(path);

    return rc;
}


/*
 * A file that is there keeps its group, and under root its owner, so that an
 * operator's choice lasts.  A new one takes the group of its folder, and
 * under root the owner of KEY_DIR, who has to renew it.
 */

static int
keys_gateway_put(int dirfd, const char *name, const char *text,
    const config_t *config)
{
    uid_t        uid;
    gid_t        gid;
    struct stat  st;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {

        if (!keys_gateway_differs(dirfd, name, text, &st)) {
            return 0;
        }

        uid = st.st_uid;
        gid = st.st_gid;

    } else {

        if (stat(config->key_dir, &st) != 0) {
            return -1;
        }

        uid = st.st_uid;

        if (fstat(dirfd, &st) != 0) {
            return -1;
        }

        gid = st.st_gid;
    }

    return keys_dir_replace(dirfd, name, text, strlen(text),
                            KEYS_GATEWAY_MODE, uid, gid);
}


/* Also if more may be done with it than should be. */

static int
keys_gateway_differs(int dirfd, const char *name, const char *text,
    const struct stat *st)
{
    int      fd, rc;
    char    *data;
    size_t   len;

    len = strlen(text);

    if (!S_ISREG(st->st_mode) || (st->st_mode & 0777) != KEYS_GATEWAY_MODE
        || (size_t) st->st_size != len)
    {
        return 1;
    }

    rc = 1;
    data = malloc(len);
    fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (data && fd != -1 && read(fd, data, len) == (ssize_t) len) {
        rc = CRYPTO_memcmp(data, text, len) != 0;
    }

    if (data) {
        explicit_bzero(data, len);
    }

    if (fd != -1) {
        close(fd);
    }

    free(data);

    return rc;
}
