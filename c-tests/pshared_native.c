/* Threads of this process and threads of another one, which runs natively, use
 * every kind of process-shared object at once: none is waited for in vain,
 * exclusion and turns hold among all of them, and who waits holds up nobody
 * else: pthread_mutexattr_setpshared(3), sem_overview(7).
 *
 * test: timeout=30
 */
#include "lib/pshared.h"
#include "lib/semaphores.h"

/* Turns go round among all threads of both sides; the rest is for pairs. */
enum { THREADS = 3, ALL = 2 * THREADS, TURNS = 120, ROUNDS = 200 };

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    sem_t places, turn[ALL];
    char ball[40], wall[40];
    int counter, turns, left, right, arrived, serials, inside, most, passes;
};

static struct shared *shared;
static sem_t *ball, *wall;

static int fetch(int *value) { return __atomic_load_n(value, __ATOMIC_SEQ_CST); }
static int add(int *value, int change) { return __atomic_add_fetch(value, change, __ATOMIC_SEQ_CST); }

static void use_mutex(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        lock_mutex(&shared->mutex);
        int seen = shared->counter;
        if (i % 10 == me)
            sched_yield();
        shared->counter = seen + 1;
        unlock_mutex(&shared->mutex);
    }
}

static void use_cond(int me)
{
    lock_mutex(&shared->mutex);
    while (shared->turns < TURNS * ALL) {
        if (shared->turns % ALL == me) {
            shared->turns++;
            CHECK(pthread_cond_broadcast(&shared->moved) == 0);
        } else {
            CHECK(pthread_cond_wait(&shared->moved, &shared->mutex) == 0);
        }
    }
    unlock_mutex(&shared->mutex);
}

static void use_rwlock(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % ALL == me) {
            CHECK(pthread_rwlock_wrlock(&shared->rwlock) == 0);
            shared->left++;
            sched_yield();
            shared->right++;
        } else {
            CHECK(pthread_rwlock_rdlock(&shared->rwlock) == 0);
            CHECK(shared->left == shared->right);
        }
        CHECK(pthread_rwlock_unlock(&shared->rwlock) == 0);
    }
}

static void use_barrier(int me)
{
    (void)me;
    for (int i = 1; i <= ROUNDS; i++) {
        add(&shared->arrived, 1);
        int result = pthread_barrier_wait(&shared->barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        int now = fetch(&shared->arrived);
        CHECK(now >= i * ALL && now <= (i + 1) * ALL);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            add(&shared->serials, 1);
    }
}

static void use_semaphores(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&shared->places) == 0);
        int now = add(&shared->inside, 1);
        CHECK(now <= 2);
        if (i % 10 == me)
            sched_yield();
        add(&shared->inside, -1);
        CHECK(sem_post(&shared->places) == 0);
    }
}

/* The token visits the threads in their order. */
static void use_ring(int me)
{
    struct timespec limit = in_an_hour();
    for (int i = 0; i < TURNS; i++) {
        CHECK((i % 2 ? sem_wait(&shared->turn[me]) : sem_timedwait(&shared->turn[me], &limit)) == 0);
        CHECK(shared->passes == i * ALL + me);
        shared->passes++;
        CHECK(sem_post(&shared->turn[(me + 1) % ALL]) == 0);
    }
}

/* The first half of the threads is this process's. */
static void use_named(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(me < THREADS ? ball : wall) == 0);
        CHECK(sem_post(me < THREADS ? wall : ball) == 0);
    }
}

static const struct object {
    const char *name;
    void (*use)(int me);
} objects[] = {
    { "mutex", use_mutex },
    { "condition", use_cond },
    { "rwlock", use_rwlock },
    { "barrier", use_barrier },
    { "semaphore", use_semaphores },
    { "semaphores in a ring", use_ring },
    { "named semaphores", use_named },
};

struct user {
    const struct object *object;
    int me;
};

static void *use_thread(void *argument)
{
    const struct user *user = argument;
    user->object->use(user->me);
    return NULL;
}

static void start_users(pthread_t threads[THREADS], struct user users[THREADS],
                        const struct object *object, int first)
{
    for (int i = 0; i < THREADS; i++) {
        users[i] = (struct user){ object, first + i };
        threads[i] = start(use_thread, &users[i]);
    }
}

static void join_users(pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
}

/* One at a time as told, then all at once. */
static int be_other(void)
{
    pthread_t threads[COUNT(objects)][THREADS];
    struct user users[COUNT(objects)][THREADS];
    CHECK((ball = sem_open(shared->ball, 0)) != SEM_FAILED);
    CHECK((wall = sem_open(shared->wall, 0)) != SEM_FAILED);
    give(PEER_WIRE, 'o');
    for (size_t i = 0; i < COUNT(objects); i++) {
        CHECK(take(PEER_WIRE) == 'n');
        start_users(threads[i], users[i], &objects[i], THREADS);
        join_users(threads[i]);
        give(PEER_WIRE, 'e');
    }
    CHECK(take(PEER_WIRE) == 'a');
    for (size_t i = 0; i < COUNT(objects); i++)
        start_users(threads[i], users[i], &objects[i], THREADS);
    for (size_t i = 0; i < COUNT(objects); i++)
        join_users(threads[i]);
    return 0;
}

static void check_and_reset(void)
{
    printf("  counted %d, turns %d, written %d and %d, serial %d, passes %d\n", shared->counter,
           shared->turns, shared->left, shared->right, shared->serials, shared->passes);
    shared->counter = shared->turns = shared->left = shared->right = 0;
    shared->arrived = shared->serials = shared->passes = 0;
}

static void make_objects(void)
{
    make_mutex(&shared->mutex, PTHREAD_MUTEX_NORMAL, SHARED);
    make_shared_cond(&shared->moved);
    make_shared_rwlock(&shared->rwlock);
    make_shared_barrier(&shared->barrier, ALL);
    CHECK(sem_init(&shared->places, 1, 2) == 0);
    for (int i = 0; i < ALL; i++)
        CHECK(sem_init(&shared->turn[i], 1, i == 0) == 0);
    ball = open_new(shared->ball, "ball");
    wall = open_new(shared->wall, "wall");
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, part_of(argc, argv) != NULL);
    if (part_of(argc, argv))
        return be_other();
    make_objects();
    struct peer other = start_part("other", NATIVE);
    CHECK(take(other.wire) == 'o');
    CHECK(sem_unlink(shared->ball) == 0 && sem_unlink(shared->wall) == 0);
    CHECK(sem_post(ball) == 0);

    pthread_t threads[COUNT(objects)][THREADS];
    struct user users[COUNT(objects)][THREADS];
    for (size_t i = 0; i < COUNT(objects); i++) {
        start_users(threads[i], users[i], &objects[i], 0);
        others_run();
        give(other.wire, 'n');
        others_run();
        join_users(threads[i]);
        CHECK(take(other.wire) == 'e');
        printf("%s\n", objects[i].name);
    }
    check_and_reset();

    for (size_t i = 0; i < COUNT(objects); i++)
        start_users(threads[i], users[i], &objects[i], 0);
    others_run();
    give(other.wire, 'a');
    others_run();
    for (size_t i = 0; i < COUNT(objects); i++)
        join_users(threads[i]);
    end_peer(other);
    puts("all at once");
    check_and_reset();
    return 0;
}
