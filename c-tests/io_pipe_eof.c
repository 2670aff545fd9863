/* A waiting reader sees the end of file when the last writer closes, not
 * before: pipe(7).
 */
#include "lib/check.h"

static void *read_to_end(void *argument)
{
    char byte;
    ssize_t count = read(*(int *)argument, &byte, 1);
    return (void *)(long)count;
}

int main(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    int second = dup(ends[1]);
    CHECK(second >= 0);

    pthread_t readers[4];
    for (size_t i = 0; i < COUNT(readers); i++)
        readers[i] = start(read_to_end, &ends[0]);
    others_run();
    close(ends[1]);
    others_run();
    for (size_t i = 0; i < COUNT(readers); i++)
        CHECK(pthread_tryjoin_np(readers[i], NULL) == EBUSY);
    puts("one writer left: readers wait");

    close(second);
    for (size_t i = 0; i < COUNT(readers); i++)
        CHECK(join(readers[i]) == (void *)0);
    puts("no writer left: 0 for every reader");

    char byte;
    CHECK(read(ends[0], &byte, 1) == 0);
    puts("and 0 again");
    return 0;
}
