/* Names of semaphores: which are refused; O_CREAT leaves one alone that exists;
 * the same name gives the same address until it is closed as often as it was
 * opened; after sem_unlink the name is free for another, and the old one lives
 * on: sem_open(3), sem_close(3), sem_unlink(3), sem_overview(7).
 */
#include "lib/check.h"
#include "lib/semaphores.h"
#include <semaphore.h>

static char name[64];
static sem_t *old, *new;

static const char *opened(const char *by, int flags, unsigned start_value)
{
    errno = 0;
    sem_t *semaphore = sem_open(by, flags, 0600, start_value);
    if (semaphore == SEM_FAILED)
        return errno_name(errno);
    CHECK(sem_close(semaphore) == 0);
    CHECK(sem_unlink(by) == 0);
    return "opened";
}

static void refused(void)
{
    char longest[NAME_MAX + 10] = "/";
    memset(longest + 1, 'x', NAME_MAX + 5);
    printf("nowhere: %s\n", opened(name, 0, 0));
    printf("no name: %s\n", opened("/", O_CREAT, 0));
    printf("a slash within: %s\n", opened("/no/where", O_CREAT, 0));
    printf("too long: %s\n", opened(longest, O_CREAT, 0));
    printf("value too great: %s\n", opened(name, O_CREAT, (unsigned)SEM_VALUE_MAX + 1));
    printf("greatest value: %s\n", opened(name, O_CREAT | O_EXCL, SEM_VALUE_MAX));
    printf("without a slash: %s\n", opened(name + 1, O_CREAT | O_EXCL, 0));
    FAILS(ENOENT, sem_unlink(name));
}

static void *wait_for_old(void *unused)
{
    CHECK(sem_wait(old) == 0);
    return unused;
}

static void *open_too(void *unused)
{
    (void)unused;
    return sem_open(name, 0);
}

int main(void)
{
    snprintf(name, sizeof name, "/check-names-%d", (int)getpid());
    refused();

    CHECK((old = sem_open(name, O_CREAT | O_EXCL, 0600, 2)) != SEM_FAILED);
    sem_t *again = sem_open(name, O_CREAT, 0600, 7), *without = sem_open(name + 1, 0);
    printf("opened three times: %s, value %d\n",
           again == old && join(start(open_too, NULL)) == old ? "the same" : "another",
           value_of(old));
    /* glibc goes by the name as it was given. */
    printf("without the slash: %s, value %d\n", without == old ? "the same" : "another",
           value_of(without));
    CHECK(sem_close(without) == 0);
    CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 7) == SEM_FAILED && errno == EEXIST);
    for (int i = 0; i < 2; i++)
        CHECK(sem_close(old) == 0);
    CHECK(sem_trywait(old) == 0 && sem_wait(old) == 0);
    FAILS(EAGAIN, sem_trywait(old));

    /* A thread waits for the old one while the name goes to a new one. */
    pthread_t waiter = start(wait_for_old, NULL);
    others_run();
    CHECK(sem_unlink(name) == 0);
    printf("unlinked: %s\n", join(start(open_too, NULL)) == SEM_FAILED ? "gone" : "there");
    CHECK((new = sem_open(name, O_CREAT | O_EXCL, 0600, 0)) != SEM_FAILED);
    CHECK(sem_unlink(name) == 0);
    printf("a new one: %s\n", new == old ? "the same" : "another");
    CHECK(sem_post(new) == 0 && value_of(new) == 1);
    others_run();
    CHECK(pthread_tryjoin_np(waiter, NULL) == EBUSY);
    CHECK(sem_post(old) == 0);
    join(waiter);
    printf("values: %d and %d\n", value_of(old), value_of(new));

    CHECK(sem_close(new) == 0 && sem_close(old) == 0);
    FAILS(EINVAL, sem_close(old));
    return 0;
}
