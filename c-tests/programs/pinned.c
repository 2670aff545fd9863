/* A thread that keeps its kernel thread busy, while another one could run, or could not:
 *
 *     pinned computing|call|inline|fault TIMES yield|timer|pipe|nobody
 *     pinned idle TIMES nobody
 *
 * TIMES times the holder holds for about HOLD_MS: it computes, has a memory file
 * allocated, sleeps by an inline system call that no library sees, or waits for a page
 * that another process brings (userfaultfd(2)). In between it lets the other one run.
 * That is runnable all the time, or has a timer that ends meanwhile, or a pipe that is
 * written to before, or waits for what comes only in the end. idle: everybody sleeps.
 *
 * Prints "held COUNT times, MAX ms at most, SUM ms together" as the holder saw it, or
 * "not possible: ...", and waits for the end of standard input. Follows fallocate(2),
 * memfd_create(2), userfaultfd(2), ioctl_userfaultfd(2), sched_yield(2), nanosleep(2).
 */
#include "../lib/check.h"

#include <linux/userfaultfd.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { HOLD_MS = 100, PAGE = 4096, MOST = 16 };

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static atomic_int is_over;
static int to_other[2], file = -1, faults = -1, times;
static off_t file_size = 64 << 20;
static char *pages;
static const char *who;
static sem_t never;

static double now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- ways to hold; the test looks for the lines with capitals ---- */

static __attribute__((noinline)) void compute(void)
{
    double end = now_ms() + HOLD_MS;
    while (now_ms() < end)
        for (volatile int i = 0; i < 1000000; i++) /* COMPUTING */
            ;
}

__attribute__((noinline)) void allocate(void)
{
    CHECK(fallocate(file, 0, 0, file_size) == 0); /* CALL */
    CHECK(ftruncate(file, 0) == 0);
}

static __attribute__((noinline)) void sleep_inline(void)
{
    struct timespec time = { 0, HOLD_MS * 1000000L };
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(SYS_nanosleep), "D"(&time), "S"(NULL) : "rcx", "r11", "memory"); /* INLINE */
    CHECK(result == 0);
}

static __attribute__((noinline)) void touch(int turn)
{
    CHECK(*(volatile char *)(pages + turn * PAGE) == 'p'); /* FAULT */
}

/* ---- what they need ---- */

/* So large that it takes long enough. (Before there is a second thread.) */
static void prepare_file(void)
{
    file = memfd_create("pinned", MFD_CLOEXEC);
    CHECK(file >= 0);
    for (; file_size < 2 << 29; file_size *= 2) {
        double begin = now_ms();
        allocate();
        if (now_ms() - begin > HOLD_MS)
            break;
    }
}

/* In a process of its own: each page is brought late. */
static void bring_pages(pid_t parent)
{
    char page[PAGE], done[MOST] = "";
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
    memset(page, 'p', sizeof page);
    for (int many = 0; many < times;) {
        struct uffd_msg message;
        CHECK(read(faults, &message, sizeof message) == sizeof message);
        uint64_t begin = message.arg.pagefault.address / PAGE * PAGE;
        size_t turn = (begin - (uint64_t)pages) / PAGE;
        /* A signal lets a fault be reported again. */
        if (message.event != UFFD_EVENT_PAGEFAULT || done[turn])
            continue;
        CHECK(usleep(HOLD_MS * 1000) == 0);
        struct uffdio_copy copy = { .dst = begin, .src = (uint64_t)page, .len = PAGE };
        CHECK(ioctl(faults, UFFDIO_COPY, &copy) == 0);
        done[turn] = 1;
        many++;
    }
    _exit(0);
}

static void prepare_faults(void)
{
    struct uffdio_api api = { .api = UFFD_API };
    faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (faults < 0) {
        printf("not possible: userfaultfd: %s\n", errno_name(errno));
        exit(0);
    }
    CHECK(ioctl(faults, UFFDIO_API, &api) == 0);
    pages = mmap(NULL, MOST * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    struct uffdio_register range = { .range = { (uint64_t)pages, MOST * PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
    CHECK(ioctl(faults, UFFDIO_REGISTER, &range) == 0);
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child == 0)
        bring_pages(parent);
}

/* ---- the two threads ---- */

static void *be_other(void *unused)
{
    (void)unused;
    while (!is_over) {
        if (strcmp(who, "yield") == 0)
            sched_yield();
        else if (strcmp(who, "timer") == 0)
            usleep(1000);
        else if (strcmp(who, "pipe") == 0)
            take(to_other[0]);
        else
            CHECK(sem_wait(&never) == 0);
    }
    return NULL;
}

/* Until the other one waits again, or has had its turn. */
static void let_other_run(void)
{
    for (int i = 0; i < 5; i++)
        usleep(2000);
}

static void hold(const char *what)
{
    double most = 0, sum = 0;
    for (int turn = 0; turn < times; turn++) {
        let_other_run();
        if (strcmp(who, "pipe") == 0)
            give(to_other[1], 'x');
        double begin = now_ms();
        if (strcmp(what, "computing") == 0)
            compute();
        else if (strcmp(what, "call") == 0)
            allocate();
        else if (strcmp(what, "inline") == 0)
            sleep_inline();
        else if (strcmp(what, "fault") == 0)
            touch(turn);
        else
            usleep(HOLD_MS * 1000);
        double took = now_ms() - begin;
        most = took > most ? took : most;
        sum += took;
    }
    printf("held %d times, %.1f ms at most, %.1f ms together\n", times, most, sum);
}

static void *be_holder(void *what)
{
    hold(what);
    return NULL;
}

int main(int count, char **arguments)
{
    CHECK(count == 4);
    char *what = arguments[1];
    times = atoi(arguments[2]);
    who = arguments[3];
    CHECK(times > 0 && times <= MOST);
    setvbuf(stdout, NULL, _IOLBF, 0);
    CHECK(pipe(to_other) == 0 && sem_init(&never, 0, 0) == 0);
    if (strcmp(what, "call") == 0)
        prepare_file();
    if (strcmp(what, "fault") == 0)
        prepare_faults();
    pthread_t other = start(be_other, NULL);
    join(start(be_holder, what));
    is_over = 1;
    give(to_other[1], 'x');
    CHECK(sem_post(&never) == 0);
    join(other);
    char byte;
    CHECK(read(0, &byte, 1) == 0);
    return 0;
}
