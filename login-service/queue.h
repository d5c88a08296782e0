/*
 * How many connections wait on a listening unix socket of this network
 * namespace, and how many may: the kernel refuses more (sock_diag(7)).
 */

#ifndef QUEUE_H
#define QUEUE_H

#include <sys/types.h>


typedef struct {
    unsigned    waiting;
    unsigned    limit;          /* what listen() was told: one more may wait */
} queue_t;

/* ino is that of the socket, as fstat() says.  0, or -1 if it is not known. */
int queue_look(ino_t ino, queue_t *queue);

#endif
