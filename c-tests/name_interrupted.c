/* A signal handler that runs while a look-up waits to open its file: with
 * SA_RESTART the look-up goes on, without it fails, or finds nothing, with what
 * open(2) said, EINTR. See signal(7), getpwnam(3).
 */
#include "lib/own_etc.h"
#include "lib/slow_file.h"
#include <netdb.h>
#include <pwd.h>

struct look_up {
    const char *name, *path;
    int (*found)(void);
    int lease, restart;
    pthread_t thread;
};

static volatile sig_atomic_t handled;

static void handle(int signal)
{
    (void)signal;
    handled++;
}

static int user(void)
{
    return getpwnam("ann") != NULL;
}

static int user_r(void)
{
    struct passwd user, *found;
    char buffer[256];
    int error = getpwnam_r("ann", &user, buffer, sizeof buffer, &found);
    printf("getpwnam_r says %s\n", errno_name(error));
    return found != NULL;
}

static int service(void)
{
    return getservbyname("tests", "tcp") != NULL;
}

static int host(void)
{
    return gethostbyname("alpha") != NULL;
}

static int address(void)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    int code = getaddrinfo("alpha", NULL, &hints, &list);
    if (code == 0)
        freeaddrinfo(list);
    return code == 0;
}

static void *call(void *argument)
{
    struct look_up *look_up = argument;
    look_up->thread = pthread_self();
    errno = h_errno = 0;
    int found = look_up->found(), error = errno;
    printf("%s, %s SA_RESTART: %s, %s; %d handled\n", look_up->name,
           look_up->restart ? "with" : "without", found ? "found" : "not found",
           found ? "-" : errno_name(error), handled);
    return NULL;
}

static void wait_and_interrupt(void *argument)
{
    struct look_up *look_up = argument;
    await_opener(look_up->lease);
    CHECK(pthread_kill(look_up->thread, SIGUSR1) == 0);
    while (!handled)
        others_run();
}

static void let_go(void *argument)
{
    let_file_go(((struct look_up *)argument)->lease);
}

int main(void)
{
    struct look_up look_ups[] = {
        { "getpwnam", "/etc/passwd", user, 0, 0, 0 },
        { "getpwnam_r", "/etc/passwd", user_r, 0, 0, 0 },
        { "getservbyname", "/etc/services", service, 0, 0, 0 },
        { "gethostbyname", "/etc/hosts", host, 0, 0, 0 },
        { "getaddrinfo", "/etc/hosts", address, 0, 0, 0 },
    };
    if (!own_etc())
        return 0;
    etc_file("nsswitch.conf", "passwd: files\nservices: files\nhosts: files\n");
    etc_file("passwd", "ann:x:4711:4713:Ann:/home/ann:/bin/sh\n");
    etc_file("services", "tests 7777/tcp\n");
    etc_file("hosts", "127.1.2.3 alpha\n");
    for (size_t i = 0; i < 2 * COUNT(look_ups); i++) {
        struct look_up *look_up = &look_ups[i / 2];
        look_up->restart = i % 2;
        handled = 0;
        struct sigaction action = {
            .sa_handler = handle, .sa_flags = look_up->restart ? SA_RESTART : 0,
        };
        CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
        look_up->lease = hold_file(look_up->path);
        beside(look_up->name, call, wait_and_interrupt, let_go, look_up);
    }
    return 0;
}
