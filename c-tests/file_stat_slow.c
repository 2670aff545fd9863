/* Asking a slow file system about a file stops the thread that asks and no
 * other: stat(2), statx(2), access(2), readlink(2), realpath(3), getxattr(2),
 * statfs(2), lseek(2). Each call is held at one of its requests to the file
 * system, which then fails, and once more, which is then answered.
 *
 * test: slow
 */
#include "lib/slow_fs.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

static int file;
static struct stat status;
static struct stat64 status64;
static char buffer[PATH_MAX];

/* The calls give the size, where they yield one. */
static long sized(int result) { return result ? -1 : (long)status.st_size; }
static long sized64(int result) { return result ? -1 : (long)status64.st_size; }

static long call_stat(void) { return sized(stat("file", &status)); }
static long call_stat64(void) { return sized64(stat64("file", &status64)); }
static long call_lstat(void) { return sized(lstat("link", &status)); }
static long call_lstat64(void) { return sized64(lstat64("link", &status64)); }
static long call_fstat(void) { return sized(fstat(file, &status)); }
static long call_fstat64(void) { return sized64(fstat64(file, &status64)); }
static long call_missing(void) { return sized(stat("missing", &status)); }
static long call_through(void) { return sized(stat("file/", &status)); }

static long call_fstatat(void)
{
    return sized(fstatat(AT_FDCWD, "link", &status, AT_SYMLINK_NOFOLLOW));
}

static long call_fstatat64(void)
{
    return sized64(fstatat64(file, "", &status64, AT_EMPTY_PATH));
}

static long call_statx(void)
{
    struct statx status;
    return statx(AT_FDCWD, "file", 0, STATX_SIZE, &status) ? -1 : (long)status.stx_size;
}

static long call_access(void) { return access("file", R_OK | W_OK); }
static long call_faccessat(void) { return faccessat(AT_FDCWD, "file", R_OK, 0); }
static long call_euidaccess(void) { return euidaccess("file", R_OK); }
static long call_eaccess(void) { return eaccess("file", W_OK); }

static long call_faccessat_effective(void)
{
    return faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS);
}

static long call_readlink(void) { return readlink("link", buffer, sizeof buffer); }

static long call_readlinkat(void)
{
    return readlinkat(AT_FDCWD, "link", buffer, sizeof buffer);
}

/* Yields how much longer the path is than that of the directory. */
static long resolved(const char *path)
{
    size_t length = strlen(slow_directory);
    if (!path)
        return -1;
    CHECK(strncmp(path, slow_directory, length) == 0);
    return (long)(strlen(path) - length);
}

static long call_realpath(void) { return resolved(realpath("link", buffer)); }

static long call_canonicalize(void)
{
    char *path = canonicalize_file_name("link");
    long result = resolved(path);
    free(path);
    return result;
}

static long call_getxattr(void) { return getxattr("file", "user.a", buffer, 10); }
static long call_lgetxattr(void) { return lgetxattr("file", "user.a", buffer, 10); }
static long call_fgetxattr(void) { return fgetxattr(file, "user.a", buffer, 10); }
static long call_listxattr(void) { return listxattr("file", buffer, 10); }
static long call_flistxattr(void) { return flistxattr(file, buffer, 10); }
static long call_setxattr(void) { return setxattr("file", "user.a", "v", 1, 0); }
static long call_fsetxattr(void) { return fsetxattr(file, "user.a", "v", 1, 0); }
static long call_removexattr(void) { return removexattr("file", "user.a"); }

static struct statfs system_status;
static struct statvfs system_values;

static long call_statfs(void)
{
    return statfs("file", &system_status) ? -1 : (long)system_status.f_bfree;
}

static long call_fstatfs(void)
{
    return fstatfs(file, &system_status) ? -1 : (long)system_status.f_bfree;
}

static long call_statvfs(void)
{
    return statvfs("file", &system_values) ? -1 : (long)system_values.f_bfree;
}

static long call_fstatvfs(void)
{
    return fstatvfs(file, &system_values) ? -1 : (long)system_values.f_bfree;
}

static long call_pathconf(void) { return pathconf("file", _PC_LINK_MAX); }
static long call_seek_end(void) { return lseek(file, 0, SEEK_END); }
static long call_seek_data(void) { return lseek(file, 1, SEEK_DATA); }
static long call_seek_hole(void) { return lseek(file, 1, SEEK_HOLE); }

static const struct slow_call calls[] = {
    { "stat", FUSE_GETATTR, call_stat },
    { "stat, the name", FUSE_LOOKUP, call_stat },
    { "stat, no such file", FUSE_LOOKUP, call_missing },
    { "stat, not a directory", FUSE_LOOKUP, call_through },
    { "stat64", FUSE_GETATTR, call_stat64 },
    { "lstat", FUSE_GETATTR, call_lstat },
    { "lstat64", FUSE_GETATTR, call_lstat64 },
    { "fstat", FUSE_GETATTR, call_fstat },
    { "fstat64", FUSE_GETATTR, call_fstat64 },
    { "fstatat", FUSE_GETATTR, call_fstatat },
    { "fstatat64, AT_EMPTY_PATH", FUSE_GETATTR, call_fstatat64 },
    { "statx", FUSE_GETATTR, call_statx },
    { "access", FUSE_ACCESS, call_access },
    { "faccessat", FUSE_ACCESS, call_faccessat },
    { "faccessat, AT_EACCESS", FUSE_ACCESS, call_faccessat_effective },
    { "euidaccess", FUSE_ACCESS, call_euidaccess },
    { "eaccess", FUSE_ACCESS, call_eaccess },
    { "readlink", FUSE_READLINK, call_readlink },
    { "readlinkat", FUSE_READLINK, call_readlinkat },
    { "realpath", FUSE_READLINK, call_realpath },
    { "canonicalize_file_name", FUSE_READLINK, call_canonicalize },
    { "getxattr", FUSE_GETXATTR, call_getxattr },
    { "lgetxattr", FUSE_GETXATTR, call_lgetxattr },
    { "fgetxattr", FUSE_GETXATTR, call_fgetxattr },
    { "listxattr", FUSE_LISTXATTR, call_listxattr },
    { "flistxattr", FUSE_LISTXATTR, call_flistxattr },
    { "setxattr", FUSE_SETXATTR, call_setxattr },
    { "fsetxattr", FUSE_SETXATTR, call_fsetxattr },
    { "removexattr", FUSE_REMOVEXATTR, call_removexattr },
    { "statfs", FUSE_STATFS, call_statfs },
    { "fstatfs", FUSE_STATFS, call_fstatfs },
    { "statvfs", FUSE_STATFS, call_statvfs },
    { "fstatvfs", FUSE_STATFS, call_fstatvfs },
    { "pathconf", FUSE_STATFS, call_pathconf },
    { "lseek to the end", FUSE_GETATTR, call_seek_end },
    { "lseek to data", FUSE_LSEEK, call_seek_data },
    { "lseek to a hole", FUSE_LSEEK, call_seek_hole },
};

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "a slow file");
    CHECK(symlink("file", "link") == 0 && (file = open("file", O_RDONLY)) >= 0);
    slow_calls(calls, COUNT(calls));
    slow_fs_stop();
    return 0;
}
