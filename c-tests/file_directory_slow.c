/* Reading a slow directory stops the thread that reads and no other:
 * opendir(3), readdir(3), scandir(3), glob(3), nftw(3), fts(3), ftw(3). Each
 * call is held at one of its requests to the file system, which then fails,
 * and once more, which is then answered.
 *
 * test: slow
 */
#include "lib/slow_fs.h"
#include <fts.h>
#include <ftw.h>
#include <glob.h>

static DIR *stream;

/* The number of entries. */
static long count_entries(DIR *directory)
{
    long count = 0;
    errno = 0;
    while (readdir(directory))
        count++;
    return errno ? -1 : count;
}

static long count_and_close(DIR *directory)
{
    if (!directory)
        return -1;
    long count = count_entries(directory);
    int error = errno;
    CHECK(closedir(directory) == 0);
    errno = error;
    return count;
}

static long call_opendir(void) { return count_and_close(opendir("directory")); }

static long call_fdopendir(void)
{
    int directory = open("directory", O_RDONLY | O_DIRECTORY);
    DIR *opened = fdopendir(directory);
    return opened ? count_and_close(opened) : slow_closed(directory, -1);
}

static long call_rewinddir(void)
{
    rewinddir(stream);
    return count_entries(stream);
}

static long call_getdents64(void)
{
    char entries[2000];
    int directory = open("directory", O_RDONLY | O_DIRECTORY);
    CHECK(directory >= 0);
    return slow_closed(directory, getdents64(directory, entries, sizeof entries));
}

static long call_scandir(void)
{
    struct dirent **entries;
    int count = scandir("directory", &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        printf("scandir: %s\n", entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count;
}

/* What glob returns is not errno: GLOB_ABORTED and the like. */
static long globbed(const char *pattern, int flags)
{
    glob_t found;
    int error = glob(pattern, flags, NULL, &found);
    for (size_t i = 0; !error && i < found.gl_pathc; i++)
        printf("glob: %s\n", found.gl_pathv[i]);
    globfree(&found);
    return error;
}

static long call_glob(void) { return globbed("directory/*", GLOB_ERR); }
static long call_glob_deep(void) { return globbed("*/*", GLOB_MARK); }
static long call_glob_name(void) { return globbed("directory/a", 0); }

static long visited;

static int visit(const char *path, const struct stat *status, int type, struct FTW *level)
{
    (void)status;
    printf("nftw: %s, type %d, level %d\n", path, type, level->level);
    visited++;
    return 0;
}

static long walked(int flags)
{
    visited = 0;
    return nftw("directory", visit, 4, flags) ? -1 : visited;
}

static long call_nftw(void) { return walked(FTW_PHYS); }
static long call_nftw_depth(void) { return walked(FTW_DEPTH | FTW_CHDIR); }

static int visit_simply(const char *path, const struct stat *status, int type)
{
    (void)status;
    printf("ftw: %s, type %d\n", path, type);
    visited++;
    return 0;
}

static long call_ftw(void)
{
    visited = 0;
    return ftw("directory", visit_simply, 4) ? -1 : visited;
}

/* Errors of single files are in their entries. */
static long call_fts(void)
{
    char *paths[] = { "directory", NULL };
    long count = 0;
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return -1;
    for (FTSENT *entry; (entry = fts_read(tree)); count++)
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS)
            printf("fts: %s: %s\n", entry->fts_path, errno_name(entry->fts_errno));
    CHECK(fts_close(tree) == 0);
    return count;
}

static const struct slow_call calls[] = {
    { "opendir", FUSE_OPENDIR, call_opendir },
    { "opendir, its fstat", FUSE_GETATTR, call_opendir },
    { "readdir", FUSE_READDIR, call_opendir },
    { "fdopendir", FUSE_GETATTR, call_fdopendir },
    { "rewinddir, readdir", FUSE_READDIR, call_rewinddir },
    { "getdents64", FUSE_READDIR, call_getdents64 },
    { "scandir", FUSE_READDIR, call_scandir },
    { "scandir, its opendir", FUSE_OPENDIR, call_scandir },
    { "glob", FUSE_READDIR, call_glob },
    { "glob, its opendir", FUSE_OPENDIR, call_glob },
    { "glob, deep", FUSE_READDIR, call_glob_deep },
    { "glob, one name", FUSE_GETATTR, call_glob_name },
    { "nftw", FUSE_READDIR, call_nftw },
    { "nftw, its stat", FUSE_GETATTR, call_nftw },
    { "nftw, FTW_DEPTH", FUSE_OPENDIR, call_nftw_depth },
    { "ftw", FUSE_READDIR, call_ftw },
    { "ftw, its stat", FUSE_GETATTR, call_ftw },
    { "fts", FUSE_READDIR, call_fts },
    { "fts, its stat", FUSE_GETATTR, call_fts },
};

int main(void)
{
    slow_fs_start();
    CHECK(mkdir("directory", 0700) == 0 && mkdir("directory/deep", 0700) == 0);
    slow_write_file("directory/a", "text");
    slow_write_file("directory/b", "text");
    slow_write_file("directory/deep/c", "text");
    CHECK((stream = opendir("directory")) && count_entries(stream) == 3);
    slow_calls(calls, COUNT(calls));
    CHECK(closedir(stream) == 0);
    slow_fs_stop();
    return 0;
}
