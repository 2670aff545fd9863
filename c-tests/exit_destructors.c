/* What runs when a process ends, and when it does not, in which order: exit handlers,
 * on_exit with the status, quick_exit handlers, destructor functions of the program,
 * thread_local destructors and key destructors of the thread that leaves, of others that
 * wait, and of a main thread that has gone. By exit in main and in a thread, return, the
 * last thread's end, quick_exit, _exit and pthread_exit of all: exit(3), on_exit(3),
 * quick_exit(3), pthread_key_create(3). Each way is a child that tells by write.
 */
#include "lib/check.h"

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle __attribute__((visibility("hidden")));

static int tells, never[2];
static pthread_key_t key;
static __thread const char *who = "nobody";

static void tell(const char *what)
{
    char line[80];
    if (!tells)
        return;
    int size = snprintf(line, sizeof line, "  %s, by %s\n", what, who);
    CHECK(write(1, line, (size_t)size) == size);
}

__attribute__((destructor(200))) static void destructor_200(void) { tell("destructor 200"); }
__attribute__((destructor(300))) static void destructor_300(void) { tell("destructor 300"); }
static void first_handler(void) { tell("exit handler 1"); }
static void late_handler(void) { tell("exit handler registered late"); }

static void second_handler(void)
{
    CHECK(atexit(late_handler) == 0);
    tell("exit handler 2");
}

static void with_status(int status, void *word)
{
    char text[40];
    snprintf(text, sizeof text, "on_exit %s %d", (char *)word, status);
    tell(text);
}

static void quickly(void) { tell("quick_exit handler 1"); }
static void quickly_too(void) { tell("quick_exit handler 2"); }
static void of_key(void *owner) { (void)owner, tell("key destructor"); }
static void of_thread(void *owner) { (void)owner, tell("thread_local destructor"); }
static void of_thread_first(void *owner) { (void)owner, tell("thread_local destructor, the older"); }

/* A main thread that leaves before the others has none of thread_local. */
static void be(const char *name, int leaves_early)
{
    who = name;
    CHECK(pthread_setspecific(key, name) == 0);
    if (leaves_early)
        return;
    CHECK(__cxa_thread_atexit_impl(of_thread_first, NULL, &__dso_handle) == 0);
    CHECK(__cxa_thread_atexit_impl(of_thread, NULL, &__dso_handle) == 0);
}

static void *wait_for_ever(void *unused)
{
    be("one who waits", 0);
    take(never[0]);
    return unused;
}

static void *leave_by(void *way)
{
    be("a thread", 0);
    ((void (*)(int))way)(6);
    return NULL;
}

static void in_thread(void (*way)(int)) { join(start(leave_by, (void *)way)); }
static void just_end(int unused) { (void)unused; }
static void end_by_pthread_exit(int status) { pthread_exit((void *)(long)status); }

static void main_exit(void) { exit(6); }
static void thread_exit(void) { in_thread(exit); }
static void thread_quick_exit(void) { in_thread(quick_exit); }
static void thread_exit_now(void) { in_thread(_exit); }
static void main_quick_exit(void) { quick_exit(6); }
static void main_exit_now(void) { _Exit(6); }

static void *leave_after_main(void *way)
{
    be("a thread", 0);
    CHECK(pthread_join(*(pthread_t *)way, NULL) == 0);
    return NULL;
}

static pthread_t main_thread;

static void last_ends(void) { start(leave_after_main, &main_thread); end_by_pthread_exit(0); }

static void *exit_after_main(void *unused)
{
    leave_after_main(&main_thread);
    exit(6);
    return unused;
}

static void thread_exit_after_main(void) { start(exit_after_main, NULL); end_by_pthread_exit(0); }
static void alone_pthread_exit(void) { join(start(leave_by, (void *)just_end)); end_by_pthread_exit(9); }
static void returns(void) { }

static const struct { const char *name; void (*leave)(void); int waiting, main_leaves; } ways[] = {
    { "exit in main", main_exit, 1, 0 }, { "exit in a thread", thread_exit, 1, 0 },
    { "return from main", returns, 1, 0 }, { "the last thread ends, main has gone", last_ends, 0, 1 },
    { "exit in a thread, main has gone", thread_exit_after_main, 1, 1 },
    { "pthread_exit in main alone", alone_pthread_exit, 0, 1 },
    { "quick_exit in main", main_quick_exit, 1, 0 }, { "quick_exit in a thread", thread_quick_exit, 1, 0 },
    { "_Exit in main", main_exit_now, 1, 0 }, { "_exit in a thread", thread_exit_now, 1, 0 },
};

int main(void)
{
    CHECK(pthread_key_create(&key, of_key) == 0 && pipe(never) == 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        printf("%s:\n", ways[i].name);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            tells = 1;
            main_thread = pthread_self();
            CHECK(atexit(first_handler) == 0 && on_exit(with_status, "status") == 0);
            CHECK(atexit(second_handler) == 0);
            CHECK(at_quick_exit(quickly) == 0 && at_quick_exit(quickly_too) == 0);
            be("main", ways[i].main_leaves);
            if (ways[i].waiting)
                start(wait_for_ever, NULL);
            others_run();
            ways[i].leave();
            return 7;
        }
        printf("  %s\n", child_end(child));
    }
    return 0;
}
