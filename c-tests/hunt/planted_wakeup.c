/* A fault to be found: who waits for an answer looks whether it has come before it takes the lock, and not again
 * (pthread_cond_wait(3p): the predicate belongs under the mutex). If the answer comes between the look and the wait, its
 * signal finds nobody, and the wait is for ever.
 *
 * Natively the window is some ten nanoseconds wide and an answer takes a millisecond, so the program passes. It hangs where
 * the waiting thread is switched at pthread_mutex_lock(3) and the other one does its work meanwhile.
 *
 * Exit status 0 and "8 answers", or 1 and "hangs" after two seconds (alarm(2)).
 */
#include "../lib/check.h"

enum { REQUESTS = 8 };

struct request {
    struct request *next;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    volatile int done;
    unsigned answer;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct request *first;
    int closing;
} queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0 };

static void hangs(int number)
{
    (void)number;
    CHECK(write(1, "hangs\n", 6) == 6);
    _exit(1);
}

/* A millisecond's work. */
static unsigned work(void)
{
    struct timespec begin, now;
    unsigned sum = 1;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        for (unsigned i = 0; i < 1000; i++)
            sum = (sum * 31 + i) | 1;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 1000000);
    return sum;
}

static void *serve(void *unused)
{
    for (;;) {
        pthread_mutex_lock(&queue.lock);
        while (!queue.first && !queue.closing)
            pthread_cond_wait(&queue.changed, &queue.lock);
        struct request *request = queue.first;
        if (request)
            queue.first = request->next;
        pthread_mutex_unlock(&queue.lock);
        if (!request)
            return unused;

        request->answer = work();
        pthread_mutex_lock(&request->lock);
        request->done = 1;
        pthread_cond_signal(&request->answered);
        pthread_mutex_unlock(&request->lock);
    }
}

static void submit(struct request *request)
{
    pthread_mutex_lock(&queue.lock);
    request->next = queue.first;
    queue.first = request;
    pthread_cond_signal(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static void await(struct request *request)
{
    if (!request->done) { /* the fault: it may be done by the time we wait */
        pthread_mutex_lock(&request->lock);
        pthread_cond_wait(&request->answered, &request->lock);
        pthread_mutex_unlock(&request->lock);
    }
}

int main(void)
{
    int answers = 0;

    CHECK(signal(SIGALRM, hangs) != SIG_ERR);
    alarm(2);
    pthread_t server = start(serve, NULL);
    for (int i = 0; i < REQUESTS; i++) {
        struct request request = { .lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER };
        submit(&request);
        await(&request);
        answers += request.answer != 0;
        pthread_mutex_lock(&request.lock); /* the server may still hold it */
        pthread_mutex_unlock(&request.lock);
    }
    pthread_mutex_lock(&queue.lock);
    queue.closing = 1;
    pthread_cond_signal(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    join(server);
    printf("%d answers\n", answers);
    return answers == REQUESTS ? 0 : 1;
}
