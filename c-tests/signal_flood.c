/* A handler ends before the next signal of its kind comes: however many are sent, their frames do not heap up on the
 * stack: sigaction(2), signal(7). The stack is a small one, of a thread; others send as fast as they can. */
#include "lib/flood.h"

enum { ENOUGH = 1000, PROCESSES = 3, STACK = 128 << 10 };
static volatile sig_atomic_t inside, nested, count;

static void on_signal(int number)
{
    (void)number;
    nested |= inside;
    inside = 1;
    count++;
    inside = 0;
}

static void *compute(void *unused)
{
    while (count < ENOUGH)
        continue;
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    pthread_attr_t attr;
    pthread_t thread;
    pid_t floods[PROCESSES];
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK) == 0);
    CHECK(pthread_create(&thread, &attr, compute, NULL) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &mask, NULL) == 0); /* the thread is to take them */
    for (int i = 0; i < PROCESSES; i++)
        floods[i] = start_flood((struct flood){ .to = getpid(), .number = SIGUSR1 });
    join(thread);
    for (int i = 0; i < PROCESSES; i++)
        end_flood(floods[i]);
    printf("at least %d handled, %s\n", ENOUGH, nested ? "some inside others" : "one after the other");
    return 0;
}
