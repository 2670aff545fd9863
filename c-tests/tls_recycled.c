/*
 * tls_recycled: threads created one after another, which are likely to get the
 * memory of those that ended, all begin afresh: initial __thread values in
 * program and library, NULL keys, errno 0, cancellation enabled, no locale
 * of the predecessor's.
 * Follows pthread_create(3).
 *
 * test: lib=tls_counter.c
 */
#include "lib/expect.h"

#include <locale.h>
#include <semaphore.h>

#include "lib/tls_counter.h"

enum { THREADS = 200 };

static __thread int initialised = 7;
static __thread char zeroed[500];
static pthread_key_t low_key, high_key;
static sem_t done;

static const char *stale(void)
{
    int state, type;
    OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state));
    OK(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type));
    if (errno != 0)
        return "errno";
    if (initialised != 7)
        return "initialised variable";
    for (size_t i = 0; i < sizeof zeroed; i++)
        if (zeroed[i])
            return "zeroed variable";
    if (tls_library_counter != 1000 || tls_library_buffer()[299] != 0)
        return "library variable";
    if (pthread_getspecific(low_key) || pthread_getspecific(high_key))
        return "key";
    if (state != PTHREAD_CANCEL_ENABLE || type != PTHREAD_CANCEL_DEFERRED)
        return "cancellation state";
    if (uselocale(NULL) != LC_GLOBAL_LOCALE)
        return "locale";
    return NULL;
}

static void *look_and_spoil(void *locale)
{
    const char *found = stale();
    errno = EXDEV;
    initialised = -1;
    memset(zeroed, -1, sizeof zeroed);
    tls_library_count();
    memset(tls_library_buffer(), -1, 300);
    OK(pthread_setspecific(low_key, &low_key));
    OK(pthread_setspecific(high_key, &high_key));
    OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
    uselocale((locale_t)locale);
    SYS(sem_post(&done));
    return (void *)found;
}

static void make_keys(void)
{
    pthread_key_t between;
    OK(pthread_key_create(&low_key, NULL));
    for (int i = 0; i < 50; i++)
        OK(pthread_key_create(&between, NULL));
    OK(pthread_key_create(&high_key, NULL));
}

int main(void)
{
    locale_t locale = newlocale(LC_ALL_MASK, "POSIX", (locale_t)0);
    EXPECT(locale);
    make_keys();
    SYS(sem_init(&done, 0, 0));
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread = start_thread(look_and_spoil, locale);
        SYS(sem_wait(&done));
        const char *found = join_thread(thread);
        if (found) {
            printf("thread %d: stale %s\n", i, found);
            return 1;
        }
    }
    printf("%d threads, all fresh\n", THREADS);
    return 0;
}
