/* Does things whose number is known, for those who count them:
 *
 *     counted known THREADS FSYNCS WAITS SLEEPS FILE
 *
 * THREADS threads that exist at once, and one after them that takes turns with
 * main: each waits WAITS times for a semaphore that the other posts only when
 * it has been waited for. SLEEPS times main sleeps, FSYNCS times it writes a
 * byte to FILE and has it synchronised.
 *
 *     counted idle|busy|blocking|plain
 *
 * Has a thread that waits for a semaphore, one that waits for a condition
 * variable and one that reads from an empty pipe; busy has one that computes
 * as well. Prints "ready", reads standard input until its end, and prints how
 * often its handler for SIGUSR2 and SIGQUIT was called. blocking: all its
 * threads block these two. plain: there is no handler.
 *
 *     counted fork THREADS
 *
 * Makes THREADS threads and lets them take turns; then, while one more thread
 * reads from an empty pipe, its child, whose number it prints, stops itself,
 * makes 3 threads, stops itself again, and ends.
 *
 * Follows sem_overview(7), fsync(2), nanosleep(2), fork(2), signal(7).
 */
#include "../lib/check.h"

#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { OF_CHILD = 3, TURNS = 500 };

static sem_t go, answer, all_there;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int over, ends[2];
static atomic_int stop, handled;
static atomic_ulong computed;

/* ---- known ---- */

static void *wait_for_all(void *unused)
{
    (void)unused;
    CHECK(sem_post(&all_there) == 0);
    pthread_mutex_lock(&lock);
    while (!over)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void end_of_waiting(void)
{
    pthread_mutex_lock(&lock);
    over = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void *take_turns(void *waits)
{
    for (long turn = 0; turn < (long)waits; turn++) {
        CHECK(sem_wait(&go) == 0);
        CHECK(sem_post(&answer) == 0);
    }
    return NULL;
}

static void turns_of_main(long waits)
{
    pthread_t other = start(take_turns, (void *)waits);
    for (long turn = 0; turn < waits; turn++) {
        CHECK(sem_post(&go) == 0);
        CHECK(sem_wait(&answer) == 0);
    }
    join(other);
}

static void have_threads(int count)
{
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    CHECK(threads);
    over = 0;
    for (int index = 0; index < count; index++)
        threads[index] = start(wait_for_all, NULL);
    for (int index = 0; index < count; index++)
        CHECK(sem_wait(&all_there) == 0);
    end_of_waiting();
    for (int index = 0; index < count; index++)
        join(threads[index]);
    free(threads);
}

static void known(char **arguments)
{
    have_threads(atoi(arguments[0]));
    turns_of_main(atol(arguments[2]));
    for (int sleeps = atoi(arguments[3]); sleeps > 0; sleeps--)
        CHECK(usleep(1000) == 0);
    int fd = open(arguments[4], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    for (int syncs = atoi(arguments[1]); syncs > 0; syncs--) {
        CHECK(write(fd, "x", 1) == 1);
        CHECK(fsync(fd) == 0);
    }
    close(fd);
}

/* ---- idle, busy, blocking, plain. (What follows a call keeps its frame.) ---- */

static void *waits_for_post(void *unused)
{
    (void)unused;
    CHECK(sem_wait(&go) == 0);
    return NULL;
}

static void *waits_for_change(void *unused)
{
    (void)unused;
    wait_for_all(NULL);
    CHECK(over);
    return NULL;
}

static void *reads_a_pipe(void *unused)
{
    (void)unused;
    char byte;
    CHECK(read(ends[0], &byte, 1) == 1);
    return NULL;
}

static void *computes(void *unused)
{
    (void)unused;
    while (!stop)
        computed++;
    CHECK(computed);
    return NULL;
}

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static void wait_as(const char *mode)
{
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR2);
    sigaddset(&both, SIGQUIT);
    struct sigaction action = {.sa_handler = count_signal};
    if (strcmp(mode, "plain") != 0) {
        CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
        CHECK(sigaction(SIGQUIT, &action, NULL) == 0);
    }
    if (strcmp(mode, "blocking") == 0)
        CHECK(pthread_sigmask(SIG_BLOCK, &both, NULL) == 0);
    CHECK(pipe(ends) == 0);
    void *(*functions[])(void *) = {waits_for_post, waits_for_change, reads_a_pipe, computes};
    int count = strcmp(mode, "busy") == 0 ? 4 : 3;
    pthread_t threads[4];
    for (int index = 0; index < count; index++)
        threads[index] = start(functions[index], NULL);
    CHECK(sem_wait(&all_there) == 0);
    while (count == 4 && !computed)
        sched_yield();
    puts("ready");
    fflush(stdout);

    char byte;
    ssize_t got;
    while ((got = read(0, &byte, 1)) == 1 || (got < 0 && errno == EINTR))
        continue;
    CHECK(got == 0);
    stop = 1;
    CHECK(sem_post(&go) == 0);
    end_of_waiting();
    CHECK(write(ends[1], "x", 1) == 1);
    for (int index = 0; index < count; index++)
        join(threads[index]);
    printf("handled %d\n", handled);
}

/* ---- fork ---- */

static void child(void)
{
    CHECK(raise(SIGSTOP) == 0);
    have_threads(OF_CHILD);
    CHECK(raise(SIGSTOP) == 0);
}

static void fork_after(int count)
{
    have_threads(count);
    turns_of_main(TURNS);
    CHECK(pipe(ends) == 0);
    pthread_t reader = start(reads_a_pipe, NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        child();
        exit(0);
    }
    printf("%d\n", (int)pid);
    fflush(stdout);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
    join(reader);
}

int main(int count, char **arguments)
{
    CHECK(count > 1);
    CHECK(sem_init(&go, 0, 0) == 0);
    CHECK(sem_init(&answer, 0, 0) == 0);
    CHECK(sem_init(&all_there, 0, 0) == 0);
    if (count == 7 && strcmp(arguments[1], "known") == 0)
        known(arguments + 2);
    else if (count == 3 && strcmp(arguments[1], "fork") == 0)
        fork_after(atoi(arguments[2]));
    else
        wait_as(arguments[1]);
    return 0;
}
