/* Objects and results of calls lie in a page that is write-protected, as a
 * garbage collector's heap is, and the handler of SIGSEGV lets the write happen
 * and returns. The functions write there themselves, not the kernel, so each
 * call does what it should: sigaction(2), mprotect(2).
 */
#include "lib/check.h"

#include <semaphore.h>
#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static volatile sig_atomic_t handled;
static int ends[2];
static struct page {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_rwlock_t rwlock;
    sem_t semaphore;
    pthread_once_t once;
    pthread_t thread;
    void *result;
    int number;
    char buffer[1024];
    FILE *stream;
} *page;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(number == SIGSEGV && info->si_code == SEGV_ACCERR);
    CHECK((uintptr_t)info->si_addr - (uintptr_t)page < PAGE);
    handled++;
    CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
}

static void protect(void)
{
    CHECK(mprotect(page, PAGE, PROT_READ) == 0);
}

static void lock(void) { CHECK(pthread_mutex_lock(&page->mutex) == 0); }
static void unlock(void) { CHECK(pthread_mutex_unlock(&page->mutex) == 0); }
static void post(void) { CHECK(sem_post(&page->semaphore) == 0); }
static void wait_posted(void) { CHECK(sem_wait(&page->semaphore) == 0); }
static void try_in_vain(void) { CHECK(sem_trywait(&page->semaphore) == -1 && errno == EAGAIN); }
static void lock_to_read(void) { CHECK(pthread_rwlock_rdlock(&page->rwlock) == 0); }
static void unlock_rwlock(void) { CHECK(pthread_rwlock_unlock(&page->rwlock) == 0); }
static void nothing(void) { }
static void make_once(void) { CHECK(pthread_once(&page->once, nothing) == 0); }
static void signal_condition(void) { CHECK(pthread_cond_signal(&page->cond) == 0); }

static void wait_timed(void)
{
    struct timespec past = { 1, 0 };
    CHECK(pthread_mutex_lock(&page->mutex) == 0);
    protect();
    CHECK(pthread_cond_timedwait(&page->cond, &page->mutex, &past) == ETIMEDOUT);
    CHECK(pthread_mutex_unlock(&page->mutex) == 0);
}

static void *same(void *argument)
{
    return argument;
}

static void create(void)
{
    CHECK(pthread_create(&page->thread, NULL, same, page) == 0);
    protect();
    CHECK(pthread_join(page->thread, &page->result) == 0 && page->result == page);
}

static void take_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0);
    CHECK(sigwait(&set, &page->number) == 0 && page->number == SIGUSR1);
}

static void read_line(void)
{
    write_all(ends[1], "a line\n", 7);
    CHECK(fgets(page->buffer, sizeof page->buffer, page->stream) == page->buffer);
    CHECK(strcmp(page->buffer, "a line\n") == 0);
}

static void resolve_path(void)
{
    CHECK(realpath("/proc/..", page->buffer) == page->buffer && strcmp(page->buffer, "/") == 0);
}

static void tell_time(void)
{
    CHECK(clock_gettime(CLOCK_MONOTONIC, (struct timespec *)(void *)page->buffer) == 0);
}

static void *make_all(void *unused)
{
    static const struct { const char *name; void (*call)(void); int need_not_write; } calls[] = {
        { "sem_post", post, 0 }, { "sem_wait", wait_posted, 0 }, { "sem_trywait", try_in_vain, 1 },
        { "pthread_mutex_lock", lock, 0 }, { "pthread_mutex_unlock", unlock, 0 },
        { "pthread_rwlock_rdlock", lock_to_read, 0 }, { "pthread_rwlock_unlock", unlock_rwlock, 0 },
        { "pthread_once", make_once, 0 }, { "pthread_cond_signal", signal_condition, 1 },
        { "pthread_cond_timedwait", wait_timed, 0 }, { "pthread_create, pthread_join", create, 0 },
        { "sigwait", take_signal, 0 }, { "clock_gettime", tell_time, 0 }, { "fgets", read_line, 0 },
        { "realpath", resolve_path, 0 },
    };
    for (size_t i = 0; i < COUNT(calls); i++) {
        handled = 0;
        protect();
        calls[i].call();
        CHECK(handled > 0 || calls[i].need_not_write);
        printf("%s: right\n", calls[i].name);
        fflush(stdout);
    }
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0 && pipe(ends) == 0);
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    CHECK(pthread_mutex_init(&page->mutex, NULL) == 0 && pthread_cond_init(&page->cond, NULL) == 0);
    CHECK(pthread_rwlock_init(&page->rwlock, NULL) == 0 && sem_init(&page->semaphore, 0, 0) == 0);
    page->stream = fdopen(ends[0], "r");
    CHECK(page->stream);
    join(start(make_all, NULL));
    return 0;
}
