/* lio_listio that waits is no cancellation point in glibc: a thread that is
 * cancelled meanwhile, or was before, returns when the operations are done, and
 * acts on the request afterwards: lio_listio(3), pthread_cancel(3).
 */
#include "lib/check.h"
#include <aio.h>
#include <semaphore.h>

static pthread_barrier_t barrier;
static sem_t about_to_wait;
static int source[2], passed;
static char byte;
static struct aiocb operation, *operations[] = { &operation };

/* A barrier is no cancellation point. */
static void *list(void *unused)
{
    CHECK(sem_post(&about_to_wait) == 0);
    pthread_barrier_wait(&barrier);
    CHECK(lio_listio(LIO_WAIT, operations, 1, NULL) == 0);
    passed++;
    CHECK(aio_error(&operation) == 0 && aio_return(&operation) == 1 && byte == 'x');
    pthread_testcancel();
    CHECK(!"cancelled");
    return unused;
}

int main(void)
{
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0 && sem_init(&about_to_wait, 0, 0) == 0);
    CHECK(pipe(source) == 0);
    for (int before = 0; before <= 1; before++) {
        operation = (struct aiocb){ .aio_fildes = source[0], .aio_buf = &byte,
                                    .aio_nbytes = 1, .aio_lio_opcode = LIO_READ };
        pthread_t thread = start(list, NULL);
        CHECK(sem_wait(&about_to_wait) == 0);
        if (before)
            CHECK(pthread_cancel(thread) == 0);
        pthread_barrier_wait(&barrier);
        others_run();
        if (!before)
            CHECK(pthread_cancel(thread) == 0);
        others_run();
        CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY && passed == before);
        give(source[1], 'x');
        CHECK(join(thread) == PTHREAD_CANCELED);
        printf("cancelled %s: read, then cancelled\n", before ? "before" : "meanwhile");
    }
    return 0;
}
