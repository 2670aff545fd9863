/* syslog(3) to a stream socket that nobody reads stops the calling thread alone.
 * All messages arrive whole and in order, each with a zero byte at its end.
 */
#include "lib/own_log.h"
#include "lib/beside.h"

enum { MESSAGES = 2000 };

static volatile int written;

static void *log_much(void *unused)
{
    for (written = 0; written < MESSAGES; written++)
        syslog(LOG_ERR, "%d %0200d", written, 0);
    return unused;
}

/* Nothing was read: the writer stands still when others have run. */
static void is_full(void *unused)
{
    int before;
    (void)unused;
    do {
        before = written;
        others_run();
    } while (before == 0 || before != written);
    CHECK(before < MESSAGES);
}

static void read_stream(void *unused)
{
    int stream = accept(log_socket, NULL, NULL), number = 0, byte;
    FILE *messages = fdopen(stream, "r");
    char message[512], *end = message;
    (void)unused;
    CHECK(messages);
    while (number < MESSAGES && (byte = fgetc(messages)) != EOF) {
        *end++ = (char)byte;
        if (byte == '\0') {
            CHECK(atoi(strstr(message, "try: ") + 5) == number && end - message > 200);
            number++, end = message;
        }
    }
    printf("%d messages through a stream\n", number);
    fclose(messages);
}

int main(void)
{
    if (!own_namespace(0))
        return 0;
    own_dev();
    open_log(SOCK_STREAM);
    CHECK(listen(log_socket, 5) == 0);
    openlog("try", 0, LOG_USER);
    beside("syslog, a stream", log_much, is_full, read_stream, NULL);
    close_log();
    return 0;
}
