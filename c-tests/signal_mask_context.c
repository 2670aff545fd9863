/*
 * signal_mask_context: the third argument of a handler shows the interrupted
 * thread's mask, and what the handler writes there is the mask afterwards.
 * sa_mask, SA_NODEFER and SA_RESETHAND do what they say, whether the signal
 * comes by raise, pthread_kill or kill, to a thread that runs or waits.
 * Follows sigaction(2), sigreturn(2), sigsuspend(2), signal(7).
 */
#include "lib/check.h"
#include "lib/signals.h"

#include <poll.h>
#include <semaphore.h>
#include <ucontext.h>

static sem_t ready;

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags, int also)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };
    sigemptyset(&action.sa_mask);
    if (also)
        sigaddset(&action.sa_mask, also);
    CHECK(sigaction(number, &action, NULL) == 0);
}

/* ---- ways to send --------------------------------------------------------- */

static void by_raise(int number)        { CHECK(raise(number) == 0); }
static void by_pthread_kill(int number) { CHECK(pthread_kill(pthread_self(), number) == 0); }
static void by_tgkill(int number)       { CHECK(tgkill(getpid(), gettid(), number) == 0); }
static void by_kill(int number)         { CHECK(kill(getpid(), number) == 0); }

static const struct way {
    const char *name;
    void (*send)(int number);
} ways[] = {
    { "raise", by_raise }, { "pthread_kill", by_pthread_kill }, { "tgkill", by_tgkill },
    { "kill", by_kill },
};

/* ---- uc_sigmask ------------------------------------------------------------- */

static __thread struct {
    volatile sig_atomic_t count, shown, inside;
    volatile sig_atomic_t add, take;    /* what the handler changes */
} seen;

static void look(int number, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    CHECK(info->si_signo == number);
    seen.count++;
    seen.shown = digits(&context->uc_sigmask);
    seen.inside = own_mask();
    if (seen.add)
        sigaddset(&context->uc_sigmask, seen.add);
    if (seen.take)
        sigdelset(&context->uc_sigmask, seen.take);
}

static void show_seen(const char *name)
{
    printf("  %s: handled %d, context %04d, in the handler %04d, after it %04d\n", name,
           (int)seen.count, (int)seen.shown, (int)seen.inside, own_mask());
    seen.count = 0;
}

/* kill is for a thread that does not block the signal: the other one does. */
static void run_ways(int blocks)
{
    for (size_t i = 0; i < COUNT(ways); i++) {
        change_mask(SIG_SETMASK, blocks);
        ways[i].send(SIGUSR1);
        show_seen(ways[i].name);
    }
}

static void *in_thread(void *blocks)
{
    run_ways(*(int *)blocks);
    return NULL;
}

static void contexts(void)
{
    int term = SIGTERM, none = 0;
    handle(SIGUSR1, look, SA_RESTART, SIGHUP);
    puts("thread that blocks TERM");
    change_mask(SIG_SETMASK, SIGUSR1);
    join(start(in_thread, &term));
    puts("thread that blocks nothing");
    join(start(in_thread, &none));
    puts("main, blocks USR2");
    run_ways(SIGUSR2);
    puts("handler adds TERM to the context, takes USR2 away");
    seen.add = SIGTERM, seen.take = SIGUSR2;
    run_ways(SIGUSR2);
    puts("handler blocks its own signal in the context");
    seen.add = SIGUSR1, seen.take = 0;
    run_ways(0);
    by_raise(SIGUSR1);
    printf("  raised: handled %d, pending %d\n", (int)seen.count, is_pending(SIGUSR1));
    seen.add = 0;
    change_mask(SIG_SETMASK, 0);
    show_seen("let in");
}

/* ---- threads that wait ---------------------------------------------------- */

enum call { READ, SIGSUSPEND, PPOLL };

static int wire[2];

static void *wait_in(void *call)
{
    sigset_t only_usr2;
    char byte = 0;
    sigemptyset(&only_usr2);
    sigaddset(&only_usr2, SIGUSR2);
    change_mask(SIG_SETMASK, SIGTERM);
    if (*(enum call *)call != READ)
        change_mask(SIG_BLOCK, SIGUSR1);
    seen.add = SIGHUP;
    CHECK(sem_post(&ready) == 0);
    switch (*(enum call *)call) {
    case READ:
        CHECK(read(wire[0], &byte, 1) == 1);
        show_seen("read, restarted");
        break;
    case SIGSUSPEND:
        CHECK(sigsuspend(&only_usr2) == -1 && errno == EINTR);
        show_seen("sigsuspend under USR2");
        break;
    case PPOLL:
        CHECK(ppoll(NULL, 0, NULL, &only_usr2) == -1 && errno == EINTR);
        show_seen("ppoll under USR2");
        break;
    }
    return NULL;
}

static void waits(void)
{
    puts("threads that wait and block TERM; the handler adds HUP to the context");
    handle(SIGUSR1, look, SA_RESTART, 0);
    for (enum call call = READ; call <= PPOLL; call++) {
        pthread_t thread = start(wait_in, &call);
        CHECK(sem_wait(&ready) == 0);
        others_run();
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        others_run();
        if (call == READ)
            give(wire[1], 1);
        join(thread);
    }
}

/* ---- sa_mask and flags --------------------------------------------------- */

static __thread char order[80];
static __thread volatile sig_atomic_t depth;
static const struct way *again;

/* Notes that it begins and ends, and sends its own signal at first. */
static void nest(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    strcat(order, number == SIGUSR1 ? "(" : "[");
    if (number == SIGUSR1 && depth < 3) {
        depth++;
        again->send(SIGUSR2);
        again->send(SIGUSR1);
    }
    strcat(order, number == SIGUSR1 ? ")" : "]");
}

static void show_order(const char *name)
{
    printf("  %s: %s, mask %04d\n", name, order, own_mask());
    order[0] = 0, depth = 0;
}

static void *nest_all(void *unused)
{
    for (size_t i = 0; i < COUNT(ways); i++) {
        again = &ways[i];
        change_mask(SIG_SETMASK, SIGTERM);
        again->send(SIGUSR1);
        show_order(again->name);
    }
    return unused;
}

static void nests(void)
{
    static const struct { const char *name; int flags, also; } cases[] = {
        { "sa_mask USR2", 0, SIGUSR2 },
        { "sa_mask empty", 0, 0 },
        { "SA_NODEFER, sa_mask USR2", SA_NODEFER, SIGUSR2 },
        { "SA_NODEFER, sa_mask empty", SA_NODEFER, 0 },
    };
    handle(SIGUSR2, nest, 0, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        handle(SIGUSR1, nest, cases[i].flags, cases[i].also);
        printf("USR1 sends USR2 and itself: %s\n", cases[i].name);
        nest_all(NULL);
        puts(" in a thread");
        change_mask(SIG_BLOCK, SIGUSR1);      /* what kill sends is for the thread */
        change_mask(SIG_BLOCK, SIGUSR2);
        join(start(nest_all, NULL));
        change_mask(SIG_SETMASK, 0);
    }
}

/* Both let in at once: the kernel prepares the lower one's handler first, so
 * the other one's, unless blocked by then, runs before it. */
static void both_at_once(void)
{
    for (int i = 0; i < 4; i++) {
        handle(SIGUSR1, nest, 0, i & 1 ? SIGUSR2 : 0);
        handle(SIGUSR2, nest, 0, i & 2 ? SIGUSR1 : 0);
        change_mask(SIG_SETMASK, SIGUSR1), change_mask(SIG_BLOCK, SIGUSR2);
        raise(SIGUSR2), raise(SIGUSR1);
        depth = 3;              /* nothing more is sent */
        change_mask(SIG_SETMASK, 0);
        printf("both at once, USR1 blocks USR2: %d, USR2 blocks USR1: %d\n", i & 1, i >> 1);
        show_order("in the order");
    }
}

static void one_shot(void)
{
    struct sigaction now;
    puts("SA_RESETHAND");
    for (size_t i = 0; i < COUNT(ways); i++) {
        handle(SIGUSR1, look, SA_RESETHAND, 0);
        ways[i].send(SIGUSR1);
        CHECK(sigaction(SIGUSR1, NULL, &now) == 0);
        printf("  default now: %d;", now.sa_handler == SIG_DFL);
        show_seen(ways[i].name);
        /* A second one, while blocked, and none of it left when ignored. */
        change_mask(SIG_BLOCK, SIGUSR1);
        ways[i].send(SIGUSR1);
        int before = is_pending(SIGUSR1);
        CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
        printf("  blocked: pending %d, ignored: pending %d\n", before, is_pending(SIGUSR1));
        handle(SIGUSR1, look, 0, 0);
        change_mask(SIG_UNBLOCK, SIGUSR1);
        show_seen("handled again");
    }
}

static void *one_shot_waits(void *unused)
{
    char byte;
    CHECK(sem_post(&ready) == 0);
    CHECK(read(wire[0], &byte, 1) == 1);
    show_seen("in a thread that reads");
    return unused;
}

int main(void)
{
    CHECK(sem_init(&ready, 0, 0) == 0 && pipe(wire) == 0);
    contexts();
    waits();
    nests();
    both_at_once();
    one_shot();
    struct sigaction now;
    handle(SIGUSR1, look, SA_RESETHAND | SA_RESTART, 0);
    pthread_t thread = start(one_shot_waits, NULL);
    CHECK(sem_wait(&ready) == 0);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    others_run();
    give(wire[1], 1);
    join(thread);
    CHECK(sigaction(SIGUSR1, NULL, &now) == 0);
    printf("  default now: %d\n", now.sa_handler == SIG_DFL);
    return 0;
}
