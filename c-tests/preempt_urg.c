/* SIGURG is the program's own, also while threads compute: what sigaction tells
 * is what the program has set, the default is to do nothing, and a handler gets
 * each signal that the program or a socket's urgent data sends, with its
 * information, and no other: sigaction(2), signal(7), socket(7), tcp(7).
 *
 * test: slow
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"

static volatile sig_atomic_t handled;
static siginfo_t last;
static pthread_t last_thread, main_thread;

static void count(int number)
{
    CHECK(number == SIGURG);
    last_thread = pthread_self();
    handled++;
}

static void count_info(int number, siginfo_t *info, void *context)
{
    CHECK(info && context && info->si_signo == SIGURG);
    last = *info;
    count(number);
}

static const char *code_name(int code)
{
    return code == SI_USER ? "SI_USER" : code == SI_TKILL ? "SI_TKILL" : code == SI_QUEUE
           ? "SI_QUEUE" : code == SI_KERNEL ? "SI_KERNEL" : "another code";
}

/* Installs, and checks that sigaction and the next call give back the same. */
static void install(void (*simple)(int), int flags)
{
    struct sigaction action = { .sa_handler = simple, .sa_flags = flags }, seen;
    if (flags & SA_SIGINFO)
        action.sa_sigaction = count_info;
    CHECK(sigaddset(&action.sa_mask, SIGUSR2) == 0);
    CHECK(sigaction(SIGURG, &action, NULL) == 0);
    CHECK(sigaction(SIGURG, NULL, &seen) == 0);
    CHECK(seen.sa_handler == action.sa_handler);
    CHECK((seen.sa_flags & ~0x04000000) == flags);  /* SA_RESTORER may show */
    CHECK(sigismember(&seen.sa_mask, SIGUSR2) == 1);
    CHECK(sigismember(&seen.sa_mask, SIGURG) == 0);
    CHECK(sigismember(&seen.sa_mask, SIGUSR1) == 0);
}

static void await(int number)
{
    while (handled < number)
        ;
    CHECK(handled == number);
}

/* ---- no handler ---------------------------------------------------------------- */

static void show_default(void)
{
    struct sigaction seen;
    CHECK(sigaction(SIGURG, NULL, &seen) == 0);
    CHECK(seen.sa_handler == SIG_DFL && seen.sa_flags == 0);
    CHECK(sigisemptyset(&seen.sa_mask) == 1);
    CHECK(kill(getpid(), SIGURG) == 0);
    CHECK(pthread_kill(computing_threads[0], SIGURG) == 0);
    compute_for_ticks(3);
    puts("by default: told so, and nothing happens");

    install(SIG_IGN, 0);
    CHECK(kill(getpid(), SIGURG) == 0 && raise(SIGURG) == 0);
    CHECK(signal(SIGURG, SIG_DFL) == SIG_IGN);
    CHECK(signal(SIGURG, SIG_DFL) == SIG_DFL);
    puts("ignored: told so, and nothing happens");
}

/* ---- handlers ------------------------------------------------------------------- */

static void to_self(void) { CHECK(raise(SIGURG) == 0); }
static void to_main(void) { CHECK(pthread_kill(main_thread, SIGURG) == 0); }
static void to_process(void) { CHECK(kill(getpid(), SIGURG) == 0); }

static void to_other(void)
{
    CHECK(pthread_kill(computing_threads[0], SIGURG) == 0);
}

static void queued(void)
{
    CHECK(sigqueue(getpid(), SIGURG, (union sigval){ .sival_int = 42 }) == 0);
}

static const struct way {
    const char *name;
    void (*send)(void);
    int code;
} ways[] = {
    { "raise", to_self, SI_TKILL },
    { "pthread_kill to main", to_main, SI_TKILL },
    { "pthread_kill to a computing thread", to_other, SI_TKILL },
    { "kill", to_process, SI_USER },
    { "sigqueue", queued, SI_QUEUE },
};

static void send_each_way(int flags)
{
    handled = 0;
    install(count, flags);
    for (size_t i = 0; i < COUNT(ways); i++) {
        memset(&last, 0, sizeof last);
        ways[i].send();
        await((int)i + 1);
        if (ways[i].code == SI_TKILL)
            CHECK(pthread_equal(last_thread, ways[i].send == to_other ? computing_threads[0]
                                                                      : main_thread));
        if (!(flags & SA_SIGINFO))
            continue;
        CHECK(last.si_pid == getpid() && last.si_uid == getuid());
        CHECK(ways[i].code != SI_QUEUE || last.si_value.sival_int == 42);
        printf("%s: %s\n", ways[i].name, code_name(last.si_code));
        CHECK(last.si_code == ways[i].code);
    }
    printf("flags%s%s: handled %d\n", flags & SA_SIGINFO ? " SA_SIGINFO" : "",
           flags & SA_RESTART ? " SA_RESTART" : "", (int)handled);
}

static void reset_hand(void)
{
    struct sigaction seen;
    handled = 0;
    install(count, SA_RESETHAND);
    CHECK(raise(SIGURG) == 0 && raise(SIGURG) == 0);
    CHECK(sigaction(SIGURG, NULL, &seen) == 0);
    printf("flags SA_RESETHAND: handled %d, then %s\n", (int)handled,
           seen.sa_handler == SIG_DFL ? "SIG_DFL" : "still there");
    CHECK(handled == 1 && seen.sa_handler == SIG_DFL);
}

static void only_ours(void)
{
    handled = 0;
    install(count, SA_SIGINFO | SA_RESTART);
    compute_for_ticks(10);
    for (int i = 0; i < 20; i++)
        nap(10);
    printf("200 ms of computing: handled %d\n", (int)handled);
    CHECK(handled == 0);
    for (int i = 1; i <= 20; i++) {
        to_process();
        await(i);
    }
    printf("20 sent: handled %d\n", (int)handled);
    compute_for_ticks(3);
    CHECK(handled == 20);
}

/* ---- urgent data ------------------------------------------------------------------ */

static void urgent_data(void)
{
    int ends[2];
    char byte;
    tcp_pair(ends);
    handled = 0;
    install(count, SA_SIGINFO | SA_RESTART);
    CHECK(fcntl(ends[1], F_SETOWN, getpid()) == 0);
    CHECK(send(ends[0], "!", 1, MSG_OOB) == 1);
    await(1);
    CHECK(recv(ends[1], &byte, 1, MSG_OOB) == 1 && byte == '!');
    printf("urgent data: handled %d, %s\n", (int)handled, code_name(last.si_code));
    CHECK(last.si_code == SI_KERNEL);
    close(ends[0]), close(ends[1]);
}

int main(void)
{
    main_thread = pthread_self();
    begin_ticks();
    begin_computing(2);
    show_default();
    send_each_way(0);
    send_each_way(SA_RESTART);
    send_each_way(SA_SIGINFO | SA_RESTART);
    send_each_way(SA_SIGINFO);
    reset_hand();
    only_ours();
    urgent_data();
    CHECK(signal(SIGURG, SIG_DFL) != SIG_ERR);
    end_computing();
    end_ticks();
    return 0;
}
