/*
 * thread_tgkill: a signal sent to one thread that blocks it is pending there
 * and nowhere else, and its handler runs in that thread before the call that
 * unblocks it returns: with pthread_kill, with tgkill and the thread's
 * gettid(), and with both of the latter as plain system calls.
 * Follows pthread_kill(3), tgkill(2), sigpending(2).
 */
#include "lib/expect.h"
#include "lib/signals.h"

#include <signal.h>
#include <sys/syscall.h>

struct receiver {
    pthread_t thread;
    pid_t id;
};

static int by_pthread_kill(struct receiver *to, int number)
{
    return pthread_kill(to->thread, number);
}

static int by_tgkill(struct receiver *to, int number)
{
    return tgkill(getpid(), to->id, number) == 0 ? 0 : errno;
}

static int by_tgkill_call(struct receiver *to, int number)
{
    return syscall(SYS_tgkill, getpid(), to->id, number) == 0 ? 0 : errno;
}

static int by_tkill_call(struct receiver *to, int number)
{
    return syscall(SYS_tkill, to->id, number) == 0 ? 0 : errno;
}

static const struct way {
    const char *name;
    int (*send)(struct receiver *, int);
} ways[] = {
    { "pthread_kill", by_pthread_kill },
    { "tgkill", by_tgkill },
    { "SYS_tgkill", by_tgkill_call },
    { "SYS_tkill", by_tkill_call },
};

static pthread_barrier_t turn;
static sigset_t usr1;
static volatile sig_atomic_t handled;
static pthread_t handled_by;
static siginfo_t seen;

static void handle(int number, siginfo_t *info, void *context)
{
    EXPECT(number == SIGUSR1 && context);
    seen = *info;
    handled_by = pthread_self();
    handled++;
}

static void *receive(void *argument)
{
    struct receiver *own = argument;
    own->id = gettid();
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    printf("  target: pending %d, handled %d\n", is_pending(SIGUSR1), (int)handled);
    OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
    printf("  target, unblocked: pending %d, handled %d, by itself %d\n", is_pending(SIGUSR1),
           (int)handled, handled && pthread_equal(handled_by, pthread_self()));
    printf("  %s, from this process: %d\n", seen.si_code == SI_TKILL ? "SI_TKILL" : "another code",
           seen.si_pid == getpid());
    pthread_barrier_wait(&turn);
    return NULL;
}

static void *look_on(void *unused)
{
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    printf("  onlooker: pending %d\n", is_pending(SIGUSR1));
    OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
    printf("  onlooker, unblocked: handled %d\n", (int)handled);
    return unused;
}

static void try(const struct way *way)
{
    struct receiver receiver;
    handled = 0;
    memset(&seen, 0, sizeof seen);
    OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
    receiver.thread = start_thread(receive, &receiver);
    pthread_t onlooker = start_thread(look_on, NULL);
    pthread_barrier_wait(&turn);
    show(way->name, way->send(&receiver, SIGUSR1));
    printf("  main: pending %d", is_pending(SIGUSR1));
    OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
    printf(", unblocked: handled %d\n", (int)handled);
    show("  signal 0", way->send(&receiver, 0));
    show("  signal 65", way->send(&receiver, 65));
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    join_thread(receiver.thread);
    join_thread(onlooker);
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
    SYS(sigaction(SIGUSR1, &action, NULL));
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    OK(pthread_barrier_init(&turn, NULL, 3));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        try(&ways[i]);

    struct receiver self = { pthread_self(), gettid() }, none = { pthread_self(), -1 };
    handled = 0;
    show("tgkill of main itself", by_tgkill(&self, SIGUSR1));
    printf("  handled %d\n", (int)handled);
    show("tgkill of no thread", by_tgkill(&none, SIGUSR1));
    return 0;
}
