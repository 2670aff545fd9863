/* A handler ends before the next signal of its kind comes: however many are sent, their frames do not heap up on the
 * stack: sigaction(2), signal(7). The stack is a small one, of a thread; others send as fast as they can. */
#include "lib/check.h"

enum { ENOUGH = 5000, PROCESSES = 3, STACK = 128 << 10 };
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

static pid_t flood(pid_t parent)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    while (pid == 0 && getppid() == parent)
        kill(parent, SIGUSR1);
    return pid;
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
        floods[i] = flood(getpid());
    join(thread);
    for (int i = 0; i < PROCESSES; i++) {
        CHECK(kill(floods[i], SIGKILL) == 0);
        CHECK(waitpid(floods[i], NULL, 0) == floods[i]);
    }
    printf("at least %d handled, %s\n", ENOUGH, nested ? "some inside others" : "one after the other");
    return 0;
}
