/*
 * tls_libc_state: what libc remembers for each thread is undisturbed by what
 * other threads do while it is parked: locale, dlerror, h_errno, and the
 * buffers of strerror, strsignal and inet_ntoa.  So are strtok_r and rand_r,
 * whose state the caller keeps.  A new thread finds nothing of those that ended.
 * Follows uselocale(3), dlerror(3), gethostbyname(3), strerror(3),
 * strsignal(3), inet_ntoa(3), strtok(3), rand(3), attributes(7).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <wchar.h>

enum { THREADS = 8, ROUNDS = 20, SUCCESSORS = 40 };

static locale_t utf8, posix;
static pthread_barrier_t barrier;

/* Everybody else does the same with other values before we go on. */
static void park(void)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
}

/* Threads change places with every round. */
static int own_locale(int number, int round)
{
    int use_utf8 = (number + round) % 2;
    uselocale(use_utf8 ? utf8 : posix);
    park();
    mbstate_t state = { 0 };
    wchar_t wide = 0;
    size_t length = mbrtowc(&wide, "\xe2\x82\xac", 3, &state);
    const char *codeset = nl_langinfo(CODESET);
    int right = use_utf8
        ? length == 3 && wide == 0x20ac && MB_CUR_MAX > 1 && strcmp(codeset, "UTF-8") == 0
        : length != 3 && MB_CUR_MAX == 1 && strcmp(codeset, "ANSI_X3.4-1968") == 0;
    right &= uselocale(LC_GLOBAL_LOCALE) == (use_utf8 ? utf8 : posix);
    park();
    return right && MB_CUR_MAX == 1 && strcmp(localeconv()->decimal_point, ".") == 0;
}

/* A character in two pieces, with a park in between; the state is the caller's. */
static int own_conversion(int number, int round)
{
    int which = (number + round) % 16;
    char text[2] = { (char)0xc3, (char)(0xa0 + which) };
    mbstate_t state = { 0 };
    wchar_t wide = 0;
    uselocale(utf8);
    int right = mbrtowc(&wide, text, 1, &state) == (size_t)-2;
    park();
    right &= mbrtowc(&wide, text + 1, 1, &state) == 1 && wide == 0xe0 + which;
    uselocale(LC_GLOBAL_LOCALE);
    return right;
}

static int own_buffers(int number, int round)
{
    struct in_addr address = { htonl(0x0a000000u + (unsigned)(number << 8 | round)) };
    int error = 5000 + 100 * number + round, signal = 500 + 100 * number + round;
    char expected[40];
    const char *failure = strerror(error), *sent = strsignal(signal), *dotted = inet_ntoa(address);
    park();
    snprintf(expected, sizeof expected, "Unknown error %d", error);
    int right = strcmp(failure, expected) == 0;
    snprintf(expected, sizeof expected, "Unknown signal %d", signal);
    right &= strcmp(sent, expected) == 0;
    snprintf(expected, sizeof expected, "10.0.%d.%d", number, round);
    return right && strcmp(dotted, expected) == 0;
}

/* A third of the threads succeed, in between: they have nothing to report. */
static int own_dlerror(int number, int round)
{
    char name[40];
    snprintf(name, sizeof name, "/no/such/library-%d-%d.so", number, round);
    int fail = (number + round) % 3 != 0;
    void *handle = dlopen(fail ? name : NULL, RTLD_NOW);
    park();
    const char *message = dlerror();
    if (!fail) {
        int right = handle && !message && dlclose(handle) == 0;
        park();
        return right;
    }
    int right = !handle && message && strstr(message, name);
    park();
    return right && strstr(message, name) && !dlerror();
}

static int own_h_errno(int number, int round)
{
    static const int errors[] = { HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA };
    int *address = &h_errno;
    h_errno = errors[(number + round) % 4];
    park();
    return h_errno == errors[(number + round) % 4] && &h_errno == address;
}

/* Word by word and number by number, with a park after the first; nobody else's come. */
static int own_arguments(int number, int round)
{
    char text[60], expected[20], *rest;
    unsigned seed = (unsigned)number, same = seed;
    int right = 1;
    snprintf(text, sizeof text, "word%d, %d;%d", number, round, number + round);
    char *word = strtok_r(text, ",; ", &rest);
    int drawn = rand_r(&seed);
    park();
    right &= rand_r(&same) == drawn && rand_r(&seed) == rand_r(&same);
    snprintf(expected, sizeof expected, "word%d", number);
    right &= strcmp(word, expected) == 0 && atoi(strtok_r(NULL, ",; ", &rest)) == round;
    right &= atoi(strtok_r(NULL, ",; ", &rest)) == number + round;
    return right && !strtok_r(NULL, ",; ", &rest);
}

static const struct {
    const char *what;
    int (*works)(int number, int round);
} state[] = {
    { "locale", own_locale },
    { "conversion", own_conversion },
    { "buffers", own_buffers },
    { "dlerror", own_dlerror },
    { "h_errno", own_h_errno },
    { "arguments", own_arguments },
};

enum { STATES = sizeof state / sizeof *state };

static int right_rounds[STATES];

static void *use(void *argument)
{
    int number = (int)(intptr_t)argument;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < STATES; i++)
            if (state[i].works(number, round))
                __atomic_fetch_add(&right_rounds[i], 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static const char *stale(void)
{
    if (dlerror())
        return "dlerror";
    if (h_errno != NETDB_SUCCESS)
        return "h_errno";
    if (uselocale(NULL) != LC_GLOBAL_LOCALE)
        return "locale";
    return NULL;
}

/* Ends with an error that nobody asks for. */
static void *look_and_leave(void *unused)
{
    const char *found = stale();
    (void)unused;
    strerror(7777);
    strsignal(7777);
    h_errno = NO_DATA;
    uselocale(utf8);
    dlopen("/no/such/library.so", RTLD_NOW);
    return (void *)found;
}

static void successors(void)
{
    const char *found = NULL;
    int first = 0;
    for (int i = 0; i < SUCCESSORS; i++) {
        const char *here = join_thread(start_thread(look_and_leave, NULL));
        if (here && !found) {
            found = here;
            first = i;
        }
    }
    if (found)
        printf("thread %d of %d: stale %s\n", first, SUCCESSORS, found);
    else
        printf("%d threads one after another: all fresh\n", SUCCESSORS);
    fflush(stdout);
    EXPECT(!found);
}

int main(void)
{
    pthread_t threads[THREADS];
    utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    posix = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    EXPECT(utf8 && posix);
    h_errno = TRY_AGAIN;

    OK(pthread_barrier_init(&barrier, NULL, THREADS));
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(use, (void *)i);
    EXPECT(!dlopen("/main/has/no/such.so", RTLD_NOW));
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    for (int i = 0; i < STATES; i++) {
        printf("%s: %d of %d right\n", state[i].what, right_rounds[i], THREADS * ROUNDS);
        EXPECT(right_rounds[i] == THREADS * ROUNDS);
    }
    successors();

    const char *message = dlerror();
    EXPECT(h_errno == TRY_AGAIN);
    int kept = message && strstr(message, "/main/has/no/such.so");
    printf("main's dlerror: %s\n", kept ? "kept" : "lost");
    EXPECT(kept && !dlerror());
    return 0;
}
