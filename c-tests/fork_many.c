/* Two threads fork 200 children while others exchange bytes through pipes and sockets,
 * allocate, write to a stream, and sleep. Each child has threads of its own,
 * allocates, writes what stdio holds exactly once by exit and never by _exit, and ends
 * with its own status; the work beside it loses nothing: fork(2), exit(3), _exit(2).
 */
#include "lib/check.h"
#include <stdatomic.h>

enum { FORKERS = 2, CHILDREN = 100, PAIRS = 2 };

static atomic_int is_over;
static int told[2];

/* A moment for the forkers, where there are few processors. */
static void pause_at(long step)
{
    const struct timespec moment = { 0, 200000 };
    if (step % 32 == 0)
        CHECK(nanosleep(&moment, NULL) == 0);
}

struct pair { int ends[2]; long sent, received; };

static void *echo(void *argument)
{
    struct pair *pair = argument;
    char byte;
    while (read(pair->ends[1], &byte, 1) == 1)
        give(pair->ends[1], (char)(byte + 1)), pair->received++;
    return NULL;
}

static void *ask(void *argument)
{
    struct pair *pair = argument;
    while (!atomic_load(&is_over)) {
        give(pair->ends[0], (char)pair->sent);
        CHECK(take(pair->ends[0]) == (char)(pair->sent + 1));
        pause_at(++pair->sent);
    }
    CHECK(shutdown(pair->ends[0], SHUT_WR) == 0);
    return NULL;
}

static void *allocate(void *unused)
{
    char *kept[16] = { NULL };
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        free(kept[i % 16]);
        CHECK((kept[i % 16] = malloc(100 + i * 37 % 5000)));
        kept[i % 16][99] = (char)i;
        pause_at(i);
    }
    for (int i = 0; i < 16; i++)
        free(kept[i]);
    return unused;
}

/* Without a buffer: a child that ends by exit would write a copy of it. */
static void *write_lines(void *unused)
{
    FILE *stream = tmpfile();
    long lines = 0, found = 0;
    int byte;
    CHECK(stream && setvbuf(stream, NULL, _IONBF, 0) == 0);
    for (; !atomic_load(&is_over); lines++) {
        CHECK(fprintf(stream, "%ld\n", lines) > 0);
        pause_at(lines);
    }
    rewind(stream);
    while ((byte = getc(stream)) != EOF)
        found += byte == '\n';
    CHECK(found == lines && fclose(stream) == 0);
    return unused;
}

static void *doze(void *unused)
{
    while (!atomic_load(&is_over))
        pause_at(0);
    return unused;
}

static void *count_up(void *number)
{
    for (int i = 0; i < 10; i++) {
        char *piece = malloc(3000);
        CHECK(piece);
        free(piece);
        sched_yield();
        ++*(int *)number;
    }
    return NULL;
}

/* What a child's stream holds goes out by exit alone. */
static void be_child(FILE *stream, int number)
{
    int counts[2] = { 0, 0 };
    CHECK(fprintf(stream, "child\n") == 6);
    if (number % 3 == 0) {
        pthread_t one = start(count_up, &counts[0]), two = start(count_up, &counts[1]);
        join(one), join(two);
        CHECK(counts[0] == 10 && counts[1] == 10);
    }
    if (number % 2)
        exit(number % 50);
    _exit(number % 50);
}

static void *fork_children(void *first)
{
    /* One stream for each forker, empty when it forks. */
    FILE *stream = fdopen(dup(told[1]), "w");
    CHECK(stream);
    for (int i = 0; i < CHILDREN; i++) {
        int status, number = (int)(long)first + i;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            be_child(stream, number);
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == number % 50);
    }
    CHECK(fclose(stream) == 0);
    return NULL;
}

int main(void)
{
    static struct pair pairs[PAIRS];
    static char text[FORKERS * CHILDREN * 6 + 1];
    thread_body *const beside[] = { allocate, write_lines, doze };
    pthread_t asking[PAIRS], echoing[PAIRS], others[COUNT(beside)], forkers[FORKERS];
    CHECK(pipe(told) == 0);
    for (int i = 0; i < PAIRS; i++) {
        if (i % 2)
            tcp_pair(pairs[i].ends);
        else
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i].ends) == 0);
        echoing[i] = start(echo, &pairs[i]);
        asking[i] = start(ask, &pairs[i]);
    }
    for (size_t i = 0; i < COUNT(beside); i++)
        others[i] = start(beside[i], NULL);

    for (long i = 0; i < FORKERS; i++)
        forkers[i] = start(fork_children, (void *)(i * CHILDREN));
    for (int i = 0; i < FORKERS; i++)
        join(forkers[i]);
    atomic_store(&is_over, 1);
    for (int i = 0; i < PAIRS; i++) {
        join(asking[i]), join(echoing[i]);
        CHECK(pairs[i].sent == pairs[i].received);
    }
    for (size_t i = 0; i < COUNT(beside); i++)
        join(others[i]);
    CHECK(wait(NULL) == -1 && errno == ECHILD && close(told[1]) == 0);
    size_t size = read_all(told[0], text, sizeof text);
    CHECK(size == FORKERS * CHILDREN / 2 * 6);
    for (size_t i = 0; i < size; i += 6)
        CHECK(memcmp(text + i, "child\n", 6) == 0);
    printf("%d children, %d told\n", FORKERS * CHILDREN, FORKERS * CHILDREN / 2);
    return 0;
}
