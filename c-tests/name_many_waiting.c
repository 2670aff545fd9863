/* However many look-ups wait, they hold up no call of another kind: sixty threads
 * wait for one slow file, by getpwnam_r(3), which takes no lock, then by
 * getpwnam(3), of which all but one wait for libc's lock.
 */
#include "lib/own_etc.h"
#include "lib/slow_file.h"
#include <netdb.h>
#include <pwd.h>

enum { THREADS = 60 };

static int at_it[2];

static void *reentrant(void *unused)
{
    struct passwd user, *found;
    char buffer[256];
    give(at_it[1], 'x');
    CHECK(getpwnam_r("ann", &user, buffer, sizeof buffer, &found) == 0);
    CHECK(found == &user && user.pw_uid == 4711);
    return unused;
}

/* All threads look for the same user: its data is shared. */
static void *locked(void *unused)
{
    give(at_it[1], 'x');
    CHECK(getpwnam("ann"));
    return unused;
}

static void *other_calls(void *unused)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    int file = temporary_file(0);
    CHECK(write(file, "x", 1) == 1 && fsync(file) == 0 && close(file) == 0);
    CHECK(getservbyname("tests", "tcp"));
    CHECK(getaddrinfo("alpha", "tests", &hints, &list) == 0);
    freeaddrinfo(list);
    CHECK(system("exit 0") == 0);
    return unused;
}

static void many(const char *name, thread_body *body)
{
    pthread_t threads[THREADS];
    int lease = hold_file("/etc/passwd");
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK(take(at_it[0]) == 'x');
    await_opener(lease);
    others_run();
    join(start(other_calls, NULL));
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_tryjoin_np(threads[i], NULL) == EBUSY);
    let_file_go(lease);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%s: %d threads waited\n", name, THREADS);
}

int main(void)
{
    if (!own_etc())
        return 0;
    etc_file("passwd", "ann:x:4711:4713:Ann:/home/ann:/bin/sh\n");
    etc_file("services", "tests 7777/tcp\n");
    etc_file("hosts", "127.1.2.3 alpha\n");
    CHECK(pipe2(at_it, O_CLOEXEC) == 0);
    many("getpwnam_r", reentrant);
    many("getpwnam", locked);
    return 0;
}
