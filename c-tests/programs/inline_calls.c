/* System calls that no jacket sees: inline, as OpenMP's and io_uring's libraries make them.
 *
 *   inline_calls ready     reads a byte that is there already
 *   inline_calls waiting   reads one that another thread writes later
 *   inline_calls openmp    adds up in parallel regions (built with -fopenmp)
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends[2];

static long inline_read(int fd, void *buffer, unsigned long length)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(SYS_read), "D"(fd), "S"(buffer), "d"(length)
                     : "rcx", "r11", "memory");
    return result;
}

static void *reader(void *unused)
{
    char byte = 0;
    long count = inline_read(ends[0], &byte, 1);
    printf("read %ld: %c\n", count, byte);
    return unused;
}

static long add_up(void)
{
    long sum = 0;
    for (int round = 0; round < 50; round++) {
#pragma omp parallel for reduction(+ : sum) num_threads(4)
        for (int i = 0; i < 1000; i++)
            sum += i;
    }
    return sum;
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "ready";
    if (strcmp(what, "openmp") == 0) {
        printf("%ld\n", add_up());
        return 0;
    }
    if (pipe(ends) != 0)
        return 1;
    int early = strcmp(what, "ready") == 0;
    if (early && write(ends[1], "x", 1) != 1)
        return 1;
    pthread_t thread;
    pthread_create(&thread, NULL, reader, NULL);
    /* The reader runs first, and must let us go on. */
    usleep(1000);
    if (!early && write(ends[1], "x", 1) != 1)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
