/* Name look-ups from twenty threads at once, good and bad, with the results
 * and error codes of getaddrinfo(3), getnameinfo(3) and gethostbyname(3).
 * Nothing here needs a name server: the names are in /etc/hosts, or no names.
 */
#include "lib/check.h"
#include <netdb.h>

enum { THREADS = 20, ROUNDS = 5 };

/* A label of 64 letters; the protocol allows 63. */
#define LONG_LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int look_up(const char *node, const char *service, int flags, int family)
{
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags,
    }, *list = NULL;
    int code = getaddrinfo(node, service, &hints, &list);
    if (code == 0)
        freeaddrinfo(list);
    return code;
}

static void addresses(void)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    char host[NI_MAXHOST], service[NI_MAXSERV];

    CHECK(getaddrinfo("localhost", "80", &hints, &list) == 0);
    const struct sockaddr_in *address = (struct sockaddr_in *)list->ai_addr;
    CHECK(address->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(address->sin_port == htons(80));
    CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host,
                      service, sizeof service,
                      NI_NUMERICHOST | NI_NUMERICSERV) == 0);
    CHECK(strcmp(host, "127.0.0.1") == 0 && strcmp(service, "80") == 0);
    CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host,
                      NULL, 0, NI_NAMEREQD) == 0);
    CHECK(strcmp(host, "localhost") == 0);
    CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, host, 3, NULL, 0,
                      NI_NUMERICHOST) == EAI_OVERFLOW);
    freeaddrinfo(list);

    CHECK(look_up("127.0.0.1", NULL, AI_NUMERICHOST, AF_UNSPEC) == 0);
    CHECK(look_up("::1", "1", AI_NUMERICHOST, AF_INET6) == 0);
    CHECK(look_up(NULL, "80", AI_PASSIVE, AF_UNSPEC) == 0);
    CHECK(look_up("localhost", NULL, AI_NUMERICHOST, AF_UNSPEC) == EAI_NONAME);
    CHECK(look_up(NULL, NULL, 0, AF_UNSPEC) == EAI_NONAME);
    CHECK(look_up("127.0.0.1", "no service", 0, AF_INET) == EAI_SERVICE);
    CHECK(look_up("127.0.0.1", NULL, 0, 99) == EAI_FAMILY);
    CHECK(look_up("127.0.0.1", NULL, 0x40000000, AF_INET) == EAI_BADFLAGS);
    CHECK(look_up(LONG_LABEL, NULL, 0, AF_INET) != 0);
}

static void hosts(void)
{
    unsigned loopback = htonl(INADDR_LOOPBACK);
    struct hostent entry, *found;
    char buffer[1024], tiny[1];
    int error = -1;

    CHECK(gethostbyname_r("localhost", &entry, buffer, sizeof buffer, &found,
                          &error) == 0);
    CHECK(found == &entry && entry.h_length == 4);
    CHECK(memcmp(entry.h_addr_list[0], &loopback, 4) == 0);
    CHECK(gethostbyname_r("localhost", &entry, tiny, sizeof tiny, &found,
                          &error) == ERANGE);
    CHECK(gethostbyaddr_r(&loopback, 4, AF_INET, &entry, buffer, sizeof buffer,
                          &found, &error) == 0);
    CHECK(found == &entry && strcmp(entry.h_name, "localhost") == 0);

    /* h_errno belongs to the thread, like errno. */
    h_errno = 0;
    CHECK(gethostbyname_r(LONG_LABEL, &entry, buffer, sizeof buffer, &found,
                          &error) != 0 || found == NULL);
    CHECK(error == NO_RECOVERY || error == HOST_NOT_FOUND);
}

static void *many_times(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        addresses();
        hosts();
    }
    return unused;
}

/* These return static data: one thread at a time. */
static void *static_results(void *unused)
{
    struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
    struct hostent *entry = gethostbyname("localhost");
    CHECK(entry && memcmp(entry->h_addr_list[0], &loopback, 4) == 0);
    entry = gethostbyname2("127.0.0.1", AF_INET);
    CHECK(entry && entry->h_length == 4);
    entry = gethostbyaddr(&loopback, sizeof loopback, AF_INET);
    CHECK(entry);
    printf("127.0.0.1 is %s\n", entry->h_name);
    h_errno = 0;
    CHECK(gethostbyname(LONG_LABEL) == NULL);
    printf("too long a label: %s\n", hstrerror(h_errno));
    CHECK(h_errno != 0);
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(many_times, NULL);
    others_run();
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d threads looked up names\n", THREADS);
    static_results(NULL);
    join(start(static_results, NULL));
    return 0;
}
