/* preadv2(2) and pwritev2(2) are refused, altogether (a filter, a kernel before 4.6:
 * ENOSYS, EPERM) or with RWF_NOWAIT only (a file system or a kernel that does not
 * know it: EOPNOTSUPP, EINVAL). The program calls read(2), write(2) and pread(2),
 * which are not refused: they give what they always give, and wait for themselves.
 */
#include "lib/refuse.h"
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

enum { PAGES = 8, PAGE = 4096 };

static sem_t begun;
static int pipe_ends[2];

static void *read_one(void *unused)
{
    CHECK(sem_post(&begun) == 0);
    CHECK(take(pipe_ends[0]) == 'x');
    return unused;
}

static void *write_much(void *data)
{
    write_all(pipe_ends[1], data, 50 * PAGE);
    return data;
}

static void pipes(void)
{
    static char sent[50 * PAGE], got[50 * PAGE];
    pthread_t reader = start(read_one, NULL);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    give(pipe_ends[1], 'x');
    join(reader);
    pattern_fill(sent, sizeof sent, 0);
    pthread_t writer = start(write_much, sent);
    CHECK(read_all(pipe_ends[0], got, sizeof got) == sizeof got);
    pattern_check(got, sizeof got, 0);
    join(writer);
    puts("  a pipe: all is there");
}

static void counters(void)
{
    int counter = eventfd(5, 0);
    eventfd_t value;
    CHECK(counter >= 0 && eventfd_read(counter, &value) == 0 && value == 5);
    CHECK(eventfd_write(counter, 2) == 0 && close(counter) == 0);
    puts("  an eventfd: read and written");
}

static void files(void)
{
    static char data[PAGES * PAGE];
    int file = temporary_file(0);
    pattern_fill(data, sizeof data, 0);
    CHECK(write(file, data, sizeof data) == sizeof data && fsync(file) == 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(read(file, data, sizeof data) == sizeof data);
    pattern_check(data, sizeof data, 0);
    CHECK(pread(file, data, PAGE, PAGE) == PAGE);
    pattern_check(data, PAGE, PAGE);
    CHECK(pwrite(file, data, PAGE, 0) == PAGE && close(file) == 0);
    puts("  a file: read and written");
}

static void everything(void)
{
    others_run();
    pipes();
    counters();
    files();
}

static void refused_altogether(int error)
{
    refuse_all((struct refusal[]){ { .call = SYS_preadv2, .error = error },
                                   { .call = SYS_pwritev2, .error = error } }, 2);
}

static void refused_not_to_wait(int error)
{
    refuse_all((struct refusal[]){ { SYS_preadv2, error, HAS_FLAGS, 6, RWF_NOWAIT },
                                   { SYS_pwritev2, error, HAS_FLAGS, 6, RWF_NOWAIT } }, 2);
}

static void eopnotsupp(void) { refused_not_to_wait(EOPNOTSUPP), everything(); }
static void einval(void) { refused_not_to_wait(EINVAL), everything(); }
static void enosys(void) { refused_altogether(ENOSYS), everything(); }
static void eperm(void) { refused_altogether(EPERM), everything(); }
static void eperm_later(void) { everything(), refused_altogether(EPERM), everything(); }

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(pipe_ends) == 0);
    alone("RWF_NOWAIT: EOPNOTSUPP", eopnotsupp);
    alone("RWF_NOWAIT: EINVAL", einval);
    alone("ENOSYS", enosys);
    alone("EPERM", eperm);
    alone("EPERM after the first thread", eperm_later);
    return 0;
}
