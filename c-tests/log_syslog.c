/* syslog(3) to a log that nobody reads stops the calling thread alone, and so do
 * other threads' calls, which wait for libc's lock, and LOG_PERROR when nobody
 * reads standard error. What arrives is whole and in order.
 */
#include "lib/own_log.h"
#include "lib/beside.h"
#include <stdarg.h>

extern void __syslog_chk(int priority, int flag, const char *format, ...);

static int queued, at_it[2];

/* Datagrams until there is no room for one more. */
static int fill(void)
{
    const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
    int other = socket(AF_UNIX, SOCK_DGRAM, 0), count = 0;
    CHECK(other >= 0 && connect(other, (const struct sockaddr *)&name, sizeof name) == 0);
    while (send(other, "x", 1, MSG_DONTWAIT) == 1)
        count++;
    CHECK(errno == EAGAIN && close(other) == 0);
    return count;
}

/* Prints what follows the time of day. */
static void tell(char *message)
{
    char *text = strchr(message, '>');
    CHECK(text && strlen(text) > 17);
    printf("%.*s %s\n", (int)(text + 1 - message), message, text + 17);
}

static void read_message(void)
{
    char message[2048];
    ssize_t size = recv(log_socket, message, sizeof message - 1, 0);
    CHECK(size > 0);
    message[size] = '\0';
    tell(message);
}

static void with_list(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsyslog(LOG_WARNING, format, list);
    va_end(list);
}

static void *log_all(void *unused)
{
    give(at_it[1], 'x');
    errno = ENOENT;
    syslog(LOG_ERR, "one %d %m", 1);
    with_list("two %s", "2");
    __syslog_chk(LOG_MAIL | LOG_INFO, 1, "three %c", '3');
    syslog(LOG_DEBUG, "masked");
    return unused;
}

static void announced(void *unused)
{
    (void)unused;
    CHECK(take(at_it[0]) == 'x');
}

static void read_datagrams(void *unused)
{
    char byte[2];
    (void)unused;
    others_run();
    for (int i = 0; i < queued; i++)
        CHECK(recv(log_socket, byte, sizeof byte, 0) == 1);
    for (int i = 0; i < 3; i++)
        read_message();
}

static void *log_one(void *unused)
{
    syslog(LOG_ERR, "from one of many");
    return unused;
}

/* While one waits in send(2), others wait for the lock. */
static void many_at_once(void)
{
    pthread_t threads[5];
    char byte[2];
    queued = fill();
    for (size_t i = 0; i < COUNT(threads); i++)
        threads[i] = start(log_one, NULL);
    others_run();
    for (int i = 0; i < queued; i++)
        CHECK(recv(log_socket, byte, sizeof byte, 0) == 1);
    for (size_t i = 0; i < COUNT(threads); i++)
        read_message();
    for (size_t i = 0; i < COUNT(threads); i++)
        join(threads[i]);
}

/* ---- LOG_PERROR, to a full pipe ---- */

static int errors[2], old_errors;

static void *log_to_stderr(void *unused)
{
    openlog("try", LOG_PERROR, LOG_USER);
    give(at_it[1], 'x');
    syslog(LOG_ERR, "also on stderr");
    return unused;
}

static void fill_stderr(void)
{
    static const char zeros[4096];
    CHECK(pipe(errors) == 0 && (old_errors = dup(2)) >= 0);
    CHECK(dup2(errors[1], 2) == 2 && close(errors[1]) == 0);
    for (int room = fcntl(2, F_GETPIPE_SZ); room > 0; room -= (int)sizeof zeros)
        write_all(2, zeros, sizeof zeros);
}

static void read_stderr(void *unused)
{
    char text[4096];
    ssize_t size;
    (void)unused;
    others_run();
    do
        CHECK((size = read(errors[0], text, sizeof text)) > 0);
    while (text[size - 1] == '\0');
    printf("stderr: %.*s", (int)size, text);
    read_message();
    CHECK(dup2(old_errors, 2) == 2);
}

int main(void)
{
    if (!own_namespace(0))
        return 0;
    own_dev();
    CHECK(pipe(at_it) == 0);
    openlog("try", 0, LOG_DAEMON);
    printf("mask: %x\n", setlogmask(LOG_UPTO(LOG_INFO)));

    open_log(SOCK_DGRAM);
    queued = fill();
    beside("syslog, datagrams", log_all, announced, read_datagrams, NULL);
    many_at_once();
    fill_stderr();
    beside("syslog, LOG_PERROR", log_to_stderr, announced, read_stderr, NULL);
    close_log();

    /* Nobody is there: no error is told. */
    errno = 0;
    syslog(LOG_ERR, "lost");
    puts("lost");
    return 0;
}
