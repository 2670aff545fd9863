/* Threads are created until the address space is used up: that is EAGAIN. Those
 * that exist go on, wait for each other and can be joined, and then there is room
 * again: pthread_create(3), setrlimit(2) (RLIMIT_AS).
 */
#include "lib/check.h"
#include "lib/usage.h"
#include <sys/resource.h>

enum { MOST = 4000, CYCLES = 3 };

static struct member {
    pthread_t thread;
    pthread_cond_t called;
    int pings, seen, leave;
} members[MOST];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static int answers;

/* Answers every ping, and leaves when told. No malloc: there may be nothing left. */
static void *stand_by(void *argument)
{
    struct member *member = argument;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!member->leave) {
        if (member->seen == member->pings) {
            CHECK(pthread_cond_wait(&member->called, &mutex) == 0);
            continue;
        }
        member->seen++;
        answers++;
        CHECK(pthread_cond_signal(&answered) == 0);
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return member;
}

static void ping_each(int count)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    answers = 0;
    for (int i = 0; i < count; i++) {
        members[i].pings++;
        CHECK(pthread_cond_signal(&members[i].called) == 0);
        while (answers <= i)
            CHECK(pthread_cond_wait(&answered, &mutex) == 0);
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

/* How many fit. All of them have answered once. */
static int create_all(const pthread_attr_t *attributes, int most)
{
    for (int i = 0; i < most; i++) {
        members[i] = (struct member){ .called = PTHREAD_COND_INITIALIZER };
        int error = pthread_create(&members[i].thread, attributes, stand_by, &members[i]);
        if (error) {
            CHECK(error == EAGAIN);
            ping_each(i);
            return i;
        }
    }
    ping_each(most);
    return most;
}

static void join_all(int count)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    for (int i = 0; i < count; i++) {
        members[i].leave = 1;
        CHECK(pthread_cond_signal(&members[i].called) == 0);
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    for (int i = 0; i < count; i++)
        CHECK(join(members[i].thread) == &members[i]);
}

/* ---- the limit ----------------------------------------------------------------- */

static void leave_room(rlim_t bytes)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max
                                            : memory_used().address_space + bytes;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void fill_up(const char *name, size_t stack, size_t room)
{
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, stack) == 0);
    join_all(create_all(&attributes, 1));   /* what is set up once is set up */
    leave_room(room);

    int first = 0;
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        int count = create_all(&attributes, MOST);
        CHECK(count > 0 && count < MOST);
        CHECK(count >= first / 2);          /* what the last cycle took is back */
        first = cycle ? first : count;
        pthread_t one_more;
        for (int i = 0; i < 20; i++)
            CHECK(pthread_create(&one_more, &attributes, stand_by, NULL) == EAGAIN);
        ping_each(count);
        join_all(count);
        printf("%s: EAGAIN, all answered and were joined\n", name);
    }

    leave_room(RLIM_INFINITY);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    CHECK(create_all(NULL, 50) == 50);
    others_run();
    join_all(50);
    printf("%s: 50 more without the limit\n", name);
}

int main(void)
{
    fill_up("stacks of 8 MiB", 8 << 20, 300 << 20);
    fill_up("stacks of 64 KiB", 64 << 10, 60 << 20);
    return 0;
}
