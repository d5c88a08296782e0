/*
 * One question and one answer over netlink.  Where that is not allowed nothing
 * is known of queues, and nothing else is different.
 */

#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include "queue.h"


typedef struct {
    struct nlmsghdr       head;
    struct unix_diag_req  diag;
} queue_question_t;

#define QUEUE_TCP_LISTEN  10        /* states of a socket, as TCP's */


static int queue_read(const char *answer, size_t len, queue_t *queue);


int
queue_look(ino_t ino, queue_t *queue)
{
    int                rc, fd;
    char               answer[512] __attribute__((aligned(NLMSG_ALIGNTO)));
    ssize_t            n;
    queue_question_t   question;

    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd == -1) {
        return -1;
    }

    memset(&question, 0, sizeof(question));
    question.head.nlmsg_len = sizeof(question);
    question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.head.nlmsg_flags = NLM_F_REQUEST;
    question.diag.sdiag_family = AF_UNIX;
    question.diag.udiag_states = 1 << QUEUE_TCP_LISTEN;
    question.diag.udiag_ino = ino;
    question.diag.udiag_show = UDIAG_SHOW_RQLEN;
    question.diag.udiag_cookie[0] = (__u32) -1;         /* any */
    question.diag.udiag_cookie[1] = (__u32) -1;

    rc = -1;

    if (send(fd, &question, sizeof(question), 0) == sizeof(question)) {
        n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);

        if (n > 0) {
            rc = queue_read(answer, n, queue);
        }
    }

    close(fd);
    return rc;
}


static int
queue_read(const char *answer, size_t len, queue_t *queue)
{
    int                            left;
    const struct rtattr           *attribute;
    const struct nlmsghdr         *head;
    struct unix_diag_rqlen         lengths;
    const struct unix_diag_msg    *message;

    head = (const struct nlmsghdr *) answer;

    if (!NLMSG_OK(head, len) || head->nlmsg_type != SOCK_DIAG_BY_FAMILY
        || head->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
    {
        return -1;
    }

    message = NLMSG_DATA(head);
    left = head->nlmsg_len - NLMSG_LENGTH(sizeof(*message));

    for (attribute = (const struct rtattr *) (message + 1);
         RTA_OK(attribute, left);
         attribute = RTA_NEXT(attribute, left))
    {
        if (attribute->rta_type == UNIX_DIAG_RQLEN
            && RTA_PAYLOAD(attribute) >= (int) sizeof(lengths))
        {
            memcpy(&lengths, RTA_DATA(attribute), sizeof(lengths));
            queue->waiting = lengths.udiag_rqueue;
            queue->limit = lengths.udiag_wqueue;
            return 0;
        }
    }

    return -1;
}
