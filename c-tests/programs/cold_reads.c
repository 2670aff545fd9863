/* cold_reads FILE: a thread reads a file that it has thrown out of memory, then again. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static const char *name;

static void *read_all(void *cold)
{
    static char buffer[65536];
    int fd = open(name, O_RDONLY);
    if (cold)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    long total = 0;
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
        total += n;
    printf("%ld bytes\n", total);
    close(fd);
    return NULL;
}

int main(int count, char **arguments)
{
    if (count < 3)
        return 2;
    name = arguments[1];
    pthread_t thread;
    pthread_create(&thread, NULL, read_all, arguments[2][0] == 'c' ? &name : NULL);
    pthread_join(thread, NULL);
    return 0;
}
