/* What a handler with SA_SIGINFO is told of a signal: the code of the way it was
 * sent, the sender, the value; in a thread that runs and in main that waits, and
 * by sigwaitinfo in a thread. From this process, from another one, from a timer,
 * a child's end, a broken pipe, a message queue and asynchronous I/O:
 * sigaction(2), siginfo_t; sigqueue(3), timer_create(2), sigwaitinfo(2).
 */
#include "lib/check.h"
#include "lib/signals.h"

#include <aio.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/time.h>

static siginfo_t seen;
static volatile int expected;         /* another is the end of a child that nobody asks for */
static sem_t came;
static pthread_t receiver;

static void on_signal(int number, siginfo_t *info, void *context)
{
    CHECK(context && number == info->si_signo);
    if (number != expected)
        return;
    seen = *info;
    receiver = pthread_self();
    CHECK(sem_post(&came) == 0);
}

static const char *code_name(int code)
{
    switch (code) {
    case SI_USER: return "SI_USER";
    case SI_KERNEL: return "SI_KERNEL";
    case SI_QUEUE: return "SI_QUEUE";
    case SI_TIMER: return "SI_TIMER";
    case SI_MESGQ: return "SI_MESGQ";
    case SI_ASYNCIO: return "SI_ASYNCIO";
    case SI_TKILL: return "SI_TKILL";
    case CLD_EXITED: return "CLD_EXITED";
    case CLD_KILLED: return "CLD_KILLED";
    case CLD_STOPPED: return "CLD_STOPPED";
    case CLD_CONTINUED: return "CLD_CONTINUED";
    }
    return "another code";
}

enum { OTHERS = 1, SENT = 2, VALUE = 4 };

static pid_t child;
static mqd_t queue;
static int broken[2];
static char mq_name[40];

static void send_another(int how)
{
    if ((child = fork()) == 0) {
        pid_t to = getppid();
        union sigval value = { .sival_int = 42 };
        _exit(how == 0 ? kill(to, SIGUSR1) != 0 : sigqueue(to, SIGUSR1, value) != 0);
    }
    CHECK(child > 0);
}

static void by_raise(void) { CHECK(raise(SIGUSR1) == 0); }
static void by_kill(void) { CHECK(kill(getpid(), SIGUSR1) == 0); }
static void by_pthread_kill(void) { CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0); }
static void by_tgkill(void) { CHECK(tgkill(getpid(), gettid(), SIGUSR1) == 0); }
static void by_sigqueue(void) { CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 42 }) == 0); }
static void by_pthread_sigqueue(void) { CHECK(pthread_sigqueue(pthread_self(), SIGUSR1, (union sigval){ .sival_int = 42 }) == 0); }
static void by_other_kill(void) { send_another(0); }
static void by_other_sigqueue(void) { send_another(1); }

static void by_timer(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
    struct itimerspec soon = { .it_value = { 0, 1000000 } };
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
}

static void by_alarm(void)
{
    struct itimerval soon = { .it_value = { 0, 1000 } };
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
}

static void by_queue(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
    CHECK(mq_notify(queue, &event) == 0 && mq_send(queue, "x", 1, 0) == 0);
}

static void by_aio(void)
{
    static struct aiocb job;
    static char byte = 'x';
    job = (struct aiocb){ .aio_fildes = temporary_file(0), .aio_buf = &byte, .aio_nbytes = 1 };
    job.aio_sigevent = (struct sigevent){ .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
    CHECK(aio_write(&job) == 0);
}

static void by_pipe(void) { CHECK(write(broken[1], "x", 1) == -1 && errno == EPIPE); }
static void by_exit(void) { if ((child = fork()) == 0) _exit(42); }
static void by_death(void) { if ((child = fork()) == 0) for (;;) pause(); CHECK(kill(child, SIGKILL) == 0); }
static void by_stop(void) { if ((child = fork()) == 0) for (;;) pause(); CHECK(kill(child, SIGSTOP) == 0); }
static void by_continue(void) { CHECK(kill(child, SIGCONT) == 0); }

static const struct way {
    const char *name;
    void (*send)(void);
    int number, what;
} ways[] = {
    { "raise", by_raise, SIGUSR1, SENT }, { "pthread_kill", by_pthread_kill, SIGUSR1, SENT },
    { "tgkill", by_tgkill, SIGUSR1, SENT }, { "kill", by_kill, SIGUSR1, SENT },
    { "sigqueue", by_sigqueue, SIGUSR1, SENT | VALUE },
    { "pthread_sigqueue", by_pthread_sigqueue, SIGUSR1, SENT | VALUE },
    { "another's kill", by_other_kill, SIGUSR1, OTHERS }, { "another's sigqueue", by_other_sigqueue, SIGUSR1, OTHERS | VALUE },
    { "timer", by_timer, SIGUSR1, VALUE }, { "setitimer", by_alarm, SIGALRM, 0 },
    { "message queue", by_queue, SIGUSR1, VALUE }, { "aio_write", by_aio, SIGUSR1, VALUE },
    { "broken pipe", by_pipe, SIGPIPE, SENT },
    { "exit", by_exit, SIGCHLD, 0 }, { "stop", by_stop, SIGCHLD, 0 },
    { "continue", by_continue, SIGCHLD, 0 }, { "death", by_death, SIGCHLD, 0 },
};

static void tell(const struct way *way, const char *where)
{
    CHECK(seen.si_signo == way->number);
    printf("  %s, %s: %s", way->name, where, code_name(seen.si_code));
    if (way->what & (SENT | OTHERS))
        printf(", from %s", seen.si_pid == getpid() ? "here" : seen.si_pid == child ? "the other" : "nobody");
    if (way->what & VALUE)
        printf(", value %d", seen.si_value.sival_int);
    if (way->number == SIGCHLD)
        printf(", the child %d, status %d", seen.si_pid == child, seen.si_status);
    puts("");
    if (way->what & OTHERS)
        CHECK(strcmp(child_end(child), "exit 0") == 0);
    if (way->send == by_exit || way->send == by_death)
        CHECK(waitpid(child, NULL, 0) == child);
    if (way->send == by_continue)
        CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    if (way->send == by_queue) {
        char byte[8];
        CHECK(mq_receive(queue, byte, sizeof byte, NULL) == 1);
    }
}

static void await(void)
{
    while (sem_wait(&came) == -1)
        CHECK(errno == EINTR);
}

static void *send_all(void *in_main)
{
    for (const struct way *way = ways; way < ways + COUNT(ways); way++) {
        expected = way->number;
        way->send();
        await();
        if (in_main)
            CHECK(pthread_equal(receiver, pthread_self()));
        tell(way, in_main ? "main" : "thread");
        /* A killed child that was continued tells a second time. */
        if (way->send == by_continue)
            await();
    }
    return NULL;
}

static void *take_all(void *set)
{
    CHECK(pthread_sigmask(SIG_BLOCK, set, NULL) == 0);
    for (const struct way *way = ways; way < ways + COUNT(ways); way++) {
        if (way->send == by_raise || way->send == by_pthread_kill || way->send == by_tgkill)
            continue;           /* not_yet/signal_info_thread.c */
        way->send();
        sigset_t wanted = set_of(way->number, 0), ended = set_of(SIGCHLD, 0);
        CHECK(sigwaitinfo(&wanted, &seen) == way->number);
        tell(way, "sigwaitinfo");
        if (way->what & OTHERS || way->send == by_continue)
            CHECK(sigwaitinfo(&ended, &seen) == SIGCHLD);
    }
    return NULL;
}

int main(void)
{
    static const int numbers[] = { SIGUSR1, SIGALRM, SIGPIPE, SIGCHLD };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 8 };
    sigset_t set;
    sigemptyset(&set);
    CHECK(sem_init(&came, 0, 0) == 0 && pipe(broken) == 0 && close(broken[0]) == 0);
    snprintf(mq_name, sizeof mq_name, "/signal_info-%d", (int)getpid());
    queue = mq_open(mq_name, O_CREAT | O_RDWR, 0600, &attributes);
    CHECK(queue != -1 && mq_unlink(mq_name) == 0);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        CHECK(sigaction(numbers[i], &action, NULL) == 0);
        sigaddset(&set, numbers[i]);
    }
    puts("in a thread, main waits for it");
    join(start(send_all, NULL));
    puts("in main");
    send_all("main");
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    puts("taken by a thread");
    join(start(take_all, &set));
    return 0;
}
