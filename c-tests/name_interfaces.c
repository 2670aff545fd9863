/* Twenty threads ask for the network interfaces and their addresses at once, in
 * a network namespace that has the loopback alone: getifaddrs(3),
 * if_nameindex(3), if_nametoindex(3).
 */
#include "lib/own_etc.h"
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/ioctl.h>

enum { THREADS = 20, ROUNDS = 10 };

static void loopback_up(void)
{
    struct ifreq request = { .ifr_name = "lo" };
    int any = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(any >= 0 && ioctl(any, SIOCGIFFLAGS, &request) == 0);
    request.ifr_flags |= IFF_UP;
    CHECK(ioctl(any, SIOCSIFFLAGS, &request) == 0 && close(any) == 0);
}

static int is_loopback(const struct ifaddrs *entry)
{
    const struct sockaddr_in *address = (struct sockaddr_in *)entry->ifa_addr;
    return address && address->sin_family == AF_INET
        && address->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static void *look(void *unused)
{
    char name[IF_NAMESIZE];
    for (int i = 0; i < ROUNDS; i++) {
        struct ifaddrs *list;
        int found = 0;
        CHECK(getifaddrs(&list) == 0);
        for (struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
            CHECK(entry->ifa_flags & IFF_LOOPBACK || !(entry->ifa_flags & IFF_UP));
            found += is_loopback(entry);
        }
        CHECK(found == 1);
        freeifaddrs(list);

        struct if_nameindex *names = if_nameindex();
        CHECK(names && names[0].if_index == 1 && strcmp(names[0].if_name, "lo") == 0);
        if_freenameindex(names);
        CHECK(if_nametoindex("lo") == 1 && strcmp(if_indextoname(1, name), "lo") == 0);
    }
    return unused;
}

static void *unknown(void *unused)
{
    char name[IF_NAMESIZE];
    errno = 0;
    CHECK(if_nametoindex("none") == 0);
    printf("if_nametoindex: %s\n", errno_name(errno));
    errno = 0;
    CHECK(if_indextoname(99999, name) == NULL);
    printf("if_indextoname: %s\n", errno_name(errno));
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    if (!own_namespace(CLONE_NEWNET))
        return 0;
    loopback_up();
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(look, NULL);
    others_run();
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d threads saw the loopback\n", THREADS);
    join(start(unknown, NULL));
    return 0;
}
