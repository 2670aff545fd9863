/* A process forks while other threads are inside stdio: one in fgets on an empty pipe,
 * one in fprintf to a full one, one that holds a stream by flockfile. In the child the
 * forking thread has every stream to itself, as glibc's fork provides: it reads, writes
 * and closes them, with threads of its own, too. In the parent the three go on, and
 * nothing is lost or written twice: fork(2), flockfile(3).
 */
#include "lib/check.h"
#include "lib/unread.h"

enum { LONG = 300000, FORKS = 4 };

static FILE *in, *out, *held;
static int in_ends[2], out_ends[2], gate[2], is_held;

static void *read_line(void *unused)
{
    char line[32];
    CHECK(fgets(line, sizeof line, in) && strcmp(line, "for the parent\n") == 0);
    return unused;
}

static void *write_long(void *unused)
{
    char *text = malloc(LONG + 1);
    CHECK(text);
    memset(text, 'w', LONG);
    text[LONG] = '\0';
    CHECK(fprintf(out, "%s", text) == LONG && fflush(out) == 0);
    free(text);
    return unused;
}

static void *hold(void *unused)
{
    flockfile(held);
    __atomic_store_n(&is_held, 1, __ATOMIC_SEQ_CST);
    take(gate[0]);
    funlockfile(held);
    return unused;
}

/* These wait on the streams' locks in the parent. */
static void *read_too(void *unused)
{
    CHECK(getc(in) == 'x');
    return unused;
}

static void *hold_too(void *unused)
{
    CHECK(fputs("after", held) != EOF);
    return unused;
}

static void *use_streams(void *text)
{
    for (int i = 0; i < 1000; i++)
        CHECK(fprintf(held, "%s %d\n", (char *)text, i) > 0);
    return NULL;
}

static void be_child(int number)
{
    char line[32];
    static char text[8] = "child";
    /* The same descriptor numbers with other files behind: the parent's are not used up. */
    int mine[2], nothing = open("/dev/null", O_WRONLY);
    CHECK(pipe(mine) == 0 && dup2(mine[0], in_ends[0]) >= 0 && dup2(nothing, out_ends[1]) >= 0);
    CHECK(ftrylockfile(in) == 0 && ftrylockfile(out) == 0 && ftrylockfile(held) == 0);
    funlockfile(in), funlockfile(out), funlockfile(held);
    CHECK(write(mine[1], "one\ntwo\n", 8) == 8);
    CHECK(fgets(line, sizeof line, in) && strcmp(line, "one\n") == 0);
    CHECK(fgets(line, sizeof line, in) && strcmp(line, "two\n") == 0);
    CHECK(dup2(nothing, fileno(held)) >= 0);
    pthread_t one = start(use_streams, text), two = start(use_streams, text);
    others_run();
    join(one), join(two);
    CHECK(fclose(held) == 0 && fclose(in) == 0);
    printf("  child %d: streams are free\n", number);
    if (number % 2)
        exit(3);
    CHECK(fflush(stdout) == 0);
    _exit(3);
}

static void *fork_some(void *unused)
{
    for (int i = 0; i < FORKS; i++) {
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            be_child(i);
        CHECK(strcmp(child_end(child), "exit 3") == 0);
    }
    return unused;
}

static int is_free(FILE *stream)
{
    if (ftrylockfile(stream) != 0)
        return 0;
    funlockfile(stream);
    return 1;
}

int main(void)
{
    static char got[LONG + 100];
    char after[16] = "";
    CHECK(pipe(in_ends) == 0 && pipe(out_ends) == 0 && pipe(gate) == 0);
    CHECK((in = fdopen(in_ends[0], "r")) && (out = fdopen(out_ends[1], "w")) && (held = tmpfile()));
    pthread_t reader = start(read_line, NULL), writer = start(write_long, NULL);
    pthread_t holder = start(hold, NULL);
    while (unread(out_ends[0]) < 65536 || !__atomic_load_n(&is_held, __ATOMIC_SEQ_CST)
           || is_free(in))
        others_run();
    pthread_t second = start(read_too, NULL), third = start(hold_too, NULL);
    others_run();

    join(start(fork_some, NULL));
    fork_some(NULL);
    CHECK(write(in_ends[1], "for the parent\nx", 16) == 16);
    give(gate[1], 'x');
    CHECK(read_all(out_ends[0], got, LONG) == LONG);
    join(reader), join(writer), join(holder), join(second), join(third);
    CHECK(fclose(out) == 0 && read(out_ends[0], got, sizeof got) == 0);
    rewind(held);
    CHECK(fgets(after, sizeof after, held) && strcmp(after, "after") == 0);
    puts("parent: all went on");
    return 0;
}
