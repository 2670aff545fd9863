/* A program to which the kernel denies one system call, as in a sandbox: from
 * then on the call fails with EPERM. It creates four threads all the same; each
 * waits in read() for its number, and adds it to a sum under a mutex.
 *
 *     denial CALL         a name from the table below
 *     denial nothing
 *
 * Prints the kernel threads there are while all wait, and the sum: seccomp(2),
 * prctl(2), proc(5).
 */
#include "../lib/check.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { THREADS = 4 };

/* A call, and how big its second argument must be to be denied. */
static const struct denial {
    const char *name;
    unsigned number, least;
} denials[] = {
    { "arch_prctl", SYS_arch_prctl, 0 },
    { "epoll_create1", SYS_epoll_create1, 0 },
    { "eventfd2", SYS_eventfd2, 0 },
    { "madvise", SYS_madvise, 0 },
    { "mmap-16M", SYS_mmap, 16 << 20 },
    { "mmap-256M", SYS_mmap, 256 << 20 },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t about_to_read;
static int sum;

static void deny(const struct denial *denial)
{
    enum { LENGTH = offsetof(struct seccomp_data, args[1]) };
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denial->number, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LENGTH + 4),     /* upper half */
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, 2, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LENGTH),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, denial->least, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { COUNT(steps), steps };

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void deny_by_name(const char *name)
{
    for (size_t index = 0; index < COUNT(denials); index++)
        if (strcmp(name, denials[index].name) == 0) {
            deny(&denials[index]);
            return;
        }
    CHECK(strcmp(name, "nothing") == 0);
}

static int kernel_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");

    CHECK(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void *add(void *argument)
{
    CHECK(sem_post(&about_to_read) == 0);
    int number = take(*(int *)argument);
    pthread_mutex_lock(&lock);
    sum += number;
    pthread_mutex_unlock(&lock);
    return argument;
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    int ends[2];

    CHECK(count == 2);
    CHECK(pipe(ends) == 0 && sem_init(&about_to_read, 0, 0) == 0);
    deny_by_name(arguments[1]);
    for (int index = 0; index < THREADS; index++)
        threads[index] = start(add, &ends[0]);
    for (int index = 0; index < THREADS; index++)
        CHECK(sem_wait(&about_to_read) == 0);
    printf("kernel threads: %d\n", kernel_threads());
    for (int index = 0; index < THREADS; index++)
        give(ends[1], (char)(index + 1));
    for (int index = 0; index < THREADS; index++)
        join(threads[index]);
    printf("the sum is %d\n", sum);
    return 0;
}
