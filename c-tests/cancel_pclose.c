/* pclose is no cancellation point in glibc: a request that came before, or that
 * comes while it waits for the command, acts afterwards, and neither the child
 * nor the stream is left: pclose(3), pthread_cancel(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static pthread_barrier_t barrier;
static sem_t about_to_wait;
static int status;

/* A barrier is no cancellation point. */
static void *close_command(void *command)
{
    CHECK(sem_post(&about_to_wait) == 0);
    pthread_barrier_wait(&barrier);
    status = pclose(command);
    pthread_testcancel();
    CHECK(!"cancelled");
    return NULL;
}

static void report(const char *name, pthread_t thread)
{
    CHECK(join(thread) == PTHREAD_CANCELED);
    printf("%s: the command's %s\n", name,
           status == -1 ? "end is lost" : WEXITSTATUS(status) == 3 ? "exit 3" : "?");
    printf("%s: %s\n", name,
           wait(NULL) == -1 && errno == ECHILD ? "no child is left" : "a child is left");
}

int main(void)
{
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0 && sem_init(&about_to_wait, 0, 0) == 0);
    FILE *command = popen("exit 3", "r");
    CHECK(command);
    status = -1;
    pthread_t thread = start(close_command, command);
    CHECK(sem_wait(&about_to_wait) == 0);
    CHECK(pthread_cancel(thread) == 0);
    pthread_barrier_wait(&barrier);
    report("cancelled before", thread);

    /* The command ends when the thread was cancelled. */
    char line[80];
    int go[2];
    CHECK(pipe(go) == 0);
    snprintf(line, sizeof line, "read word <&%d; exit 3", go[0]);
    CHECK((command = popen(line, "w")));
    status = -1;
    thread = start(close_command, command);
    CHECK(sem_wait(&about_to_wait) == 0);
    pthread_barrier_wait(&barrier);
    others_run();
    CHECK(pthread_cancel(thread) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(write(go[1], "go\n", 3) == 3);
    report("cancelled meanwhile", thread);
    return 0;
}
