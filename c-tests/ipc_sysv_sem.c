/* semop() and semtimedop() that have to wait, for a value or for zero, stop the
 * calling thread alone. A signal handler interrupts them, with SA_RESTART too;
 * they are no cancellation points. What SEM_UNDO undoes is the process's:
 * semop(2), signal(7).
 */
#include "lib/beside.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/sem.h>

#include "lib/reaper.h"
#include "lib/other.h"
#include "lib/waits.h"

enum { A, B };

static int change(int number, int by, int flags)
{
    struct sembuf one = { (unsigned short)number, (short)by, (short)flags };
    return semop(object, &one, 1);
}

static int value(int number)
{
    int result = semctl(object, number, GETVAL);
    CHECK(result >= 0);
    return result;
}

static void set(int a, int b)
{
    CHECK(semctl(object, A, SETVAL, a) == 0 && semctl(object, B, SETVAL, b) == 0);
}

static void obey(char what)
{
    switch (what) {
    case '+': CHECK(change(A, 1, 0) == 0); break;
    case '-': CHECK(change(A, -1, 0) == 0); break;
    case 'u': CHECK(change(A, -1, SEM_UNDO) == 0); break;
    }
}

/* The kernel counts those that wait. */
static void one_waits(void *unused)
{
    (void)unused;
    while (semctl(object, A, GETNCNT) + semctl(object, A, GETZCNT) == 0)
        sched_yield();
}

static void all_zero(void *unused) { (void)unused; set(0, 0); }
static void one_each(void *unused) { (void)unused; set(1, 1); }
static void only_b(void *unused) { (void)unused; set(0, 1); }
static void thread_adds(void *unused) { (void)unused; CHECK(change(A, 1, 0) == 0); }
static void thread_takes(void *unused) { (void)unused; CHECK(change(A, -1, 0) == 0); }
static void process_adds(void *unused) { (void)unused; tell('+'); }
static void process_takes(void *unused) { (void)unused; tell('-'); }

static void process_takes_for_its_life(void *unused)
{
    set(1, 0);
    other_dies(unused);
    tell('u');
    CHECK(value(A) == 0);
}

static long take_a(void) { return change(A, -1, 0); }
static long zero_a(void) { return change(A, 0, 0); }

static long take_both(void)
{
    struct sembuf both[] = { { B, -1, 0 }, { A, -1, 0 } };
    CHECK(value(B) == 1);
    return semop(object, both, 2);
}

static long take_in_an_hour(void)
{
    struct sembuf one = { A, -1, 0 };
    return semtimedop(object, &one, 1, &(struct timespec){ 3600, 0 });
}

static struct wait waits[] = {
    { "semop, a thread adds", all_zero, take_a, one_waits, thread_adds, 0, 0 },
    { "semop, a process adds", all_zero, take_a, one_waits, process_adds, 0, 0 },
    { "semop, a process dies and gives back", process_takes_for_its_life, take_a, one_waits,
      other_dies, 0, 0 },
    { "semop to zero, a thread takes", one_each, zero_a, one_waits, thread_takes, 0, 0 },
    { "semop to zero, a process takes", one_each, zero_a, one_waits, process_takes, 0, 0 },
    { "semop on two", only_b, take_both, one_waits, thread_adds, 0, 0 },
    { "semtimedop", all_zero, take_in_an_hour, one_waits, process_adds, 0, 0 },
};

static void *take_with_undo(void *unused)
{
    CHECK(change(A, -1, SEM_UNDO) == 0);
    return unused;
}

static void undo(void)
{
    set(3, 0);
    join(start(take_with_undo, NULL));
    printf("the thread that took with SEM_UNDO has ended: %d of 3\n", value(A));
    CHECK(semctl(object, A, GETPID) == getpid());
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        join(start(take_with_undo, NULL));
        _exit(value(A));
    }
    printf("in a process with SEM_UNDO: %s\n", child_end(child));
    printf("that process has ended: %d\n", value(A));
}

static void *time_out(void *unused)
{
    struct sembuf take = { A, -1, 0 }, zero = { B, 0, 0 };
    struct timespec soon = { 0, 20000000 }, none = { 0, 0 }, bad = { 0, 1000000000 };
    double begin = seconds(CLOCK_MONOTONIC);
    FAILS(EAGAIN, semtimedop(object, &take, 1, &soon));
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.02);
    FAILS(EAGAIN, semtimedop(object, &zero, 1, &none));
    FAILS(EINVAL, semtimedop(object, &take, 1, &bad));
    return unused;
}

static void errors(void)
{
    struct sembuf take = { A, -1, 0 }, beyond = { 2, 1, 0 }, large = { A, SHRT_MAX, 0 };
    set(0, 1);
    join(start(time_out, NULL));
    FAILS(EAGAIN, change(A, -1, IPC_NOWAIT));
    FAILS(EAGAIN, change(B, 0, IPC_NOWAIT));
    FAILS(EFBIG, semop(object, &beyond, 1));
    FAILS(EINVAL, semop(object, &take, 0));
    FAILS(E2BIG, semop(object, &take, 1 << 20));
    FAILS(EFAULT, semop(object, (struct sembuf *)1, 1));
    CHECK(semop(object, &large, 1) == 0);
    FAILS(ERANGE, semop(object, &large, 1));
}

static void remove_set(int id)
{
    semctl(id, 0, IPC_RMID);
}

int main(void)
{
    CHECK((object = semget(IPC_PRIVATE, 2, 0600)) >= 0);
    remove_at_the_end(remove_set);
    in_four_ways(waits, COUNT(waits));
    undo();
    errors();

    set(0, 0);
    entered = 0;
    pthread_t waiter = start(make_call, &(struct wait){ .name = "semop", .call = take_a });
    one_waits(NULL);
    way = "removed";
    remove_set(object);
    join(waiter);
    FAILS(EINVAL, change(A, 1, 0));
    return 0;
}
