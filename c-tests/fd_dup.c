/* Aliases made by dup(), dup2(), dup3() and F_DUPFD are as good as the first
 * descriptor, and a number that dup2() gives to another open file waits on
 * that one from then on, though the old one lives on elsewhere: dup(2).
 */
#include "lib/check.h"

static void *take_token(void *argument)
{
    return (void *)(long)take(*(int *)argument);
}

/* A thread waits on `reader` until `token` comes. */
static void pass(int reader, int writer, char token)
{
    pthread_t thread = start(take_token, &reader);
    others_run();
    give(writer, token);
    CHECK(join(thread) == (void *)(long)token);
}

int main(void)
{
    int ends[2], others[2];

    CHECK(pipe(ends) == 0);
    int aliases[] = {
        dup(ends[0]), dup2(ends[0], 60), dup3(ends[0], 61, O_CLOEXEC),
        fcntl(ends[0], F_DUPFD, 70), fcntl(ends[0], F_DUPFD_CLOEXEC, 70),
    };
    CHECK(aliases[1] == 60 && aliases[2] == 61);
    CHECK(aliases[3] == 70 && aliases[4] == 71);
    for (size_t i = 0; i < COUNT(aliases); i++) {
        CHECK(aliases[i] >= 0);
        CHECK(fcntl(aliases[i], F_GETFD) == (i % 2 == 0 && i ? FD_CLOEXEC : 0));
        pass(aliases[i], ends[1], (char)('a' + i));
    }
    puts("every alias can be waited on");

    /* The first descriptor may close while a thread waits on an alias. */
    pthread_t thread = start(take_token, &aliases[0]);
    others_run();
    close(ends[0]);
    others_run();
    give(ends[1], 'x');
    CHECK(join(thread) == (void *)(long)'x');
    puts("an alias outlives the first");

    /* The same open file under the same number again. */
    pass(60, ends[1], 'y');
    close(60);
    CHECK(dup2(aliases[0], 60) == 60);
    pass(60, ends[1], 'z');
    puts("closed, and back under the same number");

    /* 60 becomes another pipe; the first stays open as 61 and others. */
    CHECK(pipe(others) == 0);
    CHECK(dup2(others[0], 60) == 60);
    int sixty = 60;
    thread = start(take_token, &sixty);
    others_run();
    give(ends[1], '1');
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    give(others[1], '2');
    CHECK(join(thread) == (void *)(long)'2');
    CHECK(take(61) == '1');
    puts("dup2 over a used number: the new file is read");

    CHECK(dup2(60, 60) == 60);
    pass(60, others[1], 's');
    FAILS(EINVAL, dup3(60, 60, 0));
    FAILS(EBADF, dup2(59, 60));
    pass(60, others[1], 't');
    puts("a failed dup2 changes nothing");
    return 0;
}
