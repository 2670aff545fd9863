/* flockfile() held across a blocking read keeps others out of that FILE until
 * funlockfile(), and lets everybody run who does not want it: flockfile(3).
 */
#include "lib/check.h"

static FILE *file;
static int input[2], locked[2];

static void *hold(void *unused)
{
    flockfile(file);
    flockfile(file); /* it nests */
    fputs("first\n", file);
    give(locked[1], 'l');
    CHECK(take(input[0]) == 'x');
    fputs("second\n", file);
    funlockfile(file);
    putc_unlocked('-', file);
    putc_unlocked('\n', file);
    funlockfile(file);
    return unused;
}

static void *want(void *unused)
{
    fputs("third\n", file);
    return unused;
}

int main(void)
{
    CHECK(pipe(input) == 0 && pipe(locked) == 0);
    CHECK((file = tmpfile()));

    pthread_t holder = start(hold, NULL);
    CHECK(take(locked[0]) == 'l');
    pthread_t wanter = start(want, NULL);
    others_run();
    CHECK(ftrylockfile(file) != 0);
    CHECK(pthread_tryjoin_np(wanter, NULL) == EBUSY);
    puts("held: others run, the FILE is taken");

    give(input[1], 'x');
    join(holder);
    join(wanter);
    CHECK(ftrylockfile(file) == 0);
    funlockfile(file);

    char text[64];
    rewind(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    CHECK(strcmp(text, "first\nsecond\n-\nthird\n") == 0);
    fputs(text, stdout);
    return 0;
}
