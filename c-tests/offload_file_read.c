/* Eight threads read a file that was dropped from the page cache, by read()
 * and pread(): contents, positions and short reads at the end are those of any
 * file: read(2), posix_fadvise(2).
 */
#include "lib/check.h"

enum { THREADS = 8, SIZE = (4 << 20) + 123, PIECE = 70001 };

static char path[] = "/tmp/check-XXXXXX";

static void drop_cache(int file)
{
    CHECK(fdatasync(file) == 0);
    CHECK(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
}

static void *read_in_order(void *argument)
{
    static const int end = SIZE;
    unsigned char *piece = malloc(PIECE);
    int file = open(path, O_RDONLY);
    CHECK(piece && file >= 0);
    for (int at = 0; at < end; at += PIECE) {
        int rest = end - at < PIECE ? end - at : PIECE;
        CHECK(read(file, piece, PIECE) == rest);
        pattern_check(piece, (size_t)rest, (size_t)at);
    }
    CHECK(read(file, piece, PIECE) == 0);
    close(file);
    free(piece);
    return argument;
}

static void *read_from_end(void *argument)
{
    unsigned char *piece = malloc(PIECE);
    int file = *(int *)argument;
    CHECK(piece);
    for (int at = SIZE / PIECE * PIECE; at >= 0; at -= PIECE) {
        int rest = SIZE - at < PIECE ? SIZE - at : PIECE;
        CHECK(pread(file, piece, PIECE, at) == rest);
        pattern_check(piece, (size_t)rest, (size_t)at);
    }
    CHECK(pread(file, piece, PIECE, SIZE) == 0);
    free(piece);
    return argument;
}

int main(void)
{
    unsigned char *data = malloc(SIZE);
    int file = mkstemp(path);
    CHECK(data && file >= 0);
    pattern_fill(data, SIZE, 0);
    write_all(file, data, SIZE);
    free(data);
    CHECK(lseek(file, 5, SEEK_SET) == 5);

    drop_cache(file);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(i % 2 ? read_in_order : read_from_end, &file);
    others_run();
    drop_cache(file);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK(lseek(file, 0, SEEK_CUR) == 5);
    CHECK(unlink(path) == 0);
    printf("%d threads read %d bytes each\n", THREADS, SIZE);
    return 0;
}
