/*
 * thread_sigqueue_order: real-time signals queued for a thread that blocks them
 * all come when it unblocks them, the lowest number first and each number in
 * the order sent; a standard signal comes once.  A thread that unblocks them
 * gets nothing that was queued for another.
 * Follows pthread_sigqueue(3), signal(7).
 */
#include "lib/expect.h"
#include "lib/signals.h"

#include <signal.h>

enum { ROUNDS = 5, THREADS = 3 };

static pthread_barrier_t turn;
static sigset_t signals;

/* What came to one thread: signals by their distance from SIGRTMIN, values. */
static __thread char log_of_mine[400];

static void note(int number, const siginfo_t *info)
{
    char text[40];
    if (number == SIGUSR1)
        snprintf(text, sizeof text, " USR1");
    else
        snprintf(text, sizeof text, " %d:%d", number - SIGRTMIN, info->si_value.sival_int);
    EXPECT(strlen(log_of_mine) + strlen(text) < sizeof log_of_mine);
    strcat(log_of_mine, text);
}

static void handle(int number, siginfo_t *info, void *context)
{
    (void)context;
    note(number, info);
}

static void *handle_all(void *result)
{
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    EXPECT(strcmp(log_of_mine, "") == 0);
    printf("  pending: RT %d, RT+1 %d, USR1 %d\n", is_pending(SIGRTMIN), is_pending(SIGRTMIN + 1),
           is_pending(SIGUSR1));
    OK(pthread_sigmask(SIG_UNBLOCK, &signals, NULL));
    strcpy(result, log_of_mine);
    printf("  pending: RT %d, RT+1 %d, USR1 %d\n", is_pending(SIGRTMIN), is_pending(SIGRTMIN + 1),
           is_pending(SIGUSR1));
    return NULL;
}

static void *wait_for_all(void *result)
{
    siginfo_t info;
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    while (is_pending(SIGRTMIN) || is_pending(SIGRTMIN + 1) || is_pending(SIGUSR1)) {
        int number = (int)SYS(sigwaitinfo(&signals, &info));
        note(number, &info);
    }
    strcpy(result, log_of_mine);
    return NULL;
}

static void queue_all(pthread_t thread, int first)
{
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_sigqueue(thread, SIGRTMIN + 1, (union sigval){ .sival_int = first + i }));
        OK(pthread_sigqueue(thread, SIGRTMIN, (union sigval){ .sival_int = first + 10 + i }));
        OK(pthread_kill(thread, SIGUSR1));
    }
}

static void one(const char *name, void *(*entry)(void *))
{
    char result[sizeof log_of_mine];
    puts(name);
    pthread_t thread = start_thread(entry, result);
    pthread_barrier_wait(&turn);
    queue_all(thread, 0);
    pthread_barrier_wait(&turn);
    join_thread(thread);
    printf("  came:%s\n", result);
}

static void *count_own(void *result)
{
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    OK(pthread_sigmask(SIG_UNBLOCK, &signals, NULL));
    strcpy(result, log_of_mine);
    return NULL;
}

int main(void)
{
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN);
    sigaddset(&signals, SIGRTMIN + 1);
    sigaddset(&signals, SIGUSR1);
    /* One handler at a time, else the last to be delivered runs first. */
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO,
                                .sa_mask = signals };
    SYS(sigaction(SIGRTMIN, &action, NULL));
    SYS(sigaction(SIGRTMIN + 1, &action, NULL));
    SYS(sigaction(SIGUSR1, &action, NULL));
    OK(pthread_sigmask(SIG_BLOCK, &signals, NULL));
    OK(pthread_barrier_init(&turn, NULL, 2));
    one("handled at unblocking", handle_all);
    one("taken by sigwaitinfo", wait_for_all);
    OK(pthread_barrier_destroy(&turn));

    puts("each thread its own");
    char results[THREADS][sizeof log_of_mine];
    pthread_t threads[THREADS];
    OK(pthread_barrier_init(&turn, NULL, THREADS + 1));
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(count_own, results[i]);
    pthread_barrier_wait(&turn);
    for (int i = 0; i < THREADS; i++)
        queue_all(threads[i], 100 * (i + 1));
    OK(pthread_sigmask(SIG_UNBLOCK, &signals, NULL));
    printf("  main:%s\n", log_of_mine);
    pthread_barrier_wait(&turn);
    for (int i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
        printf("  thread %d:%s\n", i + 1, results[i]);
    }
    return 0;
}
