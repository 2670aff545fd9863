/* Semaphores are shared with a forked child, whose threads wait and post as
 * those of its parent do: an unnamed one in shared memory and a named one that
 * was opened before the fork. A private one is each side's own afterwards:
 * sem_init(3), sem_open(3), fork(2).
 */
#include "lib/check.h"
#include "lib/semaphores.h"
#include <semaphore.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { PAIRS = 3, ROUNDS = 300 };

struct shared {
    sem_t there[PAIRS], back[PAIRS], places;
    int inside, most;
};

static struct shared *shared;
static sem_t *named, private;

static int add(int *number, int change)
{
    return __atomic_add_fetch(number, change, __ATOMIC_SEQ_CST);
}

static void visit(void)
{
    CHECK(sem_wait(&shared->places) == 0);
    int now = add(&shared->inside, 1);
    if (now > __atomic_load_n(&shared->most, __ATOMIC_SEQ_CST))
        __atomic_store_n(&shared->most, now, __ATOMIC_SEQ_CST);
    sched_yield();
    add(&shared->inside, -1);
    CHECK(sem_post(&shared->places) == 0);
}

static void *ask(void *argument)
{
    intptr_t pair = (intptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_post(&shared->there[pair]) == 0);
        CHECK(sem_wait(&shared->back[pair]) == 0);
        visit();
    }
    return NULL;
}

static void *answer(void *argument)
{
    intptr_t pair = (intptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&shared->there[pair]) == 0);
        visit();
        CHECK(sem_post(&shared->back[pair]) == 0);
    }
    return NULL;
}

static void run(thread_body *body)
{
    pthread_t threads[PAIRS];
    for (intptr_t i = 0; i < PAIRS; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < PAIRS; i++)
        join(threads[i]);
}

/* What the child takes of its own is still there in the parent. */
static int be_child(void)
{
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    CHECK(sem_trywait(&private) == 0 && sem_trywait(&private) == -1);
    run(answer);
    CHECK(sem_post(named) == 0);
    return 7;
}

static void *hold_up_nobody(void *unused)
{
    CHECK(sem_wait(named) == 0);
    return unused;
}

int main(void)
{
    named = open_unlinked(0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    for (int i = 0; i < PAIRS; i++)
        CHECK(sem_init(&shared->there[i], 1, 0) == 0 && sem_init(&shared->back[i], 1, 0) == 0);
    CHECK(sem_init(&shared->places, 1, 2) == 0 && sem_init(&private, 0, 1) == 0);

    pthread_t waiter = start(hold_up_nobody, NULL);
    others_run();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(be_child());
    run(ask);
    join(waiter);
    printf("the child: %s\n", child_end(child));

    int places, left;
    CHECK(sem_getvalue(&shared->places, &places) == 0 && sem_getvalue(&private, &left) == 0);
    printf("%d pairs, never more than 2 inside: %s, %d places, %d private\n", PAIRS,
           shared->most <= 2 ? "yes" : "no", places, left);
    CHECK(shared->most >= 1 && shared->inside == 0);
    return 0;
}
