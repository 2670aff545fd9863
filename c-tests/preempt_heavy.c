/* Threads that live in libc let others run all the same: each works, in malloc, in memcpy, memset or strlen
 * of 1 MiB, in qsort with a comparison of its own or in snprintf, until another thread sets its flag. That
 * one sleeps for a millisecond again and again until it has seen the worker go on some times, so it must get
 * the processor as often. First one kind after the other, then all at once. What the calls give is looked at.
 * At last, the other thread must have found the string functions in the midst of a call most of the times:
 * they share nothing with anybody, so nothing is in the way of taking the processor from a thread there. Follows
 * sched(7), malloc(3), memcpy(3), memset(3), strlen(3), qsort(3), printf(3).
 *
 *     preempt_heavy [KIND]
 *
 * test: slow
 * test: seeds=2
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"

enum { BLOCK = 1 << 20, SEEN = 3, LOOKS = 20 };

/* Called through these, so that the compiler cannot do without the call. */
static void *(*volatile copy_bytes)(void *, const void *, size_t) = memcpy;
static void *(*volatile set_bytes)(void *, int, size_t) = memset;
static size_t (*volatile length_of)(const char *) = strlen;

static char text[BLOCK], copied[BLOCK], filled[BLOCK];
static volatile int in_call;            /* when there is one worker, in a string function */

static void allocate(unsigned round)
{
    static unsigned char *blocks[64];
    for (unsigned i = 0; i < COUNT(blocks); i++) {
        size_t size = 1 + (round * 37 + i * 101) % (i % 8 ? 3000 : 200000);
        CHECK((blocks[i] = malloc(size)));
        blocks[i][0] = blocks[i][size - 1] = (unsigned char)(round + i);
    }
    for (unsigned i = 0; i < COUNT(blocks); i++) {
        CHECK(blocks[i][0] == (unsigned char)(round + i));
        free(blocks[i]);
    }
}

static void copy(unsigned round)
{
    unsigned place = round * 7919 % (BLOCK - 1);
    copied[place] = 0;
    in_call = 1;
    void *result = copy_bytes(copied, text, BLOCK);
    in_call = 0;
    CHECK(result == copied && copied[place] == 'x' && copied[BLOCK - 1] == 0);
}

static void fill(unsigned round)
{
    char byte = (char)(round % 100);
    in_call = 1;
    void *result = set_bytes(filled, byte, BLOCK);
    in_call = 0;
    CHECK(result == filled && filled[0] == byte && filled[round * 7919 % BLOCK] == byte);
    CHECK(filled[BLOCK - 1] == byte);
}

static void measure(unsigned round)
{
    size_t skipped = round % 997;
    in_call = 1;
    size_t length = length_of(text + skipped);
    in_call = 0;
    CHECK(length == BLOCK - 1 - skipped);
}

static int compare(const void *left, const void *right)
{
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

static void sort(unsigned round)
{
    static int numbers[5000];
    for (unsigned i = 0; i < COUNT(numbers); i++)
        numbers[i] = (int)((i * 7919 + round) % 10007);
    qsort(numbers, COUNT(numbers), sizeof numbers[0], compare);
    for (unsigned i = 1; i < COUNT(numbers); i++)
        CHECK(numbers[i - 1] <= numbers[i]);
}

static void format(unsigned round)
{
    static char line[1000];
    int length = snprintf(line, sizeof line, "%500u %.30f %s", round, round / 8.0, "words");
    CHECK(length > 530 && (size_t)length < sizeof line && strcmp(line + length - 5, "words") == 0);
}

static struct kind {
    const char *name;
    void (*work)(unsigned round);
    int is_string, looks, found_in_call;
    sem_t begun;
    volatile unsigned rounds;
    volatile int flag;
    pthread_t worker, setter;
} kinds[] = {
    { .name = "malloc", .work = allocate },
    { .name = "qsort", .work = sort },
    { .name = "snprintf", .work = format },
    { .name = "memcpy", .work = copy, .is_string = 1 },
    { .name = "memset", .work = fill, .is_string = 1 },
    { .name = "strlen", .work = measure, .is_string = 1 },
};

static void *work_till_flag(void *argument)
{
    struct kind *kind = argument;
    CHECK(sem_post(&kind->begun) == 0);
    do
        kind->work(kind->rounds++);
    while (!kind->flag);
    return NULL;
}

static void *set_flag(void *argument)
{
    struct kind *kind = argument;
    CHECK(sem_wait(&kind->begun) == 0);
    for (int i = 0; i < kind->looks; i++) {
        unsigned before = kind->rounds;
        do
            nap(1);
        while (kind->rounds == before);
        kind->found_in_call += in_call;
    }
    kind->flag = 1;
    return NULL;
}

static void begin(struct kind *kind, int looks)
{
    kind->rounds = 0;
    kind->flag = 0;
    kind->looks = looks;
    kind->found_in_call = 0;
    CHECK(sem_init(&kind->begun, 0, 0) == 0);
    kind->worker = start(work_till_flag, kind);
    kind->setter = start(set_flag, kind);
}

static void end(struct kind *kind)
{
    join(kind->worker), join(kind->setter);
}

static void each(const char *only)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (!only || strcmp(only, kinds[i].name) == 0) {
            begin(&kinds[i], SEEN), end(&kinds[i]);
            printf("%s: its flag was set\n", kinds[i].name);
        }
}

static void all_at_once(void)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        begin(&kinds[i], SEEN);
    for (size_t i = 0; i < COUNT(kinds); i++)
        end(&kinds[i]);
    puts("all of them at once: all flags were set");
}

static void in_its_midst(struct kind *kind)
{
    begin(kind, LOOKS), end(kind);
    int most = kind->found_in_call > LOOKS / 2;
    printf("%s: %s\n", kind->name, most ? "others ran in the midst of a call" : "hardly ever in the midst");
    dprintf(2, "%s: %d of %d times in the midst\n", kind->name, kind->found_in_call, LOOKS);
    CHECK(most);
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    memset(text, 'x', sizeof text - 1);
    CHECK(setvbuf(stdout, NULL, _IOLBF, 0) == 0);       /* if it hangs, the lines before are there */
    each(only);
    if (!only)
        all_at_once();
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].is_string && (!only || strcmp(only, kinds[i].name) == 0))
            in_its_midst(&kinds[i]);
    return 0;
}
