/* A file grows past RLIMIT_FSIZE: the thread that tries is sent SIGXFSZ, which kills the
 * process by default, or runs its handler in that thread; then, and where the signal is
 * ignored, the call fails with EFBIG. What fits is written. getrlimit(2), write(2),
 * truncate(2), signal(7), POSIX on write().
 */
#include "lib/refuse.h"
#include "lib/signals.h"

enum { MOST = 8192 };

static int file;
static char data[2 * MOST];
static pthread_t growing;
static volatile sig_atomic_t handled, elsewhere;

static void count(int number)
{
    handled += number == SIGXFSZ;
    elsewhere += !pthread_equal(pthread_self(), growing);
}

static ssize_t by_write(void) { return write(file, data, sizeof data); }
static ssize_t by_pwrite(void) { return pwrite(file, data, sizeof data, MOST); }
static ssize_t by_ftruncate(void) { return ftruncate(file, sizeof data); }
static ssize_t by_fallocate(void) { return fallocate(file, 0, 0, sizeof data); }

/* A file that has just been written out. */
static ssize_t after_fsync(void)
{
    CHECK(write(file, data, 10) == 10 && fsync(file) == 0);
    return pwrite(file, data, sizeof data, MOST);
}

static ssize_t by_fflush(void)
{
    FILE *stream = fdopen(dup(file), "w");
    CHECK(stream && fseek(stream, MOST, SEEK_SET) == 0 && fputs("more", stream) >= 0);
    ssize_t result = fflush(stream);
    int error = errno;
    fclose(stream);
    errno = error;
    return result;
}

static void *grow(void *call)
{
    growing = pthread_self();
    ssize_t result = (*(ssize_t (**)(void))call)();
    int error = result == -1 ? errno : 0;
    printf("    %zd %s, handled %d, elsewhere %d\n", result, errno_name(error), handled, elsewhere);
    return NULL;
}

static ssize_t (*call)(void);

static void begin(void)
{
    file = temporary_file(0);
    limit(RLIMIT_FSIZE, MOST);
    join(start(grow, &call));
}

static void by_default(void) { begin(); }
static void ignored(void) { CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR); begin(); }
static void with_handler(void) { CHECK(signal(SIGXFSZ, count) != SIG_ERR); begin(); }
static void blocked(void) { change_mask(SIG_BLOCK, SIGXFSZ), begin(); }

int main(void)
{
    const struct { const char *name; ssize_t (*call)(void); } ways[] = {
        { "write", by_write }, { "pwrite", by_pwrite }, { "pwrite after fsync", after_fsync },
        { "ftruncate", by_ftruncate }, { "fallocate", by_fallocate }, { "fflush", by_fflush },
    };
    limit(RLIMIT_CORE, 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        printf("%s\n", ways[i].name);
        call = ways[i].call;
        alone("  ignored", ignored);
        alone("  a handler", with_handler);
        alone("  blocked", blocked);
        alone("  by default", by_default);
    }
    return 0;
}
