/* exit() in any thread and a return from main end the process at once, whatever the others
 * wait for: locks, conditions, semaphores, descriptors, a name server that does not answer,
 * a file's lock, a FIFO's opening, a child, a full pipe, and stdio: fgets on a pipe, fprintf to
 * a full one without a buffer, a held stream. The exit handlers run once, what stdio holds is written, and
 * helpers that work are no hindrance: exit(3), atexit(3).
 */
#include "lib/locked.h"
#include "lib/name_server.h"
#include "lib/unread.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/mman.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, own = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct name_server server;
static sem_t semaphore, *shared;
static int piped[2], full[2], full_stream[2];
static char fifo[40];
static FILE *in, *out, *held;

static void at_exit(void) { printf(", exit handler\n"); }

#define WAIT(name, call) \
    static void *name(void *unused) { call; CHECK(!"its wait ended"); return unused; }

WAIT(in_mutex, pthread_mutex_lock(&mutex))
WAIT(in_cond, pthread_mutex_lock(&own); for (;;) pthread_cond_wait(&condition, &own))
WAIT(in_rdlock, pthread_rwlock_rdlock(&lock))
WAIT(in_sem, sem_wait(&semaphore))
WAIT(in_shared_sem, sem_wait(shared))
WAIT(in_read, take(piped[0]))
WAIT(in_poll, struct pollfd one = { .fd = piped[0] }; one.events = POLLIN; poll(&one, 1, -1))
WAIT(in_write, static char bytes[200000]; write_all(full[1], bytes, sizeof bytes))
WAIT(in_flock, flock(description(), LOCK_EX))
WAIT(in_fifo, close(open(fifo, O_RDONLY)))
WAIT(in_wait, wait(NULL))
WAIT(in_fgets, char line[10]; fgets(line, sizeof line, in))
WAIT(in_fprintf, fprintf(out, "%0200000d", 1))
WAIT(in_flockfile, flockfile(held))
WAIT(in_sleep, sleep(3600))
WAIT(in_names, struct addrinfo *list; ask_name_server(&server);
     getaddrinfo("slow.example.org.", NULL, NULL, &list))

static thread_body *const waits[] = {
    in_mutex, in_cond, in_rdlock, in_sem, in_shared_sem, in_read, in_poll, in_write, in_flock, in_fifo,
    in_wait, in_fgets, in_fprintf, in_flockfile, in_sleep, in_names,
};

/* ---- ways to leave ---------------------------------------------------------------- */

static void *call_exit(void *unused)
{
    printf("  a thread leaves");
    exit(5);
    return unused;
}

static int by_thread(void) { join(start(call_exit, NULL)); return 99; }
static int by_main(void) { printf("  main leaves"); exit(5); }
static int by_return(void) { printf("  main returns"); return 5; }

static int by_last(void)
{
    start(call_exit, NULL);
    pthread_exit(NULL);
}

static void prepare(void)
{
    CHECK(pipe(piped) == 0 && pipe(full) == 0 && pipe(full_stream) == 0);
    snprintf(fifo, sizeof fifo, "/tmp/exit-waits-%d", getpid());
    CHECK(mkfifo(fifo, 0600) == 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && sem_init(shared, 1, 0) == 0 && sem_init(&semaphore, 0, 0) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_rwlock_wrlock(&lock) == 0);
    file = temporary_file(0);
    int other = description();
    CHECK(flock(other, LOCK_EX) == 0);
    CHECK((in = fdopen(piped[0], "r")) && (out = fdopen(full_stream[1], "w")) && (held = tmpfile()));
    /* What a buffer holds exit would have to write. */
    CHECK(setvbuf(out, NULL, _IONBF, 0) == 0);
    flockfile(held);
    fputs("held", held);
    open_name_server(&server);
    /* A child that lives as long as its parent. */
    int life[2];
    char byte;
    CHECK(pipe(life) == 0 && fflush(stdout) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        closefrom(life[1]);
        _exit(close(0) + close(1) + close(2) < 0 || read(life[0], &byte, 1) != 0);
    }
    CHECK(close(life[0]) == 0);
}

static int live(int (*leave)(void))
{
    prepare();
    CHECK(atexit(at_exit) == 0);
    for (size_t i = 0; i < COUNT(waits); i++)
        start(waits[i], NULL);
    take_query(&server);
    is_waiting(NULL);
    while (unread(full[0]) < 65536 || unread(full_stream[0]) < 65536)
        others_run();
    others_run();
    CHECK(unlink(fifo) == 0);
    return leave();
}

int main(void)
{
    static const struct { const char *name; int (*leave)(void); } ways[] = {
        { "exit in a thread", by_thread }, { "exit in main", by_main },
        { "return from main", by_return }, { "exit in a thread, main has gone", by_last },
    };
    for (size_t i = 0; i < COUNT(ways); i++) {
        puts(ways[i].name);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            return live(ways[i].leave);
        printf("  %s\n", child_end(child));
    }
    return 0;
}
