/* A handler interrupts gai_suspend(3), and runs while getaddrinfo_a(3) with
 * GAI_WAIT waits, which goes on. /etc/hosts is the slow one.
 */
#include "lib/own_etc.h"
#include "lib/slow_file.h"
#include <netdb.h>

static struct gaicb alpha = { .ar_name = "alpha" }, *list[] = { &alpha };
static volatile sig_atomic_t handled;
static int code, lease, ended;

static void handle(int signal)
{
    (void)signal;
    handled = 1;
}

static void hold_hosts(void)
{
    handled = ended = 0;
    lease = hold_file("/etc/hosts");
}

static void end_with(int result)
{
    code = result;
    __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
}

static void *suspend(void *unused)
{
    end_with(gai_suspend((const struct gaicb *const *)list, 1, NULL));
    return unused;
}

static void *look_up(void *unused)
{
    end_with(getaddrinfo_a(GAI_WAIT, list, 1, NULL));
    return unused;
}

/* A signal that comes before the wait ends nothing. */
static void suspend_interrupted(void)
{
    hold_hosts();
    CHECK(getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0);
    await_opener(lease);
    pthread_t thread = start(suspend, NULL);
    for (; !__atomic_load_n(&ended, __ATOMIC_SEQ_CST); others_run())
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
    join(thread);
    printf("gai_suspend: %s\n", code == EAI_INTR ? "EAI_INTR" : "?");
    let_file_go(lease);
    while (gai_error(&alpha) == EAI_INPROGRESS)
        others_run();
}

static void look_up_interrupted(void)
{
    hold_hosts();
    pthread_t thread = start(look_up, NULL);
    await_opener(lease);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    while (!handled)
        others_run();
    CHECK(!__atomic_load_n(&ended, __ATOMIC_SEQ_CST));
    let_file_go(lease);
    join(thread);
    printf("GAI_WAIT: handled, then %d\n", code);
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle };
    if (!own_etc())
        return 0;
    etc_file("nsswitch.conf", "hosts: files\n");
    etc_file("hosts", "127.1.2.3 alpha\n");
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    suspend_interrupted();
    look_up_interrupted();
    return 0;
}
