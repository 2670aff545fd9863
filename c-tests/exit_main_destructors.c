/* A main thread that leaves by pthread_exit while another lives runs its key destructors,
 * and no thread_local destructor: glibc leaves those to exit(), in the thread that calls it.
 * If main is the last, they run in exit(), after the key destructors: pthread_exit(3),
 * pthread_key_create(3), exit(3). Each way is a child that tells by write.
 */
#include "lib/check.h"

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle __attribute__((visibility("hidden")));

static pthread_t main_thread;
static pthread_key_t key;

static void tell(const char *line) { CHECK(write(1, line, strlen(line)) == (ssize_t)strlen(line)); }
static void at_exit(void) { tell("  exit handler\n"); }
static void of_key(void *unused) { (void)unused, tell("  key destructor\n"); }
static void of_thread(void *unused) { (void)unused, tell("  thread_local destructor\n"); }
static void *do_nothing(void *unused) { return unused; }

static void *end_after_main(void *unused)
{
    CHECK(pthread_join(main_thread, NULL) == 0);
    tell("  the last thread ends\n");
    return unused;
}

int main(void)
{
    for (int last = 0; last < 2; last++) {
        printf("main is %s:\n", last ? "the last" : "not the last");
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            main_thread = pthread_self();
            CHECK(atexit(at_exit) == 0 && pthread_key_create(&key, of_key) == 0);
            CHECK(pthread_setspecific(key, "main") == 0);
            CHECK(__cxa_thread_atexit_impl(of_thread, NULL, &__dso_handle) == 0);
            if (last)
                join(start(do_nothing, NULL));
            else
                start(end_after_main, NULL);
            pthread_exit(NULL);
        }
        printf("  %s\n", child_end(child));
    }
    return 0;
}
