/* A signal is kept for main, which does not get to run, while others flood the thread that
 * runs with a second signal, which main blocks. The frames of that one's handlers do not heap
 * up on the thread's stack: each ends before the next begins. Follows sigaction(2), signal(7).
 */
#include "lib/flood.h"
#include "lib/signals.h"

#include <sys/mman.h>

enum { ENOUGH = 2000, SENDERS = 2, DEEPEST = 64 * 1024 };

static int gate[2], main_waits, *go;
static volatile sig_atomic_t kept;
static long count;
static char *bottom;                    /* of the thread's own frames */
static pthread_t computing;
static pid_t own;

static void on_usr1(int number)
{
    char here;
    CHECK(number == SIGUSR1 && pthread_equal(pthread_self(), computing));
    CHECK(bottom - &here < DEEPEST);
    count++;
}

static void on_usr2(int number)
{
    CHECK(number == SIGUSR2);
    kept++;
}

/* In main: it waits here, with SIGUSR1 blocked. */
static void on_hup(int number)
{
    char byte;
    CHECK(number == SIGHUP);
    __atomic_store_n(&main_waits, 1, __ATOMIC_SEQ_CST);
    while (read(gate[0], &byte, 1) == -1)
        CHECK(errno == EINTR);
}

static void *compute(void *unused)
{
    char here;
    bottom = &here, computing = pthread_self();
    while (!__atomic_load_n(&main_waits, __ATOMIC_SEQ_CST))
        sched_yield();
    others_run();
    CHECK(kill(own, SIGUSR2) == 0);
    __atomic_store_n(go, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&count, __ATOMIC_SEQ_CST) < ENOUGH)
        continue;
    change_mask(SIG_BLOCK, SIGUSR1);
    give(gate[1], 'x');
    return unused;
}

int main(void)
{
    struct sigaction usr1 = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };
    struct sigaction usr2 = { .sa_handler = on_usr2 };
    struct sigaction hup = { .sa_handler = on_hup, .sa_mask = set_of(SIGUSR1, 0) };
    pid_t senders[SENDERS];
    own = getpid();
    go = mmap(NULL, sizeof *go, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(go != MAP_FAILED && pipe(gate) == 0);
    CHECK(sigaction(SIGUSR1, &usr1, NULL) == 0 && sigaction(SIGUSR2, &usr2, NULL) == 0);
    CHECK(sigaction(SIGHUP, &hup, NULL) == 0);
    for (int i = 0; i < SENDERS; i++)
        senders[i] = start_flood((struct flood){ .to = own, .number = SIGUSR1, .go = go });
    pthread_t thread = start(compute, NULL);
    /* The senders end while it is still blocked. */
    change_mask(SIG_BLOCK, SIGUSR1);
    CHECK(raise(SIGHUP) == 0);
    join(thread);
    for (int i = 0; i < SENDERS; i++)
        printf("a sender: %s\n", end_flood(senders[i]));
    printf("at least %d handlers, none too deep; SIGUSR2: %d\n", ENOUGH, (int)kept);
    return 0;
}
