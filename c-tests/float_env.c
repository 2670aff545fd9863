/*
 * float_env: the rounding mode and the exception flags are each thread's own,
 * for SSE (double) and x87 (long double), keep through blocking calls, and a
 * new thread starts with its creator's rounding mode.
 * Follows fenv(3), pthread_create(3).
 *
 * test: cflags=-frounding-math -lm
 */
#include "lib/expect.h"

#include <fenv.h>

enum { ROUNDS = 100 };

static const struct mode {
    const char *name;
    int rounding;
} modes[] = {
    { "to nearest", FE_TONEAREST },
    { "downward", FE_DOWNWARD },
    { "upward", FE_UPWARD },
    { "toward zero", FE_TOWARDZERO },
};

struct result {
    double third;
    long double long_third;
};

static pthread_barrier_t barrier;

static struct result divide(void)
{
    volatile double one = -1, three = 3;
    volatile long double long_one = -1, long_three = 3;
    struct result result = { one / three, long_one / long_three };
    return result;
}

static int same(struct result a, struct result b)
{
    return a.third == b.third && a.long_third == b.long_third;
}

struct worker {
    const struct mode *mode;
    struct result result;
    int stable;
    int inherited;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    worker->inherited = fegetround();
    EXPECT(fesetround(worker->mode->rounding) == 0);
    int flag = worker->mode->rounding == FE_UPWARD ? FE_OVERFLOW : FE_UNDERFLOW;
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(flag);
    worker->result = divide();
    worker->stable = 1;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        worker->stable &= same(divide(), worker->result) && fegetround() == worker->mode->rounding
            && fetestexcept(FE_OVERFLOW | FE_UNDERFLOW) == flag;
    }
    return NULL;
}

int main(void)
{
    OK(pthread_barrier_init(&barrier, NULL, 4));
    struct worker workers[4];
    pthread_t threads[4];
    fesetround(FE_UPWARD);
    for (int i = 0; i < 4; i++) {
        workers[i].mode = &modes[i];
        threads[i] = start_thread(work, &workers[i]);
    }
    for (int i = 0; i < 4; i++) {
        join_thread(threads[i]);
        printf("%s: %a %La, %s, %s\n", modes[i].name, workers[i].result.third,
               workers[i].result.long_third, workers[i].stable ? "stable" : "changed by others",
               workers[i].inherited == FE_UPWARD ? "inherited upward" : "not inherited");
        EXPECT(workers[i].stable && workers[i].inherited == FE_UPWARD);
    }
    EXPECT(workers[1].result.third < workers[2].result.third);
    EXPECT(workers[1].result.long_third < workers[2].result.long_third);
    printf("main: %s\n", fegetround() == FE_UPWARD ? "upward" : "changed");
    EXPECT(fegetround() == FE_UPWARD);
    return 0;
}
