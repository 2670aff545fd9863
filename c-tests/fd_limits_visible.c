/* Descriptor numbers are the program's own: open() returns the lowest free
 * one also once threads exist, closing all of them disturbs nothing but what
 * the program opened, and RLIMIT_NOFILE allows as many as ever: open(2),
 * close(2), close_range(2), getrlimit(2).
 */
#include "lib/check.h"
#include <sys/resource.h>

static pthread_barrier_t barrier;
static int parked[2];

static void *wait_in_read(void *argument)
{
    pthread_barrier_wait(&barrier);
    CHECK(take(*(int *)argument) == 'x');
    return NULL;
}

static void everything_works(void)
{
    others_run();
    CHECK(usleep(1000) == 0);
    int file = temporary_file(0);
    CHECK(write(file, "abc", 3) == 3 && fsync(file) == 0);
    CHECK(close(file) == 0);
}

static int open_until_limit(void)
{
    int count = 0, fd;
    while ((fd = open("/dev/null", O_RDONLY)) >= 0) {
        CHECK(fd < 64);
        count++;
    }
    CHECK(errno == EMFILE);
    return count;
}

int main(void)
{
    closefrom(3);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);

    /* Pipes become 3, 4 before and 5, 6 after there are threads. */
    int ends[2];
    CHECK(pipe(parked) == 0);
    pthread_t thread = start(wait_in_read, &parked[0]);
    pthread_barrier_wait(&barrier);
    everything_works();
    CHECK(pipe(ends) == 0);
    int null = open("/dev/null", O_RDONLY);
    int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    printf("pipes %d %d, %d %d, file %d, socket %d\n", parked[0], parked[1],
           ends[0], ends[1], null, socket_fd);
    CHECK(parked[0] == 3 && parked[1] == 4 && ends[0] == 5 && ends[1] == 6);
    CHECK(null == 7 && socket_fd == 8);
    close(ends[0]);
    CHECK(dup(0) == 5);
    give(parked[1], 'x');
    join(thread);

    for (int fd = 3; fd < 100; fd++) {
        if (fd <= 8)
            CHECK(close(fd) == 0);
        else
            CHECK(close(fd) == -1 && errno == EBADF);
    }
    everything_works();
    puts("closed one by one, all works");

    CHECK(open("/dev/null", O_RDONLY) == 3 && dup2(3, 50) == 50);
    closefrom(3);
    CHECK(fcntl(3, F_GETFD) == -1 && fcntl(50, F_GETFD) == -1);
    everything_works();
    puts("closefrom(3), all works");

    CHECK(open("/dev/null", O_RDONLY) == 3 && dup2(3, 90) == 90);
    CHECK(close_range(3, ~0U, 0) == 0);
    CHECK(fcntl(3, F_GETFD) == -1 && fcntl(90, F_GETFD) == -1);
    everything_works();
    puts("close_range(3, ~0), all works");

    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 64;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int count = open_until_limit();
    printf("%d descriptors below a limit of 64\n", count);
    CHECK(count == 61);
    CHECK(usleep(1000) == 0);
    closefrom(3);
    everything_works();
    puts("and back, all works");
    return 0;
}
