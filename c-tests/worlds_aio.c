/* POSIX AIO: kernel threads of glibc's own execute the operations and run the
 * SIGEV_THREAD functions, which hand the results to the threads of
 * pthread_create through a queue: aio(7), aio_suspend(3), lio_listio(3),
 * sigevent(7).
 */
#include "lib/check.h"
#include <aio.h>
#include <semaphore.h>

enum { SUBMITTERS = 5, CONSUMERS = 3, BLOCKS = 40, SIZE = 3000, IN_FLIGHT = 16 };
enum { OPERATIONS = SUBMITTERS * BLOCKS };

struct operation {
    struct aiocb control;
    struct operation *next;
    size_t offset;              /* in the pattern that all files together hold */
    int is_read;
    unsigned char block[SIZE];
};

static struct operation operations[OPERATIONS];
static int files[SUBMITTERS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static struct operation *queue;
static int written, verified;
static sem_t free_places;

/* ---- a queue between the worlds --------------------------------------------- */

static void push(union sigval value)
{
    struct operation *operation = value.sival_ptr;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    operation->next = queue;
    queue = operation;
    CHECK(pthread_cond_signal(&arrived) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

/* Every block passes the queue twice; null after the last. */
static struct operation *pop(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!queue && written + verified < 2 * OPERATIONS)
        CHECK(pthread_cond_wait(&arrived, &mutex) == 0);
    struct operation *operation = queue;
    if (operation) {
        queue = operation->next;
        *(operation->is_read ? &verified : &written) += 1;
        if (written + verified == 2 * OPERATIONS)
            CHECK(pthread_cond_broadcast(&arrived) == 0);
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return operation;
}

static void *submit(void *argument)
{
    int number = *(int *)argument;
    for (int i = 0; i < BLOCKS; i++) {
        struct operation *operation = &operations[number * BLOCKS + i];
        CHECK(sem_wait(&free_places) == 0);
        operation->offset = (size_t)(number * BLOCKS + i) * SIZE;
        operation->control = (struct aiocb){
            .aio_fildes = files[number], .aio_offset = (off_t)i * SIZE,
            .aio_buf = operation->block, .aio_nbytes = SIZE,
            .aio_sigevent = { .sigev_notify = SIGEV_THREAD,
                              .sigev_notify_function = push,
                              .sigev_value.sival_ptr = operation },
        };
        pattern_fill(operation->block, SIZE, operation->offset);
        CHECK(aio_write(&operation->control) == 0);
    }
    return NULL;
}

/* What has been written is read back; what has been read is verified. */
static void *consume(void *unused)
{
    for (struct operation *operation; (operation = pop());) {
        CHECK(aio_error(&operation->control) == 0);
        CHECK(aio_return(&operation->control) == SIZE);
        if (operation->is_read) {
            pattern_check(operation->block, SIZE, operation->offset);
            CHECK(sem_post(&free_places) == 0);
        } else {
            operation->is_read = 1;
            memset(operation->block, 0, SIZE);
            CHECK(aio_read(&operation->control) == 0);
        }
    }
    return unused;
}

static void through_the_queue(void)
{
    pthread_t submitters[SUBMITTERS], consumers[CONSUMERS];
    int numbers[SUBMITTERS];
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = start(consume, NULL);
    for (int i = 0; i < SUBMITTERS; i++) {
        numbers[i] = i;
        files[i] = temporary_file(0);
        submitters[i] = start(submit, &numbers[i]);
    }
    others_run();
    for (int i = 0; i < SUBMITTERS; i++)
        join(submitters[i]);
    for (int i = 0; i < CONSUMERS; i++)
        join(consumers[i]);
    printf("written %d blocks, verified %d\n", written, verified);
}

/* ---- lists and waits -------------------------------------------------------- */

static void post(union sigval value)
{
    CHECK(sem_post(value.sival_ptr) == 0);
}

/* Reads the first block of every file, and waits in one of three ways. */
static void read_list(struct operation *mine, sem_t *listed, int way)
{
    struct aiocb *list[SUBMITTERS];
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = post,
        .sigev_value.sival_ptr = listed,
    };
    for (int i = 0; i < SUBMITTERS; i++) {
        list[i] = &mine[i].control;
        *list[i] = (struct aiocb){
            .aio_fildes = files[i], .aio_buf = mine[i].block, .aio_nbytes = SIZE,
            .aio_lio_opcode = LIO_READ, .aio_sigevent.sigev_notify = SIGEV_NONE,
        };
        memset(mine[i].block, 0, SIZE);
    }
    CHECK(lio_listio(way == 0 ? LIO_WAIT : LIO_NOWAIT, list, SUBMITTERS,
                     way == 0 ? NULL : &event) == 0);
    for (int i = 0; way == 1 && i < SUBMITTERS; i++)
        while (aio_error(list[i]) == EINPROGRESS)
            CHECK(aio_suspend((const struct aiocb *const *)&list[i], 1, NULL) == 0);
    if (way != 0)
        CHECK(sem_wait(listed) == 0);
    for (int i = 0; i < SUBMITTERS; i++) {
        CHECK(aio_error(list[i]) == 0 && aio_return(list[i]) == SIZE);
        pattern_check(mine[i].block, SIZE, (size_t)i * BLOCKS * SIZE);
    }
}

static void *read_lists(void *argument)
{
    sem_t listed;
    CHECK(sem_init(&listed, 0, 0) == 0);
    for (int i = 0; i < 12; i++)
        read_list(argument, &listed, i % 3);
    CHECK(sem_destroy(&listed) == 0);
    return NULL;
}

static void by_lists(void)
{
    pthread_t threads[SUBMITTERS];
    for (int i = 0; i < SUBMITTERS; i++)
        threads[i] = start(read_lists, &operations[i * BLOCKS]);
    for (int i = 0; i < SUBMITTERS; i++)
        join(threads[i]);
    printf("%d lists of %d reads\n", SUBMITTERS * 12, SUBMITTERS);
}

/* ---- an operation that waits for one of our threads --------------------------- */

static void from_a_pipe(void)
{
    struct operation *operation = &operations[0];
    int ends[2];
    sem_t done;
    CHECK(pipe(ends) == 0 && sem_init(&done, 0, 0) == 0);
    for (int i = 0; i < 20; i++) {
        operation->control = (struct aiocb){
            .aio_fildes = ends[0], .aio_buf = operation->block, .aio_nbytes = 1,
            .aio_sigevent = { .sigev_notify = SIGEV_THREAD,
                              .sigev_notify_function = post,
                              .sigev_value.sival_ptr = &done },
        };
        CHECK(aio_read(&operation->control) == 0);
        others_run();
        CHECK(aio_error(&operation->control) == EINPROGRESS);
        give(ends[1], (char)('a' + i));
        CHECK(sem_wait(&done) == 0 && aio_return(&operation->control) == 1);
        CHECK(operation->block[0] == 'a' + i);
    }
    puts("20 bytes from a pipe");
}

int main(void)
{
    CHECK(sem_init(&free_places, 0, IN_FLIGHT) == 0);
    through_the_queue();
    by_lists();
    from_a_pipe();
    return 0;
}
