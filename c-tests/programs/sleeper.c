/* N threads wait in read() on a socketpair each, as the connections of an idle
 * server do: read(2), socketpair(2), pthread_create(3).
 *
 * Prints "ready" when every thread has come to its read(), waits for the end
 * of standard input, wakes them all and ends with status 0.
 *
 *     sleeper N
 */
#include "../lib/check.h"

#include <semaphore.h>
#include <sys/resource.h>

struct sleeper {
    pthread_t thread;
    int ends[2];
};

static sem_t about_to_read;

static void *wait_for_byte(void *argument)
{
    const struct sleeper *sleeper = argument;
    char byte;
    CHECK(sem_post(&about_to_read) == 0);
    CHECK(read(sleeper->ends[0], &byte, 1) == 1);
    CHECK(byte == 'w');
    return NULL;
}

static void allow_descriptors(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    int threads = atoi(arguments[1]);
    struct sleeper *sleepers = calloc((size_t)threads, sizeof *sleepers);
    CHECK(sleepers);
    CHECK(sem_init(&about_to_read, 0, 0) == 0);
    allow_descriptors();

    for (int index = 0; index < threads; index++) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sleepers[index].ends) == 0);
        sleepers[index].thread = start(wait_for_byte, &sleepers[index]);
    }
    for (int index = 0; index < threads; index++)
        CHECK(sem_wait(&about_to_read) == 0);
    puts("ready");
    fflush(stdout);

    while (getchar() != EOF)
        continue;
    for (int index = 0; index < threads; index++)
        CHECK(write(sleepers[index].ends[1], "w", 1) == 1);
    for (int index = 0; index < threads; index++) {
        join(sleepers[index].thread);
        close(sleepers[index].ends[0]);
        close(sleepers[index].ends[1]);
    }
    free(sleepers);
    return 0;
}
