/* A signal that comes while a call waits for a slow file, `file`: a table of calls, and the
 * handler's flags one after the other.
 *
 *   on_signal      the test's own handler of SIGUSR1
 *   signal_in      the test's own: makes one call and sends it
 *
 *   start_slow_file();
 *   signal_in_all();
 */
#ifndef SLOW_SIGNAL_H
#define SLOW_SIGNAL_H

#include "slow_fs.h"

static int file;
static char buffer[100];

static void on_signal(int number);
static void signal_in(const struct slow_call *call);

static inline void handle(int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

static inline long opened(int descriptor)
{
    return descriptor < 0 ? -1 : close(descriptor);
}

static inline long call_read(void) { return pread(file, buffer, sizeof buffer, 0); }
static inline long call_write(void) { return pwrite(file, "A", 1, 0); }
static inline long call_fsync(void) { return fsync(file); }
static inline long call_open(void) { return opened(open("file", O_RDONLY)); }
static inline long call_stat(void) { return stat("file", &(struct stat){ 0 }); }
static inline long call_chmod(void) { return chmod("file", 0600); }
static inline long call_truncate(void) { return ftruncate(file, 11); }

static inline long call_fopen(void)
{
    FILE *stream = fopen("file", "r");
    return stream ? fclose(stream) : -1;
}

static inline long call_fgets(void)
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

static inline void start_slow_file(void)
{
    slow_fs_start();
    slow_write_file("file", "a slow file");
    CHECK((file = open("file", O_RDWR)) >= 0);
}

static inline void signal_in_all(void)
{
    for (int restart = 0; restart < 2; restart++) {
        handle(restart ? SA_RESTART : 0);
        puts(restart ? "with SA_RESTART" : "without SA_RESTART");
        for (size_t i = 0; i < COUNT(calls); i++)
            signal_in(&calls[i]);
    }
}

#endif
