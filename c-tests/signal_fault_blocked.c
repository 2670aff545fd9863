/* A fault whose signal is blocked or ignored ends the process, whatever handler
 * there is and whatever other threads block: so does one in its own handler,
 * unless that has SA_NODEFER, and the next one after SA_RESETHAND. The same
 * signal sent by raise waits, or is ignored: sigprocmask(2), "Notes";
 * sigaction(2). Each case has a process of its own.
 */
#include "lib/check.h"
#include "lib/signals.h"

#include <setjmp.h>

static volatile sig_atomic_t handled;
static char *volatile nowhere;
static sigjmp_buf back;

static void make_fault(void)
{
    *nowhere = 1;
}

static void fault_again(int number)
{
    dprintf(1, "  handler, SIGSEGV %d\n", number == SIGSEGV);
    if (++handled == 3)
        _exit(9);
    make_fault();
}

static void jump_from_second(int number)
{
    (void)number;
    if (++handled == 1)
        make_fault();
    siglongjmp(back, 1);
}

static void count_three(int number)
{
    (void)number;
    if (++handled == 3)
        _exit(9);
}

static void handle(void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
}

static void in_its_handler(void)
{
    handle(fault_again, 0);
    make_fault();
}

static void no_defer(void)
{
    handle(jump_from_second, SA_NODEFER);
    if (sigsetjmp(back, 1) == 0)
        make_fault();
    _exit(handled);
}

static void blocked(void)
{
    handle(count_three, 0);
    change_mask(SIG_BLOCK, SIGSEGV);
    make_fault();
}

static void ignored(void)
{
    handle(SIG_IGN, 0);
    make_fault();
}

static void one_shot(void)
{
    handle(count_three, SA_RESETHAND);
    make_fault();
}

static void raised(void)
{
    handle(SIG_IGN, 0);
    CHECK(raise(SIGSEGV) == 0);
    handle(count_three, 0);
    change_mask(SIG_BLOCK, SIGSEGV);
    CHECK(raise(SIGSEGV) == 0 && handled == 0 && is_pending(SIGSEGV));
    change_mask(SIG_UNBLOCK, SIGSEGV);
    _exit(handled);
}

static void *make(void *what)
{
    (*(void (**)(void))what)();
    CHECK(!"went on");
    return NULL;
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

int main(void)
{
    static struct { const char *name; void (*what)(void); } cases[] = {
        { "in its handler", in_its_handler }, { "in its handler, SA_NODEFER", no_defer },
        { "blocked", blocked }, { "ignored", ignored }, { "SA_RESETHAND", one_shot },
        { "raised", raised },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        printf("%s\n", cases[i].name);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            start(wait_for_ever, NULL);
            join(start(make, &cases[i].what));
        }
        printf("  %s\n", child_end(child));
        fflush(stdout);
    }
    return 0;
}
