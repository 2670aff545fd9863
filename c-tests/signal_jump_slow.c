/* A handler leaves an open(2) that waits, by siglongjmp, time after time; another
 * one opens a slow file itself while the first open waits; a third one ends the
 * thread. Then files are opened as ever, and descriptors have the lowest numbers:
 * open(2), signal-safety(7), siglongjmp(3).
 */
#include "lib/slow_file.h"
#include <semaphore.h>
#include <setjmp.h>

static char name[] = "/tmp/check-XXXXXX", other_name[] = "/tmp/check-XXXXXX";
static sigjmp_buf back;
static sem_t jumped;
static int lease, other_lease;

enum { JUMPS = 20 };

static void leave(int number)
{
    siglongjmp(back, number);
}

static void open_other(int number)
{
    (void)number;
    int file = open(other_name, O_RDONLY);
    CHECK(file >= 0 && close(file) == 0);
}

static void end_thread(int number)
{
    (void)number;
    pthread_exit("ended");
}

static void on(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    CHECK(sigaction(number, &action, NULL) == 0);
}

/* Jumps out of one open after the other. */
static void *open_and_jump(void *unused)
{
    for (volatile int left = 0; left < JUMPS;) {
        if (sigsetjmp(back, 1) == 0) {
            int file = open(name, O_RDONLY);
            printf("opened, which must not be: %d\n", file);
        }
        left++;
        CHECK(sem_post(&jumped) == 0);
    }
    return unused;
}

static void jump(void)
{
    lease = hold_file(name);
    pthread_t thread = start(open_and_jump, NULL);
    await_opener(lease);
    for (int i = 0; i < JUMPS; i++) {
        others_run();
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        CHECK(sem_wait(&jumped) == 0);
    }
    join(thread);
    let_file_go(lease);
    printf("%d jumps\n", JUMPS);
}

static void *open_it(void *unused)
{
    int file = open(name, O_RDONLY);
    printf("open: %s\n", errno_name(file < 0 ? errno : 0));
    CHECK(file < 0 || close(file) == 0);
    return unused;
}

static void open_in_handler(void)
{
    lease = hold_file(name);
    other_lease = hold_file(other_name);
    pthread_t thread = start(open_it, NULL);
    await_opener(lease);
    others_run();
    CHECK(pthread_kill(thread, SIGUSR2) == 0);
    await_opener(other_lease);
    others_run();
    let_file_go(other_lease);
    others_run();
    let_file_go(lease);
    join(thread);
}

static void end_in_handler(void)
{
    lease = hold_file(name);
    pthread_t thread = start(open_it, NULL);
    await_opener(lease);
    others_run();
    CHECK(pthread_kill(thread, SIGALRM) == 0);
    others_run();
    let_file_go(lease);
    printf("%s\n", (char *)join(thread));
}

int main(void)
{
    int file = mkostemp(name, O_CLOEXEC), other = mkostemp(other_name, O_CLOEXEC);
    CHECK(file >= 0 && other >= 0 && close(file) == 0 && close(other) == 0);
    on(SIGUSR1, leave, 0);
    on(SIGUSR2, open_other, SA_RESTART);
    on(SIGALRM, end_thread, 0);
    CHECK(sem_init(&jumped, 0, 0) == 0);
    jump();
    open_in_handler();
    end_in_handler();
    int lowest = open(name, O_RDONLY);
    printf("descriptor %d\n", lowest);
    CHECK(close(lowest) == 0 && unlink(name) == 0 && unlink(other_name) == 0);
    return 0;
}
