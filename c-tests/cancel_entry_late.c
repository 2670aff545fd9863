/* Calls of glibc that look for a cancellation only when they have to wait: one
 * that came before does not keep them from taking what is there:
 * pthread_cancel(3), sem_clockwait(3), aio_suspend(3), lio_listio(3),
 * pthread_join(3).
 */
#include "lib/cancel_entry.h"
#include "lib/semaphores.h"
#include <aio.h>
#include <semaphore.h>

static sem_t available, *named;
static struct aiocb operation;
static struct aiocb *operations[] = { &operation };
static const struct timespec past = { 1, 0 };
static pthread_t ended[3];
static pid_t ended_id;
static char byte = 'x';

static void do_sem_clockwait(void)
{
    CHECK(sem_clockwait(&available, CLOCK_MONOTONIC, &past) == 0);
}

static void do_named_sem_clockwait(void)
{
    CHECK(sem_clockwait(named, CLOCK_MONOTONIC, &past) == 0);
}

static void do_aio_suspend(void)
{
    CHECK(aio_suspend((const struct aiocb **)operations, 1, NULL) == 0);
}

static void do_lio_listio(void)
{
    CHECK(lio_listio(LIO_NOWAIT, operations, 1, NULL) == 0);
}

static void do_pthread_join(void)
{
    CHECK(pthread_join(ended[0], NULL) == 0);
}

static void do_pthread_timedjoin_np(void)
{
    CHECK(pthread_timedjoin_np(ended[1], NULL, &past) == 0);
}

static void do_pthread_clockjoin_np(void)
{
    CHECK(pthread_clockjoin_np(ended[2], NULL, CLOCK_MONOTONIC, &past) == 0);
}

static const struct entry entries[] = {
    ENTRY(sem_clockwait), ENTRY(named_sem_clockwait), ENTRY(aio_suspend),
    ENTRY(pthread_join), ENTRY(pthread_timedjoin_np), ENTRY(pthread_clockjoin_np),
    ENTRY(lio_listio),
};

static void *end(void *unused)
{
    __atomic_store_n(&ended_id, gettid(), __ATOMIC_SEQ_CST);
    return unused;
}

/* The kernel, too, has to be through with it. */
static pthread_t ended_thread(void)
{
    __atomic_store_n(&ended_id, 0, __ATOMIC_SEQ_CST);
    pthread_t thread = start(end, NULL);
    pid_t id;
    while ((id = __atomic_load_n(&ended_id, __ATOMIC_SEQ_CST)) == 0
           || tgkill(getpid(), id, 0) == 0)
        sched_yield();
    return thread;
}

int main(void)
{
    int file = temporary_file(0);
    named = open_unlinked(1);
    CHECK(sem_init(&available, 0, 1) == 0);
    operation = (struct aiocb){ .aio_fildes = file, .aio_buf = &byte, .aio_nbytes = 1,
                                .aio_lio_opcode = LIO_WRITE };
    CHECK(lio_listio(LIO_WAIT, operations, 1, NULL) == 0);
    for (size_t i = 0; i < COUNT(ended); i++)
        ended[i] = ended_thread();

    cancel_at_entries(entries, COUNT(entries));

    printf("semaphores: %d and %d\n", value_of(&available), value_of(named));
    return 0;
}
