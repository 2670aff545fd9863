/* getnameinfo(3) and getaddrinfo(3) hold up nobody else while /etc/hosts,
 * /etc/services or a name server is slow; their codes are those of the man page.
 *
 * test: slow
 */
#include "lib/name_replies.h"
#include "lib/own_etc.h"
#include "lib/slow_file.h"

static const char *code_name(int code)
{
    switch (code) {
    case 0: return "0";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_NODATA: return "EAI_NODATA";
    case EAI_OVERFLOW: return "EAI_OVERFLOW";
    case EAI_FAMILY: return "EAI_FAMILY";
    case EAI_BADFLAGS: return "EAI_BADFLAGS";
    case EAI_SERVICE: return "EAI_SERVICE";
    case EAI_SYSTEM: return "EAI_SYSTEM";
    default: return gai_strerror(code);
    }
}

/* Prints what 127.1.2.3, or whatever the address is, and port 7777 are called. */
static void tell_names(unsigned address, int flags)
{
    const struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(7777), .sin_addr.s_addr = htonl(address),
    };
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    int code = getnameinfo((const struct sockaddr *)&name, sizeof name, host, sizeof host,
                           service, sizeof service, flags);
    printf("getnameinfo: %s %s %s\n", code_name(code), host, service);
}

static void host_name(void)
{
    tell_names(0x7f010203, NI_NUMERICSERV);
}

static void host_missing(void)
{
    tell_names(0x7f010203, NI_NAMEREQD | NI_NUMERICSERV);
    tell_names(0x7f010203, NI_NUMERICHOST | NI_NUMERICSERV);
}

static void service_name(void)
{
    tell_names(0x7f010203, NI_NUMERICHOST);
    tell_names(0x7f010203, NI_NUMERICHOST | NI_DGRAM);
}

static void tell_addresses(const char *node, const char *service, int family)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *list = NULL;
    char text[INET6_ADDRSTRLEN];
    int code = getaddrinfo(node, service, &hints, &list);
    printf("getaddrinfo %s %s: %s", node, service, code_name(code));
    if (code == 0) {
        CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, NULL, 0,
                          NI_NUMERICHOST) == 0);
        printf(" %s, port %d", text, ntohs(((struct sockaddr_in *)list->ai_addr)->sin_port));
        freeaddrinfo(list);
    }
    printf("\n");
}

static void address(void)
{
    tell_addresses("alpha", "7", AF_INET);
}

static void service(void)
{
    tell_addresses("127.0.0.1", "tests", AF_INET);
    tell_addresses("127.0.0.1", "none", AF_INET);
}

static void give_address(void *unused)
{
    (void)unused;
    answer_query(&server, 0, "127.3.3.3");
}

static void give_no_data(void *unused)
{
    (void)unused;
    answer_query(&server, 0, NULL);
}

static void give_error(void *unused)
{
    (void)unused;
    answer_query(&server, ns_r_nxdomain, NULL);
}

static void *ask_name(void *flags)
{
    ask_name_server(&server);
    tell_names(0x7f050505, NI_NUMERICSERV | *(int *)flags);
    return NULL;
}

static void *ask_address(void *unused)
{
    ask_name_server(&server);
    tell_addresses("gamma.invalid.", "7", AF_INET);
    return unused;
}

/* The server is never heard: once in a second. */
static void *ask_in_vain(void *unused)
{
    ask_name_server(&server);
    _res.retrans = _res.retry = 1;
    tell_addresses("gamma.invalid.", "7", AF_INET);
    return unused;
}

int main(void)
{
    struct opening calls[] = {
        { "name of an address", "/etc/hosts", host_name, 0 },
        { "name of a port", "/etc/services", service_name, 0 },
        { "address of a name", "/etc/hosts", address, 0 },
        { "port of a name", "/etc/services", service, 0 },
    };
    int no_flags = 0, required = NI_NAMEREQD;
    if (!own_etc())
        return 0;
    etc_file("hosts", "127.1.2.3 alpha first\n");
    etc_file("services", "tests 7777/tcp\nother 7777/udp\n");
    make_slow_openings(calls, COUNT(calls));
    host_missing();
    open_name_server(&server);
    beside("getnameinfo", ask_name, await_query, reply_name, &no_flags);
    beside("getnameinfo", ask_name, await_query, give_error, &no_flags);
    beside("getnameinfo", ask_name, await_query, give_error, &required);
    beside("getaddrinfo", ask_address, await_query, give_address, NULL);
    beside("getaddrinfo", ask_address, await_query, give_no_data, NULL);
    beside("getaddrinfo", ask_address, await_query, give_error, NULL);
    beside("getaddrinfo", ask_in_vain, await_query, reply_nothing, NULL);
    return 0;
}
