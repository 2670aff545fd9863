/* Where a file system lets itself be interrupted, a handler ends a call that
 * waits for it: the call fails with EINTR, with SA_RESTART too: signal(7),
 * fuse(4). Meanwhile other threads run.
 */
#include "lib/slow_fs.h"

static int file;
static char buffer[100];
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
}

static void handle(int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

static long opened(int descriptor)
{
    return descriptor < 0 ? -1 : close(descriptor);
}

static long call_read(void) { return pread(file, buffer, sizeof buffer, 0); }
static long call_write(void) { return pwrite(file, "A", 1, 0); }
static long call_fsync(void) { return fsync(file); }
static long call_open(void) { return opened(open("file", O_RDONLY)); }
static long call_stat(void) { return stat("file", &(struct stat){ 0 }); }
static long call_chmod(void) { return chmod("file", 0600); }
static long call_truncate(void) { return ftruncate(file, 11); }

static long call_fopen(void)
{
    FILE *stream = fopen("file", "r");
    return stream ? fclose(stream) : -1;
}

static long call_fgets(void)
{
    FILE *stream = fopen("file", "r");
    CHECK(stream);
    long result = fgets(buffer, sizeof buffer, stream) ? (long)strlen(buffer) : -1;
    int error = errno;
    CHECK(fclose(stream) == 0);
    errno = error;
    return result;
}

static const struct slow_call calls[] = {
    { "read", FUSE_READ, call_read },
    { "write", FUSE_WRITE, call_write },
    { "fsync", FUSE_FSYNC, call_fsync },
    { "open", FUSE_OPEN, call_open },
    { "stat", FUSE_GETATTR, call_stat },
    { "chmod", FUSE_SETATTR, call_chmod },
    { "ftruncate", FUSE_SETATTR, call_truncate },
    { "fopen", FUSE_OPEN, call_fopen },
    { "fgets", FUSE_READ, call_fgets },
};

/* The signal comes while the call waits. */
static void signal_in(const struct slow_call *call)
{
    struct slow_run run = { call, 0 };
    handled = 0;
    slow_fs_hold(call->opcode);
    pthread_t thread = start(slow_run_call, &run);
    slow_fs_held();
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    others_run();
    join(thread);
    CHECK(handled == 1);
}

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "a slow file");
    CHECK((file = open("file", O_RDWR)) >= 0);
    slow_fs_interruptible();
    for (int restart = 0; restart < 2; restart++) {
        handle(restart ? SA_RESTART : 0);
        puts(restart ? "with SA_RESTART" : "without SA_RESTART");
        for (size_t i = 0; i < COUNT(calls); i++)
            signal_in(&calls[i]);
    }
    slow_fs_stop();
    return 0;
}
