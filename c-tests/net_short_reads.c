/* A receive that got less than it asked for is followed by one that waits, if
 * nothing came meanwhile, and by one that does not, if the stream has more to say
 * than data: its end, an error, urgent data, a time limit, descriptors in the
 * way: recv(2), tcp(7), unix(7), socket(7).
 *
 * Each case begins with a receive that waits, so that whoever watches the
 * socket for it has begun to, and lets others run before what follows is read.
 */
#include "lib/rights.h"
#include <netinet/tcp.h>
#include <sys/uio.h>

enum { ROOM = 100 };

static int ours, theirs;

static long receive(int flags)
{
    char buffer[ROOM];
    ssize_t got = recv(ours, buffer, sizeof buffer, flags);
    return got < 0 ? -errno : got;
}

static void *wait_for_one(void *unused)
{
    char byte;
    (void)unused;
    CHECK(recv(ours, &byte, 1, 0) == 1 && byte == '!');
    return NULL;
}

static void say(const char *text)
{
    ssize_t length = (ssize_t)strlen(text);
    CHECK(send(theirs, text, (size_t)length, 0) == length);
}

static void watched(void)
{
    pthread_t thread = start(wait_for_one, NULL);
    others_run();
    say("!");
    join(thread);
}

static void begin(void)
{
    int ends[2], yes = 1;
    tcp_pair(ends);
    ours = ends[1], theirs = ends[0];
    CHECK(setsockopt(theirs, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
    watched();
}

static void end(void)
{
    CHECK(close(ours) == 0);
    if (theirs >= 0)
        CHECK(close(theirs) == 0);
}

static void *receive_and_tell(void *unused)
{
    (void)unused;
    return (void *)receive(0);
}

/* The thread's receive is not known to wait, but everything else is done. */
static pthread_t waiting(void)
{
    pthread_t thread = start(receive_and_tell, NULL);
    others_run();
    return thread;
}

static void ends_with_data(void)
{
    begin();
    say("data");
    CHECK(shutdown(theirs, SHUT_WR) == 0);
    others_run();
    long got = receive(0);
    printf("end that came with data: %ld, then %ld\n", got, receive(0));
    end();
}

static void ends_later(void)
{
    begin();
    say("data");
    others_run();
    long got = receive(0);
    pthread_t thread = waiting();
    CHECK(shutdown(theirs, SHUT_WR) == 0);
    printf("end that came later: %ld, then %ld\n", got, (long)join(thread));
    end();
}

static void reset_later(void)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    begin();
    say("data");
    others_run();
    long got = receive(0);
    pthread_t thread = waiting();
    CHECK(setsockopt(theirs, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    CHECK(close(theirs) == 0);
    theirs = -1;
    printf("reset: %ld, then %s\n", got, errno_name((int)-(long)join(thread)));
    end();
}

static void urgent(void)
{
    begin();
    say("ab");
    CHECK(send(theirs, "c", 1, MSG_OOB) == 1);
    say("de");
    others_run();
    long got = receive(0);
    printf("urgent data: %ld, then %ld\n", got, receive(0));
    say("fg");
    got = receive(0);
    pthread_t thread = waiting();
    CHECK(send(theirs, "h", 1, MSG_OOB) == 1);
    say("ij");
    printf("and later: %ld, then %ld\n", got, (long)join(thread));
    end();
}

static void limited(void)
{
    struct timeval limit = { .tv_usec = 50000 }, none = { 0 };
    begin();
    say("data");
    long got = receive(0);
    CHECK(setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    printf("time limit: %ld, then %s", got, errno_name((int)-receive(0)));
    say("more");
    others_run();
    printf(", then %ld\n", receive(0));
    CHECK(setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none) == 0);
    CHECK(fcntl(ours, F_SETFL, O_NONBLOCK) == 0);
    printf("non-blocking: %s", errno_name((int)-receive(0)));
    say("at once");
    printf(", then %ld", receive(0));
    CHECK(fcntl(ours, F_SETFL, 0) == 0);
    pthread_t thread = waiting();
    say("again");
    printf(", then %ld\n", (long)join(thread));
    end();
}

static void looked_at(void)
{
    begin();
    say("data");
    others_run();
    long got = receive(MSG_PEEK);
    printf("a look: %ld, then %ld\n", got, receive(0));
    end();
}

static void in_pieces(void)
{
    char low[3], high[ROOM];
    struct iovec pieces[] = { { low, sizeof low }, { high, sizeof high } };
    begin();
    say("abcde");
    ssize_t got = readv(ours, pieces, 2);
    pthread_t thread = waiting();
    say("fg");
    printf("readv: %zd, then %ld\n", got, (long)join(thread));
    end();
}

static void by_other_names(void)
{
    begin();
    int name = ours, other = dup(ours);
    CHECK(other >= 0);
    say("data");
    long got = receive(0);
    ours = other;
    watched();
    say("more");
    others_run();
    printf("under another name: %ld, then %ld", got, receive(0));
    ours = name;
    pthread_t thread = waiting();
    say("most");
    printf(", then %ld\n", (long)join(thread));
    CHECK(close(other) == 0);
    end();
}

/* What came with a descriptor is not received together with what came before or after. */
static void with_descriptors(void)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    ours = ends[1], theirs = ends[0];
    watched();
    say("ab");
    send_descriptors(theirs, "c", &theirs, 1);
    say("def");
    others_run();
    printf("descriptors between:");
    for (long got = 0; got < 6;) {
        long more = receive(0);
        printf(" %ld", more);
        got += more;
    }
    puts("");
    end();
}

/* What accept gives has the listener's limit, and its own flag. */
static void inherited(void)
{
    struct timeval limit = { .tv_usec = 30000 };
    struct sockaddr_in address;
    int listener = tcp_listener(&address);
    CHECK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    theirs = tcp_connect(&address);
    ours = accept(listener, NULL, NULL);
    CHECK(ours >= 0);
    struct timeval own;
    socklen_t length = sizeof own;
    CHECK(getsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &own, &length) == 0);
    printf("accepted: %s", errno_name((int)-receive(0)));
    CHECK(own.tv_sec || own.tv_usec);
    end();
    CHECK(close(listener) == 0);
    listener = tcp_listener(&address);
    theirs = tcp_connect(&address);
    ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    printf(", non-blocking: %s\n", errno_name((int)-receive(0)));
    end();
    CHECK(close(listener) == 0);
}

int main(void)
{
    ends_with_data();
    ends_later();
    reset_later();
    urgent();
    limited();
    looked_at();
    in_pieces();
    by_other_names();
    with_descriptors();
    inherited();
    return 0;
}
