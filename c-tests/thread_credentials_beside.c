/* setuid(2) and its relatives change the credentials of every thread while some
 * of them wait for a slow file: inside libc, in a system call, for a lock. So they
 * do when a thread of libc's own calls them, a SIGEV_THREAD timer's: nptl(7),
 * timer_create(2).
 */
#include "lib/slow_file.h"
#include <grp.h>
#include <mntent.h>
#include <semaphore.h>

static char name[] = "/tmp/check-XXXXXX";
static sem_t changed;

static void change(void)
{
    gid_t groups[] = { getegid() };
    CHECK(setresuid(-1, geteuid(), -1) == 0);
    CHECK(setresgid(-1, getegid(), -1) == 0);
    int error = setgroups(1, groups) == 0 ? 0 : errno;
    CHECK(error == (geteuid() == 0 ? 0 : EPERM));
}

static void change_by_timer(union sigval unused)
{
    (void)unused;
    change();
    CHECK(sem_post(&changed) == 0);
}

static void *change_in_a_thread(void *unused)
{
    change();
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = change_by_timer };
    struct itimerspec soon = { { 0, 0 }, { 0, 1 } };
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
    CHECK(sem_wait(&changed) == 0);
    CHECK(timer_delete(timer) == 0);
    return unused;
}

static void open_table(void)
{
    FILE *table = setmntent(name, "r");
    CHECK(table);
    struct mntent *entry = getmntent(table);
    printf("a table: %s on %s\n", entry->mnt_fsname, entry->mnt_dir);
    CHECK(endmntent(table) == 1);
}

static void open_plainly(void)
{
    int file = open(name, O_RDONLY);
    printf("a file: %s\n", errno_name(file < 0 ? errno : 0));
    CHECK(close(file) == 0);
}

static void open_stream(void)
{
    FILE *stream = freopen(name, "r", fopen("/dev/null", "r"));
    printf("a stream: %c\n", fgetc(stream));
    CHECK(fclose(stream) == 0);
}

static void is_waiting(void *slow)
{
    opening_waits(slow);
    join(start(change_in_a_thread, NULL));
    change_in_a_thread(NULL);
}

/* The main thread waits, another one changes. */
static void *let_go(void *slow)
{
    opening_waits(slow);
    change_in_a_thread(NULL);
    opening_released(slow);
    return NULL;
}

int main(void)
{
    struct opening openings[] = {
        { "setmntent", name, open_table, 0 },
        { "open", name, open_plainly, 0 },
        { "freopen", name, open_stream, 0 },
    };
    CHECK(sem_init(&changed, 0, 0) == 0);
    int file = mkostemp(name, O_CLOEXEC);
    CHECK(file >= 0);
    write_all(file, "disk /home ext4 rw 0 0\n", 23);
    CHECK(close(file) == 0);
    for (size_t i = 0; i < COUNT(openings); i++) {
        openings[i].lease = hold_file(name);
        beside(openings[i].name, opening_made, is_waiting, opening_released, &openings[i]);
        openings[i].lease = hold_file(name);
        pthread_t other = start(let_go, &openings[i]);
        openings[i].call();
        join(other);
    }
    CHECK(unlink(name) == 0);
    return 0;
}
