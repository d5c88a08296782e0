/*
 * The lanes and their sockets: SOCKET_DIR/password.sock, token.sock and
 * internal.sock, mode 0660 and of SOCKET_GROUP.  A flood on one fills the
 * queue of that one.
 */

#ifndef LANE_H
#define LANE_H

#include <sys/types.h>
#include <sys/un.h>

#include "config.h"
#include "service.h"


#define LANE_ERROR_SIZE  512

typedef struct {
    int     fd;
    dev_t   dev;                        /* which file is ours to remove */
    ino_t   ino;
    ino_t   socket_ino;                 /* of the socket, not of its file */
    char    path[sizeof(((struct sockaddr_un *) 0)->sun_path)];
} lane_socket_t;

typedef struct lanes_s {
    int              dir_fd;            /* locked while we live */
    lane_socket_t    sockets[LANE_COUNT];
} lanes_t;

const char *lane_name(lane_t lane);
size_t lane_workers(lane_t lane, const config_t *config);
int lane_niceness(lane_t lane);

/* Nothing is open; lane_close() is allowed from now on. */
void lane_init(lanes_t *lanes);

/*
 * Listens on all lanes.  Sockets that a dead instance left are replaced, a
 * live one's are not.  0, or -1 with one line in error and nothing left.
 */
int lane_open(lanes_t *lanes, const config_t *config,
    char error[LANE_ERROR_SIZE]);

/* Again with the queue lengths of another configuration. */
int lane_listen(const lanes_t *lanes, const config_t *config);

/* Removes the files that are still ours, and closes. */
void lane_close(lanes_t *lanes);

/* In a worker: keeps one lane's socket and lets go of the rest. */
void lane_keep(lanes_t *lanes, lane_t lane);

#endif
