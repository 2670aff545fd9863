/* The file position belongs to the open file: dup'ed descriptors and threads
 * share it, and concurrent writes never overlap; O_APPEND always writes at
 * the end: read(2), write(2) ("BUGS"), lseek(2), open(2).
 */
#include "lib/check.h"

enum { WRITERS = 8, RECORDS = 100, RECORD = 16 };

static void *write_records(void *argument)
{
    int fd = *(int *)argument;
    for (int i = 0; i < RECORDS; i++) {
        char record[RECORD + 1];
        snprintf(record, sizeof record, "%-15lx\n",
                 (unsigned long)pthread_self());
        CHECK(write(fd, record, RECORD) == RECORD);
    }
    return NULL;
}

/* Every writer's records are all there, whole. */
static void share(int file)
{
    pthread_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start(write_records, &file);
    for (int i = 0; i < WRITERS; i++)
        join(writers[i]);

    enum { SIZE = WRITERS * RECORDS * RECORD };
    static char data[SIZE + 1];
    CHECK(lseek(file, 0, SEEK_CUR) == SIZE);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(read_all(file, data, sizeof data) == SIZE);
    for (int i = 0; i < WRITERS; i++) {
        char record[RECORD + 1];
        int found = 0;
        snprintf(record, sizeof record, "%-15lx\n", (unsigned long)writers[i]);
        for (int at = 0; at < SIZE; at += RECORD)
            found += memcmp(data + at, record, RECORD) == 0;
        CHECK(found == RECORDS);
    }
}

int main(void)
{
    char text[8];
    int file = temporary_file(0);
    CHECK(write(file, "0123456789", 10) == 10);
    CHECK(lseek(file, 2, SEEK_SET) == 2);
    CHECK(read(file, text, 3) == 3 && memcmp(text, "234", 3) == 0);
    int alias = dup(file);
    CHECK(read(alias, text, 2) == 2 && memcmp(text, "56", 2) == 0);
    CHECK(lseek(file, -1, SEEK_CUR) == 6);
    CHECK(write(alias, "X", 1) == 1);
    CHECK(lseek(file, 0, SEEK_CUR) == 7);
    CHECK(read(file, text, 8) == 3 && memcmp(text, "789", 3) == 0);
    CHECK(read(file, text, 8) == 0);
    CHECK(lseek(file, 5, SEEK_END) == 15);
    CHECK(read(file, text, 8) == 0);
    puts("position moves with reads and writes");

    int end = temporary_file(O_APPEND);
    CHECK(write(end, "one", 3) == 3);
    CHECK(lseek(end, 0, SEEK_SET) == 0);
    CHECK(write(end, "two", 3) == 3);
    CHECK(lseek(end, 0, SEEK_CUR) == 6);
    CHECK(pwrite(end, "six", 3, 0) == 3);
    CHECK(pread(end, text, 8, 3) == 6 && memcmp(text, "twosix", 6) == 0);
    puts("O_APPEND writes at the end");

    share(temporary_file(0));
    puts("shared position: nothing lost");
    share(temporary_file(O_APPEND));
    puts("shared O_APPEND: nothing lost");
    return 0;
}
