/* What C11 calls answer when they cannot do as asked, the storage destructors'
 * rounds, and cancellation, for glibc's C11 threads are POSIX threads: thrd_join
 * of a cancelled one gives -1. C11 7.26; pthread_cancel(3), pthread_join(3).
 */
#include "lib/c11.h"
#include <semaphore.h>

static sem_t about_to_wait;
static mtx_t mutex;
static cnd_t condition;
static tss_t stubborn;
static int wires[2], destroyed, handled;
static const struct timespec past = { 1, 0 }, too_long = { 1, 1000000000 };

static const char *result_name(int result)
{
    static const char *names[] = {
        [thrd_success] = "success", [thrd_busy] = "busy", [thrd_error] = "error",
        [thrd_nomem] = "nomem", [thrd_timedout] = "timedout",
    };
    return result >= 0 && (size_t)result < COUNT(names) ? names[result] : "unknown";
}

#define SHOW(call) printf("%s: %s\n", #call, result_name(call))

/* ---- threads -------------------------------------------------------------- */

static int join_itself(void *unused)
{
    (void)unused;
    SHOW(thrd_join(thrd_current(), NULL));
    return INT_MIN;
}

static int read_late(void *unused)
{
    (void)unused;
    return take(wires[0]) - 'x' - 1;
}

static void threads(void)
{
    printf("result: %s\n", join_c11(start_c11(join_itself, NULL)) == INT_MIN ? "INT_MIN" : "?");
    thrd_t thread = start_c11(read_late, NULL);
    SHOW(thrd_detach(thread));
    SHOW(thrd_detach(thread));
    SHOW(thrd_join(thread, NULL));
    give(wires[1], 'x');
    thread = start_c11(read_late, NULL);
    give(wires[1], 'x');
    printf("result: %d\n", join_c11(thread));
}

/* ---- mutexes --------------------------------------------------------------- */

static int use_held(void *unused)
{
    (void)unused;
    SHOW(mtx_unlock(&mutex));
    SHOW(mtx_trylock(&mutex));
    SHOW(mtx_timedlock(&mutex, &past));
    SHOW(mtx_timedlock(&mutex, &too_long));
    return 0;
}

static void mutexes(void)
{
    CHECK(mtx_init(&mutex, mtx_recursive | mtx_timed) == thrd_success);
    SHOW(mtx_unlock(&mutex));
    SHOW(mtx_timedlock(&mutex, &past));
    SHOW(mtx_timedlock(&mutex, &past));
    join_c11(start_c11(use_held, NULL));
    SHOW(mtx_unlock(&mutex));
    SHOW(mtx_unlock(&mutex));
    SHOW(mtx_unlock(&mutex));
    mtx_destroy(&mutex);
}

/* ---- storage ---------------------------------------------------------------- */

static void set_again(void *value)
{
    destroyed++;
    CHECK(tss_set(stubborn, value) == thrd_success);
}

static int set_storage(void *value)
{
    CHECK(tss_set(stubborn, value) == thrd_success);
    thrd_exit(destroyed);
}

static void storage(void)
{
    CHECK(tss_create(&stubborn, set_again) == thrd_success);
    CHECK(join_c11(start_c11(set_storage, &mutex)) == 0);
    printf("stubborn: %d calls, at most %d\n", destroyed, TSS_DTOR_ITERATIONS);
    tss_delete(stubborn);
    SHOW(tss_set(stubborn, &mutex));
    CHECK(tss_get(stubborn) == NULL);
}

/* ---- cancellation and signals ------------------------------------------------ */

static void unlock(void *unused)
{
    (void)unused;
    CHECK(mtx_unlock(&mutex) == thrd_success);
}

static int in_cnd_wait(void *timed)
{
    struct timespec limit = { LONG_MAX, 0 };
    CHECK(mtx_lock(&mutex) == thrd_success);
    pthread_cleanup_push(unlock, NULL);
    CHECK(sem_post(&about_to_wait) == 0);
    for (;;)
        CHECK((timed ? cnd_timedwait(&condition, &mutex, &limit)
               : cnd_wait(&condition, &mutex)) == thrd_success);
    pthread_cleanup_pop(1);
    return 0;
}

static int in_thrd_sleep(void *unused)
{
    (void)unused;
    CHECK(sem_post(&about_to_wait) == 0);
    thrd_sleep(&(struct timespec){ 3600, 0 }, NULL);
    return 0;
}

static int in_thrd_join(void *thread)
{
    CHECK(sem_post(&about_to_wait) == 0);
    thrd_join(*(thrd_t *)thread, NULL);
    return 0;
}

static void cancel(const char *name, thrd_start_t body, void *argument)
{
    thrd_t thread = start_c11(body, argument);
    CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    CHECK(pthread_cancel(thread) == 0);
    printf("%s: cancelled, %d\n", name, join_c11(thread));
}

static void handle(int number)
{
    (void)number;
    handled++;
}

static int sleep_interrupted(void *unused)
{
    (void)unused;
    struct timespec left = { 0, 0 };
    CHECK(sem_post(&about_to_wait) == 0);
    int result = thrd_sleep(&(struct timespec){ 3600, 0 }, &left);
    printf("thrd_sleep, interrupted: %d, most of the time left: %s\n", result,
           left.tv_sec > 3000 && left.tv_sec < 3601 ? "yes" : "no");
    return 0;
}

int main(void)
{
    CHECK(pipe(wires) == 0 && sem_init(&about_to_wait, 0, 0) == 0);
    threads();
    mutexes();
    storage();

    CHECK(mtx_init(&mutex, mtx_plain) == thrd_success);
    CHECK(cnd_init(&condition) == thrd_success);
    CHECK(mtx_lock(&mutex) == thrd_success);
    SHOW(cnd_timedwait(&condition, &mutex, &too_long));
    CHECK(mtx_unlock(&mutex) == thrd_success);
    cancel("cnd_wait", in_cnd_wait, NULL);
    cancel("cnd_timedwait", in_cnd_wait, &mutex);
    cancel("thrd_sleep", in_thrd_sleep, NULL);
    thrd_t reader = start_c11(read_late, NULL);
    cancel("thrd_join", in_thrd_join, &reader);
    give(wires[1], 'z');
    printf("its reader: %d\n", join_c11(reader));

    CHECK(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handle }, NULL) == 0);
    thrd_t sleeper = start_c11(sleep_interrupted, NULL);
    CHECK(sem_wait(&about_to_wait) == 0);
    /* It may not sleep yet, and then the handler comes too early. */
    while (pthread_tryjoin_np(sleeper, NULL) == EBUSY) {
        CHECK(pthread_kill(sleeper, SIGUSR1) == 0);
        others_run();
    }
    CHECK(handled > 0);
    return 0;
}
