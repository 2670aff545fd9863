/* Descriptors that go with a text, which is no longer than a few bytes, through a Unix socket:
 * unix(7) (SCM_RIGHTS), cmsg(3).
 */
#ifndef RIGHTS_H
#define RIGHTS_H

#include "check.h"

enum { MOST_RIGHTS = 8 };

union rights {
    char bytes[CMSG_SPACE(MOST_RIGHTS * sizeof(int))];
    struct cmsghdr align;
};

static inline void send_descriptors(int wire, const char *text, const int *fds, size_t count)
{
    union rights rights = { { 0 } };
    struct iovec piece = { (void *)text, strlen(text) };
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1,
        .msg_control = rights.bytes, .msg_controllen = CMSG_SPACE(count * sizeof *fds),
    };
    CHECK(count <= MOST_RIGHTS);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
    CHECK(sendmsg(wire, &message, 0) == (ssize_t)piece.iov_len);
}

/* Just this text, and just so many descriptors. */
static inline void receive_descriptors(int wire, const char *text, int *fds, size_t count, int flags)
{
    union rights rights;
    char received[8];
    struct iovec piece = { received, sizeof received };
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1,
        .msg_control = rights.bytes, .msg_controllen = CMSG_SPACE(count * sizeof *fds),
    };
    CHECK(count <= MOST_RIGHTS && strlen(text) <= sizeof received);
    CHECK(recvmsg(wire, &message, flags) == (ssize_t)strlen(text));
    CHECK(memcmp(received, text, strlen(text)) == 0);
    CHECK(!(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    CHECK(header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(count * sizeof *fds));
    memcpy(fds, CMSG_DATA(header), count * sizeof *fds);
}

#endif
