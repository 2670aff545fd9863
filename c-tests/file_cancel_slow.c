/* A thread that is cancelled while it waits for a disk ends when the disk has
 * answered. Whether a cancellation point then still yields its result depends
 * on the version of glibc; a call that is none does: pthreads(7),
 * pthread_cancel(3). Meanwhile other threads run.
 */
#include "lib/slow_fs.h"

static int file;
static char buffer[100];
static long result;
static size_t cleaned;

static void note_cleanup(void *unused)
{
    (void)unused;
    cleaned++;
}

static long call_read(void) { return read(file, buffer, sizeof buffer); }
static long call_pread(void) { return pread(file, buffer, sizeof buffer, 0); }
static long call_write(void) { return pwrite(file, "A", 1, 0); }
static long call_fsync(void) { return fsync(file); }
static long call_open(void) { return open("file", O_RDONLY); }
static long call_creat(void) { return creat("created", 0600); }
static long call_close(void) { return close(open("file", O_RDONLY)); }
static long call_stat(void) { return stat("file", &(struct stat){ 0 }); }
static long call_mkdir(void) { return mkdir("made", 0700); }
static long call_rename(void) { return rename("made", "renamed"); }
static long call_truncate(void) { return ftruncate(file, 5); }
static long call_opendir(void) { return closedir(opendir(".")); }

static const struct slow_call points[] = {
    { "read", FUSE_READ, call_read },
    { "pread", FUSE_READ, call_pread },
    { "pwrite", FUSE_WRITE, call_write },
    { "fsync", FUSE_FSYNC, call_fsync },
    { "open", FUSE_OPEN, call_open },
    { "creat", FUSE_CREATE, call_creat },
    { "close", FUSE_FLUSH, call_close },
};

static const struct slow_call others[] = {
    { "stat", FUSE_GETATTR, call_stat },
    { "mkdir", FUSE_MKDIR, call_mkdir },
    { "rename", FUSE_RENAME, call_rename },
    { "ftruncate", FUSE_SETATTR, call_truncate },
    { "opendir", FUSE_OPENDIR, call_opendir },
};

static void *run_call(void *argument)
{
    const struct slow_call *call = argument;
    pthread_cleanup_push(note_cleanup, NULL);
    result = call->call();
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel_in(const struct slow_call *call)
{
    slow_fs_hold(call->opcode);
    pthread_t thread = start(run_call, (void *)call);
    slow_fs_held();
    CHECK(pthread_cancel(thread) == 0);
    others_run();
    slow_fs_release();
    CHECK(join(thread) == PTHREAD_CANCELED);
}

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "a slow file");
    CHECK((file = open("file", O_RDWR)) >= 0);
    for (size_t i = 0; i < COUNT(points); i++) {
        cancel_in(&points[i]);
        printf("%s: cancelled\n", points[i].name);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        result = -2;
        cancel_in(&others[i]);
        printf("%s: %ld, then cancelled\n", others[i].name, result);
    }
    CHECK(cleaned == COUNT(points) + COUNT(others));
    slow_fs_stop();
    return 0;
}
