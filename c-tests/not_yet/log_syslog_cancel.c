/* A thread that is cancelled in syslog(3), which waits for a log that nobody
 * reads, leaves libc's lock free: others log on. See pthreads(7).
 */
#include "lib/own_log.h"
#include "lib/cancel_points.h"

static int other, queued;

/* Datagrams until there is no room for one more. */
static void fill(void)
{
    const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
    other = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(other >= 0 && connect(other, (const struct sockaddr *)&name, sizeof name) == 0);
    while (send(other, "x", 1, MSG_DONTWAIT) == 1)
        queued++;
    CHECK(errno == EAGAIN);
}

static void log_one(void)
{
    syslog(LOG_ERR, "lost");
}

int main(void)
{
    static const struct point points[] = { { "syslog", log_one }, { "syslog again", log_one } };
    char text[256];
    if (!own_namespace(0))
        return 0;
    own_dev();
    open_log(SOCK_DGRAM);
    openlog("try", 0, LOG_USER);
    fill();
    cancel_at_points(points, COUNT(points));

    for (int i = 0; i < queued; i++)
        CHECK(recv(log_socket, text, sizeof text, 0) == 1);
    syslog(LOG_ERR, "found");
    ssize_t size = recv(log_socket, text, sizeof text - 1, 0);
    CHECK(size > 0);
    text[size] = '\0';
    printf("afterwards: %s\n", strstr(text, "try: "));
    return 0;
}
