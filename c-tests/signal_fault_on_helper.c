/* Results of look-ups lie in a page that is write-protected, as a garbage
 * collector's heap is, and the handler of SIGSEGV lets the write happen and
 * returns. It runs in the thread that makes the call: sigaction(2),
 * getpwuid_r(3), getaddrinfo(3), getnameinfo(3), getgrnam_r(3).
 */
#include "lib/check.h"

#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static volatile sig_atomic_t handled;
static pthread_t caller;
static struct page {
    struct passwd user, *found;
    struct group group, *found_group;
    struct addrinfo *addresses;
    char buffer[1024];
} *page;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(number == SIGSEGV && info->si_code == SEGV_ACCERR);
    CHECK((uintptr_t)info->si_addr - (uintptr_t)page < PAGE);
    CHECK(pthread_equal(pthread_self(), caller));
    handled++;
    CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
}

static void look_up_user(void)
{
    CHECK(getpwuid_r(0, &page->user, page->buffer, sizeof page->buffer, &page->found) == 0);
    CHECK(page->found == &page->user && page->user.pw_uid == 0);
}

static void look_up_host(void)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
    CHECK(getaddrinfo("127.0.0.1", "80", &hints, &page->addresses) == 0);
    CHECK(page->addresses);
    freeaddrinfo(page->addresses);
}

static void look_up_service(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    CHECK(getnameinfo((struct sockaddr *)&address, sizeof address, page->buffer, sizeof page->buffer,
                      NULL, 0, NI_NUMERICHOST) == 0);
    CHECK(strcmp(page->buffer, "0.0.0.0") == 0);
}

static void look_up_group(void)
{
    CHECK(getgrgid_r(0, &page->group, page->buffer, sizeof page->buffer, &page->found_group) == 0);
    CHECK(page->found_group == &page->group && page->group.gr_gid == 0);
}

static void *make_all(void *unused)
{
    static const struct { const char *name; void (*call)(void); } calls[] = {
        { "getpwuid_r", look_up_user }, { "getgrgid_r", look_up_group },
        { "getaddrinfo", look_up_host }, { "getnameinfo", look_up_service },
    };
    caller = pthread_self();
    for (size_t i = 0; i < COUNT(calls); i++) {
        handled = 0;
        CHECK(mprotect(page, PAGE, PROT_READ) == 0);
        calls[i].call();
        printf("%s: handled %d\n", calls[i].name, handled > 0);
        fflush(stdout);
    }
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    join(start(make_all, NULL));
    return 0;
}
