/*
 * thread_sigqueue: a signal queued for a thread reaches that thread and no
 * other, with its value and its sender, while the thread sits in read, in
 * sem_wait or in sigwaitinfo, computes, or is the sender itself.
 * Follows pthread_sigqueue(3), sigaction(2).
 */
#include "lib/expect.h"

#include <semaphore.h>
#include <signal.h>

static pthread_barrier_t ready;
static int wire[2];
static sem_t semaphore;
static pthread_t target;
static volatile sig_atomic_t handled;

static void show_info(const char *name, const siginfo_t *info)
{
    printf("%s: %s, value %d, from this process: %d, this user: %d\n", name,
           info->si_code == SI_QUEUE ? "SI_QUEUE" : info->si_code == SI_TKILL ? "SI_TKILL"
           : info->si_code == SI_USER ? "SI_USER" : "another code",
           info->si_value.sival_int, info->si_pid == getpid(), info->si_uid == getuid());
}

static siginfo_t seen;

/* Lets the call that it interrupts come to its end, so that no signal can be too early. */
static void handle(int number, siginfo_t *info, void *context)
{
    EXPECT(pthread_equal(pthread_self(), target) && context && info->si_signo == number);
    seen = *info;
    handled++;
    SYS(write(wire[1], "x", 1));
    SYS(sem_post(&semaphore));
}

static void enter_read(void)
{
    char byte;
    EXPECT(SYS(read(wire[0], &byte, 1)) == 1);
    SYS(sem_wait(&semaphore));
}

static void enter_sem_wait(void)
{
    char byte;
    SYS(sem_wait(&semaphore));
    SYS(read(wire[0], &byte, 1));
}

static void enter_loop(void)
{
    while (!handled)
        sched_yield();
    enter_sem_wait();
}

static void *be_handler(void *enter)
{
    target = pthread_self();
    handled = 0;
    pthread_barrier_wait(&ready);
    ((void (*)(void))enter)();
    EXPECT(handled == 1);
    return NULL;
}

static void *be_waiter(void *set)
{
    siginfo_t info = { 0 };
    pthread_barrier_wait(&ready);
    EXPECT(SYS(sigwaitinfo(set, &info)) == SIGUSR2);
    show_info("sigwaitinfo", &info);
    return NULL;
}

static void *stand_by(void *unused)
{
    pthread_barrier_wait(&ready);
    return unused;
}

static void to_handler(const char *name, void (*enter)(void), int number)
{
    pthread_t thread = start_thread(be_handler, (void *)enter);
    pthread_barrier_wait(&ready);
    for (int i = 0; i < 20; i++)
        sched_yield();
    OK(pthread_sigqueue(thread, number, (union sigval){ .sival_int = 40 + number }));
    join_thread(thread);
    show_info(name, &seen);
}

int main(void)
{
    static int pointed_to;
    SYS(pipe(wire));
    SYS(sem_init(&semaphore, 0, 0));
    OK(pthread_barrier_init(&ready, NULL, 2));
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART };
    SYS(sigaction(SIGUSR1, &action, NULL));
    SYS(sigaction(SIGRTMIN + 1, &action, NULL));

    target = pthread_self();
    show("to itself", pthread_sigqueue(target, SIGUSR1, (union sigval){ .sival_ptr = &pointed_to }));
    printf("  handled at once: %d, the pointer came: %d\n", (int)handled,
           seen.si_value.sival_ptr == &pointed_to);
    enter_read();

    pthread_t idle = start_thread(stand_by, NULL);
    show("signal 0", pthread_sigqueue(idle, 0, (union sigval){ 0 }));
    show("signal 65", pthread_sigqueue(idle, 65, (union sigval){ 0 }));
    show("signal -1", pthread_sigqueue(idle, -1, (union sigval){ 0 }));
    show("a signal of glibc's own", pthread_sigqueue(idle, 32, (union sigval){ 0 }));
    pthread_barrier_wait(&ready);
    join_thread(idle);

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    pthread_t waiter = start_thread(be_waiter, &set);
    pthread_barrier_wait(&ready);
    OK(pthread_sigqueue(waiter, SIGUSR2, (union sigval){ .sival_int = 7 }));
    join_thread(waiter);

    to_handler("read", enter_read, SIGUSR1);
    to_handler("read, a real-time signal", enter_read, SIGRTMIN + 1);
    to_handler("sem_wait", enter_sem_wait, SIGUSR1);
    to_handler("computing", enter_loop, SIGUSR1);
    return 0;
}
