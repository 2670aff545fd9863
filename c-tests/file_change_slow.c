/* Changing a slow directory, or what a slow file system says of a file, stops
 * the thread that does it and no other: mkdir(2), rename(2), unlink(2),
 * link(2), symlink(2), chdir(2), chmod(2), chown(2), utimensat(2), mkstemp(3),
 * remove(3). Each call is held at its request to the file system, which then
 * fails, and once more, which is then answered.
 *
 * test: slow
 */
#include "lib/slow_fs.h"
#include <sys/time.h>
#include <utime.h>

static int file, directory;

static const struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
static const struct timeval old_times[2] = { { 1000, 0 }, { 2000, 0 } };

static long call_mkdir(void) { return mkdir("made", 0700); }
static long call_mkdirat(void) { return mkdirat(directory, "made", 0700); }
static long call_mkdir_again(void) { return mkdir("made", 0700); }
static long call_rmdir(void) { return rmdir("made"); }
static long call_rmdir_full(void) { return rmdir("directory"); }
static long call_rename(void) { return rename("file", "renamed"); }
static long call_renameat(void) { return renameat(AT_FDCWD, "renamed", directory, "file"); }
static long call_link(void) { return link("directory/file", "file"); }
static long call_linkat(void) { return linkat(AT_FDCWD, "file", directory, "name", 0); }
static long call_symlink(void) { return symlink("file", "symbolic"); }
static long call_symlinkat(void) { return symlinkat("file", directory, "symbolic"); }
static long call_mkfifo(void) { return mkfifo("fifo", 0600); }
static long call_mkfifoat(void) { return mkfifoat(directory, "fifo", 0600); }
static long call_mknod(void) { return mknod("node", S_IFREG | 0600, 0); }
static long call_mknodat(void) { return mknodat(directory, "node", S_IFREG | 0600, 0); }
static long call_unlink(void) { return unlink("symbolic"); }
static long call_unlinkat(void) { return unlinkat(directory, "symbolic", 0); }
static long call_unlinkat_dir(void) { return unlinkat(directory, "made", AT_REMOVEDIR); }
static long call_remove(void) { return remove("fifo"); }
static long call_remove_dir(void) { return remove("empty"); }

static long call_renameat2(void)
{
    return renameat2(AT_FDCWD, "node", AT_FDCWD, "moved", RENAME_NOREPLACE);
}

/* "..": the look-up and the permission are not asked for while it is held. */
static long call_chdir(void)
{
    long result = chdir("directory");
    return result ? result : chdir("..");
}

static long call_fchdir(void)
{
    long result = fchdir(directory);
    return result ? result : chdir("..");
}

static long call_chmod(void) { return chmod("file", 0640); }
static long call_fchmod(void) { return fchmod(file, 0600); }
static long call_fchmodat(void) { return fchmodat(AT_FDCWD, "file", 0640, 0); }
static long call_chown(void) { return chown("file", getuid(), getgid()); }
static long call_lchown(void) { return lchown("file", getuid(), getgid()); }
static long call_fchown(void) { return fchown(file, getuid(), getgid()); }
static long call_fchownat(void) { return fchownat(directory, "file", getuid(), getgid(), 0); }
static long call_utimensat(void) { return utimensat(AT_FDCWD, "file", times, 0); }
static long call_futimens(void) { return futimens(file, times); }
static long call_utimes(void) { return utimes("file", old_times); }
static long call_lutimes(void) { return lutimes("file", old_times); }
static long call_futimes(void) { return futimes(file, old_times); }
static long call_utime(void) { return utime("file", &(struct utimbuf){ 1000, 2000 }); }

static long opened(int descriptor)
{
    return descriptor < 0 ? -1 : close(descriptor);
}

static long call_mkstemp(void) { return opened(mkstemp((char[]){ "XXXXXX" })); }
static long call_mkostemp(void) { return opened(mkostemp((char[]){ "XXXXXX" }, O_APPEND)); }
static long call_mkstemps(void) { return opened(mkstemps((char[]){ "XXXXXX.c" }, 2)); }
static long call_mkdtemp(void) { return mkdtemp((char[]){ "XXXXXX" }) ? 0 : -1; }

static const struct slow_call calls[] = {
    { "mkdir", FUSE_MKDIR, call_mkdir },
    { "mkdir, exists", FUSE_LOOKUP, call_mkdir_again },
    { "mkdirat", FUSE_MKDIR, call_mkdirat },
    { "rmdir", FUSE_RMDIR, call_rmdir },
    { "rmdir, not empty", FUSE_RMDIR, call_rmdir_full },
    { "rename", FUSE_RENAME, call_rename },
    { "renameat", FUSE_RENAME, call_renameat },
    { "link", FUSE_LINK, call_link },
    { "linkat", FUSE_LINK, call_linkat },
    { "symlink", FUSE_SYMLINK, call_symlink },
    { "symlinkat", FUSE_SYMLINK, call_symlinkat },
    { "mkfifo", FUSE_MKNOD, call_mkfifo },
    { "mkfifoat", FUSE_MKNOD, call_mkfifoat },
    { "mknod", FUSE_MKNOD, call_mknod },
    { "mknodat", FUSE_MKNOD, call_mknodat },
    { "renameat2", FUSE_RENAME2, call_renameat2 },
    { "unlink", FUSE_UNLINK, call_unlink },
    { "unlinkat", FUSE_UNLINK, call_unlinkat },
    { "unlinkat, AT_REMOVEDIR", FUSE_RMDIR, call_unlinkat_dir },
    { "remove", FUSE_UNLINK, call_remove },
    { "remove, a directory", FUSE_RMDIR, call_remove_dir },
    { "chdir", FUSE_ACCESS, call_chdir },
    { "fchdir", FUSE_ACCESS, call_fchdir },
    { "chmod", FUSE_SETATTR, call_chmod },
    { "fchmod", FUSE_SETATTR, call_fchmod },
    { "fchmodat", FUSE_SETATTR, call_fchmodat },
    { "chown", FUSE_SETATTR, call_chown },
    { "lchown", FUSE_SETATTR, call_lchown },
    { "fchown", FUSE_SETATTR, call_fchown },
    { "fchownat", FUSE_SETATTR, call_fchownat },
    { "utimensat", FUSE_SETATTR, call_utimensat },
    { "futimens", FUSE_SETATTR, call_futimens },
    { "utimes", FUSE_SETATTR, call_utimes },
    { "lutimes", FUSE_SETATTR, call_lutimes },
    { "futimes", FUSE_SETATTR, call_futimes },
    { "utime", FUSE_SETATTR, call_utime },
    { "mkstemp", FUSE_CREATE, call_mkstemp },
    { "mkstemp, the name", FUSE_LOOKUP, call_mkstemp },
    { "mkostemp", FUSE_CREATE, call_mkostemp },
    { "mkstemps", FUSE_CREATE, call_mkstemps },
    { "mkdtemp", FUSE_MKDIR, call_mkdtemp },
};

int main(void)
{
    struct stat status;
    slow_fs_start();
    slow_write_file("file", "text");
    CHECK(mkdir("directory", 0700) == 0 && mkdir("empty", 0700) == 0);
    CHECK((file = open("file", O_RDWR)) >= 0);
    CHECK((directory = open("directory", O_RDONLY)) >= 0);
    slow_calls(calls, COUNT(calls));
    CHECK(stat("file", &status) == 0);
    printf("mode %o, %d names, modified %ld\n", status.st_mode, (int)status.st_nlink,
           (long)status.st_mtime);
    slow_fs_stop();
    return 0;
}
