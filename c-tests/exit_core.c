/* A process that ends by abort, a fault or SIGQUIT while its threads wait and compute leaves
 * a core file where natively it does: the status says so, and the file is an ELF core file.
 * With a limit of 0, and in a process that is not dumpable, there is none. Follows core(5),
 * abort(3), wait(2), getrlimit(2), prctl(2).
 *
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"
#include "lib/check.h"
#include <dirent.h>
#include <elf.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { WAITING = 20 };

static int never[2], begun[2];

static void *waits(void *unused)
{
    CHECK(take(never[0]) == 'x');
    return unused;
}

static void aborts(void) { abort(); }
static void faults(void) { *(volatile int *)NULL = 1; }
static void is_told(void) { give(begun[1], 'b'), take(never[0]); }

static void *call(void *way)
{
    ((void (*)(void))way)();
    return NULL;
}

static void live(void (*way)(void), int in_thread, const struct rlimit *limit, int dumpable)
{
    CHECK(setrlimit(RLIMIT_CORE, limit) == 0 && prctl(PR_SET_DUMPABLE, dumpable) == 0);
    for (int i = 0; i < WAITING; i++)
        start(waits, NULL);
    others_run();
    begin_computing(1);
    if (in_thread)
        join(start(call, (void *)way));
    call((void *)way);
    _exit(99);
}

/* Every file of the directory is a core file, if any: they are removed. */
static const char *core_file(void)
{
    const char *found = "no file";
    struct dirent *entry;
    DIR *directory = opendir(".");
    CHECK(directory);
    while ((entry = readdir(directory))) {
        Elf64_Ehdr header = { .e_type = ET_NONE };
        if (entry->d_name[0] == '.')
            continue;
        int file = open(entry->d_name, O_RDONLY);
        CHECK(file >= 0);
        ssize_t size = read(file, &header, sizeof header);
        int whole = size == sizeof header && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_CORE;
        found = whole ? "a core file" : "a file";
        CHECK(close(file) == 0 && unlink(entry->d_name) == 0);
    }
    CHECK(closedir(directory) == 0);
    return found;
}

static const struct { const char *name; void (*way)(void); int is_told; } ways[] = {
    { "abort", aborts, 0 }, { "a fault", faults, 0 }, { "SIGQUIT", is_told, 1 },
};

int main(void)
{
    static const struct { const char *name; int no_limit, dumpable; } cases[] = {
        { "no limit", 1, 1 }, { "a limit of 0", 0, 1 }, { "not dumpable", 1, 0 },
    };
    char directory[] = "/tmp/check-XXXXXX";
    struct rlimit limit;
    CHECK(mkdtemp(directory) && chdir(directory) == 0);
    CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && pipe(never) == 0 && pipe(begun) == 0);
    for (size_t i = 0; i < COUNT(cases) * COUNT(ways) * 2; i++) {
        size_t which = i / 2 / COUNT(ways), way = i / 2 % COUNT(ways);
        int in_thread = i % 2, status;
        limit.rlim_cur = cases[which].no_limit ? limit.rlim_max : 0;
        printf("%s, %s in %s: ", cases[which].name, ways[way].name, in_thread ? "a thread" : "main");
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            live(ways[way].way, in_thread, &limit, cases[which].dumpable);
        if (ways[way].is_told) {
            CHECK(take(begun[0]) == 'b');
            CHECK(kill(child, SIGQUIT) == 0);
        }
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        printf("SIG%s, %s, %s\n", sigabbrev_np(WTERMSIG(status)), WCOREDUMP(status) ? "dumped" : "not dumped", core_file());
    }
    CHECK(chdir("/") == 0 && rmdir(directory) == 0);
    return 0;
}
