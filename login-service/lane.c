/*
 * The lock on SOCKET_DIR, not the state of a socket, tells a live instance
 * from a dead one: it is released by the kernel however its holder ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lane.h"


typedef struct {
    const char   *name;
    int           niceness;
} lane_row_t;


static int lane_lock(lanes_t *lanes, const config_t *config,
    char error[LANE_ERROR_SIZE]);
static int lane_group(const config_t *config, gid_t *group,
    char error[LANE_ERROR_SIZE]);
static int lane_bind(lane_socket_t *sock, gid_t group,
    char error[LANE_ERROR_SIZE]);
static int lane_remove_stale(const char *path, char error[LANE_ERROR_SIZE]);
static int lane_backlog(lane_t lane, const config_t *config);


static const lane_row_t  lane_rows[LANE_COUNT] = {

    /* Hashing may take what the others leave of the processors. */

    [LANE_PASSWORD] = { "password", 5 },
    [LANE_TOKEN]    = { "token", 0 },
    [LANE_INTERNAL] = { "internal", 0 },
};

#define LANE_BACKLOG  512       /* as nginx's own */


const char *
lane_name(lane_t lane)
{
    return lane_rows[lane].name;
}


size_t
lane_workers(lane_t lane, const config_t *config)
{
    switch (lane) {

    case LANE_PASSWORD:
        return config->password_workers;

    case LANE_TOKEN:
        return config->token_workers;

    case LANE_INTERNAL:
    case LANE_COUNT:
        break;
    }

    return 1;
}


int
lane_niceness(lane_t lane)
{
    return lane_rows[lane].niceness;
}


void
lane_init(lanes_t *lanes)
{
    lane_t  lane;

    lanes->dir_fd = -1;

    for (lane = 0; lane < LANE_COUNT; lane++) {
        lanes->sockets[lane].fd = -1;
    }
}


int
lane_open(lanes_t *lanes, const config_t *config, char error[LANE_ERROR_SIZE])
{
    int      n;
    gid_t    group;
    lane_t   lane;

    if (lane_lock(lanes, config, error) != 0
        || lane_group(config, &group, error) != 0)
    {
        goto failed;
    }

    for (lane = 0; lane < LANE_COUNT; lane++) {
        n = snprintf(lanes->sockets[lane].path,
                     sizeof(lanes->sockets[lane].path), "%s/%s.sock",
                     config->socket_dir, lane_rows[lane].name);

        if (n < 0 || (size_t) n >= sizeof(lanes->sockets[lane].path)) {
            snprintf(error, LANE_ERROR_SIZE, "SOCKET_DIR: %s is too long: "
                     "a socket's path ends at 107 bytes", config->socket_dir);
            goto failed;
        }

        if (lane_bind(&lanes->sockets[lane], group, error) != 0) {
            goto failed;
        }
    }

    if (lane_listen(lanes, config) == 0) {
        return 0;
    }

    snprintf(error, LANE_ERROR_SIZE, "cannot listen in %s: %s",
             config->socket_dir, strerror(errno));

failed:

    lane_close(lanes);
    return -1;
}


int
lane_listen(const lanes_t *lanes, const config_t *config)
{
    lane_t  lane;

    for (lane = 0; lane < LANE_COUNT; lane++) {
        if (listen(lanes->sockets[lane].fd, lane_backlog(lane, config)) == -1)
        {
            return -1;
        }
    }

    return 0;
}


void
lane_close(lanes_t *lanes)
{
    lane_t          lane;
    struct stat     st;
    lane_socket_t  *sock;

    for (lane = 0; lane < LANE_COUNT; lane++) {
        sock = &lanes->sockets[lane];

        if (sock->fd == -1) {
            continue;
        }

        if (lstat(sock->path, &st) == 0 && st.st_dev == sock->dev
            && st.st_ino == sock->ino)
        {
            unlink(sock->path);
        }

        close(sock->fd);
        sock->fd = -1;
    }

    if (lanes->dir_fd != -1) {
        close(lanes->dir_fd);
        lanes->dir_fd = -1;
    }
}


void
lane_keep(lanes_t *lanes, lane_t lane)
{
    lane_t  other;

    for (other = 0; other < LANE_COUNT; other++) {
        if (other != lane) {
            close(lanes->sockets[other].fd);
            lanes->sockets[other].fd = -1;
        }
    }

    /* The lock is the master's: it has to end with it. */

    close(lanes->dir_fd);
    lanes->dir_fd = -1;
}


static int
lane_lock(lanes_t *lanes, const config_t *config, char error[LANE_ERROR_SIZE])
{
    struct stat  st;

    lanes->dir_fd = open(config->socket_dir,
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lanes->dir_fd == -1 || fstat(lanes->dir_fd, &st) == -1) {
        snprintf(error, LANE_ERROR_SIZE, "SOCKET_DIR: %s: %s; it has to be a "
                 "directory that this user may write to", config->socket_dir,
                 strerror(errno));
        return -1;
    }

    if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)) {
        snprintf(error, LANE_ERROR_SIZE, "SOCKET_DIR: %s: anybody may replace "
                 "what is in it; take the write permission from others",
                 config->socket_dir);
        return -1;
    }

    if (flock(lanes->dir_fd, LOCK_EX | LOCK_NB) == -1) {
        snprintf(error, LANE_ERROR_SIZE, "SOCKET_DIR: %s is in use by another "
                 "portero-login; each needs one of its own",
                 config->socket_dir);
        return -1;
    }

    return 0;
}


static int
lane_group(const config_t *config, gid_t *group, char error[LANE_ERROR_SIZE])
{
    struct group  *entry;

    *group = (gid_t) -1;

    if (config->socket_group[0] == '\0') {
        return 0;
    }

    entry = getgrnam(config->socket_group);

    if (entry == NULL) {
        snprintf(error, LANE_ERROR_SIZE, "SOCKET_GROUP: there is no group %s",
                 config->socket_group);
        return -1;
    }

    *group = entry->gr_gid;
    return 0;
}


/* Nobody can connect before lane_listen(), so the group is right by then. */
static int
lane_bind(lane_socket_t *sock, gid_t group, char error[LANE_ERROR_SIZE])
{
    int                  rc;
    mode_t               mask;
    struct stat          st;
    struct sockaddr_un   address;

    if (lane_remove_stale(sock->path, error) != 0) {
        return -1;
    }

    sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sock->fd == -1) {
        goto failed;
    }

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, sock->path, sizeof(address.sun_path));

    mask = umask(0117);
    rc = bind(sock->fd, (struct sockaddr *) &address, sizeof(address));
    umask(mask);

    if (rc == -1 || lstat(sock->path, &st) == -1) {
        goto failed;
    }

    sock->dev = st.st_dev;
    sock->ino = st.st_ino;

    if (fstat(sock->fd, &st) == -1) {
        goto failed;
    }

    sock->socket_ino = st.st_ino;

    if (lchown(sock->path, (uid_t) -1, group) == -1) {
        snprintf(error, LANE_ERROR_SIZE, "SOCKET_GROUP: %s cannot be given to "
                 "that group: %s; the user of portero-login has to be in it",
                 sock->path, strerror(errno));
        return -1;
    }

    return 0;

failed:

    snprintf(error, LANE_ERROR_SIZE, "%s: %s; this user needs to write to "
             "SOCKET_DIR", sock->path, strerror(errno));
    return -1;
}


static int
lane_remove_stale(const char *path, char error[LANE_ERROR_SIZE])
{
    struct stat  st;

    if (lstat(path, &st) == -1) {
        return 0;                       /* or bind() will say what is wrong */
    }

    if (!S_ISSOCK(st.st_mode)) {
        snprintf(error, LANE_ERROR_SIZE, "%s is in the way and no socket; "
                 "remove it or choose another SOCKET_DIR", path);
        return -1;
    }

    unlink(path);
    return 0;
}


/*
 * The kernel refuses a connection when more than the number given wait, hence
 * one less.
 */
static int
lane_backlog(lane_t lane, const config_t *config)
{
    return lane == LANE_PASSWORD
           ? (int) (config->password_workers * config->password_queue - 1)
           : LANE_BACKLOG;
}
