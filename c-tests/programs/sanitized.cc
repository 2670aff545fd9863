/* A program without mistakes, for sanitizers, which must not see one: threads
 * with deep stacks, longjmp, exceptions, pthread_exit and cancellation over
 * frames with arrays, stacks that are used again, and a fork whose child has
 * threads of its own: pthread_create(3), setjmp(3), fork(2).
 */
#include "../lib/expect.h"

#include <atomic>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>

enum { THREADS = 20, ROUNDS = 20, DEPTH = 400, SHORT_LIVED = 500 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long sum;
static std::atomic<int> caught;
static int gate[2];

__attribute__((noinline)) static int recurse(int depth)
{
    volatile char local[256];
    memset(const_cast<char *>(local), depth, sizeof local);
    if (depth % 40 == 0)
        sched_yield();
    int below = depth ? recurse(depth - 1) : 0;
    return local[depth % 256] == static_cast<char>(depth) ? below + 1 : below;
}

__attribute__((noinline)) static void throw_from(int depth)
{
    std::string local(40, 'x');
    char bytes[64];
    bytes[depth % 64] = 1;
    if (depth == 0)
        throw std::runtime_error(local + bytes[0]);
    sched_yield();
    throw_from(depth - 1);
}

__attribute__((noinline)) static void jump(jmp_buf *back)
{
    char bytes[5000];
    memset(bytes, 2, sizeof bytes);
    sched_yield();
    longjmp(*back, bytes[9]);
}

static void *work(void *number)
{
    for (int round = 0; round < ROUNDS; round++) {
        char *block = static_cast<char *>(malloc(100 + round));
        memset(block, 1, 100 + round);
        CHECK(pthread_mutex_lock(&mutex) == 0);
        sched_yield();
        sum += block[round];
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        free(block);
        try {
            throw_from(10);
        } catch (std::exception &) {
            caught++;
        }
        jmp_buf back;
        if (setjmp(back) == 0)
            jump(&back);
    }
    CHECK(recurse(DEPTH) == DEPTH + 1);
    return number;
}

static void *leave(void *result)
{
    std::string local(100, 'y');
    char bytes[3000];
    memset(bytes, 3, sizeof bytes);
    sched_yield();
    pthread_exit(result);
}

static void *wait_for_ever(void *unused)
{
    std::string local(100, 'z');
    char byte;
    CHECK(read(gate[0], &byte, 1) == 0);
    return unused;
}

static void *touch(void *unused)
{
    char bytes[20000];
    memset(bytes, 4, sizeof bytes);
    sched_yield();
    CHECK(const_cast<volatile char *>(bytes)[19999] == 4);
    return unused;
}

static void run_all(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(work, threads + i);
    for (int i = 0; i < THREADS; i++)
        CHECK(join_thread(threads[i]) == threads + i);
    for (int i = 0; i < SHORT_LIVED; i++) {
        join_thread(start_thread(touch, NULL));
        if (i % 10)
            continue;
        CHECK(join_thread(start_thread(leave, &sum)) == &sum);
        pthread_t waiting = start_thread(wait_for_ever, NULL);
        sched_yield();
        CHECK(pthread_cancel(waiting) == 0);
        CHECK(join_thread(waiting) == PTHREAD_CANCELED);
    }
}

int main()
{
    CHECK(pipe(gate) == 0);
    run_all();
    printf("sum %ld, caught %d\n", sum, caught.load());
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run_all();
        exit(9);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    printf("child: %d\n", WEXITSTATUS(status));
    return 0;
}
