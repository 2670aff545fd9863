/* gethostbyname(3) and its relatives hold up nobody else, whether /etc/hosts is
 * slow or a name server; h_errno and errno are the asking thread's.
 */
#include "lib/name_replies.h"
#include "lib/own_etc.h"
#include "lib/slow_file.h"

static void tell(const char *call, const struct hostent *host)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (host)
        inet_ntop(host->h_addrtype, host->h_addr_list[0], text, sizeof text);
    printf("%s: %s %s\n", call, host ? host->h_name : hstrerror(h_errno), text);
}

static void by_name(void)
{
    tell("gethostbyname", gethostbyname("alpha"));
}

static void by_name2(void)
{
    tell("gethostbyname2", gethostbyname2("beta", AF_INET6));
}

static void by_address(void)
{
    struct in_addr address = { htonl(0x7f010203) };
    tell("gethostbyaddr", gethostbyaddr(&address, sizeof address, AF_INET));
}

static void reentrant(void)
{
    struct hostent host, *found;
    struct in_addr address = { htonl(0x7f010203) };
    char buffer[512];
    int error = 99;
    CHECK(gethostbyname_r("alpha", &host, buffer, sizeof buffer, &found, &error) == 0);
    tell("gethostbyname_r", found);
    CHECK(gethostbyname2_r("beta", AF_INET6, &host, buffer, sizeof buffer, &found, &error) == 0);
    tell("gethostbyname2_r", found);
    CHECK(gethostbyaddr_r(&address, sizeof address, AF_INET, &host, buffer, sizeof buffer,
                          &found, &error) == 0);
    tell("gethostbyaddr_r", found);
    printf("gethostbyname_r, no room: %s\n",
           errno_name(gethostbyname_r("alpha", &host, buffer, 8, &found, &error)));
    CHECK(error == NETDB_INTERNAL && found == NULL);
}

/* ---- the same by a name server ---- */

static void *ask(void *name)
{
    ask_name_server(&server);
    h_errno = 0;
    tell("asked a server", gethostbyname(name));
    return NULL;
}

static void *ask_r(void *name)
{
    struct hostent host, *found = &host;
    char buffer[512];
    int error = 99;
    ask_name_server(&server);
    h_errno = 77;
    int result = gethostbyname2_r(name, AF_INET, &host, buffer, sizeof buffer, &found, &error);
    printf("asked a server: %s, %s, %s; h_errno %d\n", errno_name(result),
           found ? found->h_name : "no host", hstrerror(error), h_errno);
    return NULL;
}

static void *reverse(void *unused)
{
    struct in_addr address = { htonl(0x7f040404) };
    ask_name_server(&server);
    tell("gethostbyaddr", gethostbyaddr(&address, sizeof address, AF_INET));
    return unused;
}

static void slow_server(void)
{
    static const struct { int code; const char *address; } replies[] = {
        { ns_r_noerror, "127.3.3.3" }, { ns_r_noerror, NULL }, { ns_r_nxdomain, NULL },
    };
    open_name_server(&server);
    for (size_t i = 0; i < COUNT(replies); i++) {
        reply = replies[i].code, reply_address = replies[i].address;
        beside("gethostbyname", ask, await_query, reply_now, "gamma.invalid.");
        beside("gethostbyname2_r", ask_r, await_query, reply_now, "gamma.invalid.");
    }
    beside("gethostbyaddr", reverse, await_query, reply_name, NULL);
}

/* Nobody is there any more. */
static void *refused(void *unused)
{
    ask_name_server(&server);
    CHECK(close(server.fd) == 0);
    _res.retry = 1;
    h_errno = 0;
    CHECK(gethostbyname("gamma.invalid.") == NULL);
    printf("no server: %s, %s\n", hstrerror(h_errno), errno_name(errno));
    return unused;
}

int main(void)
{
    struct opening calls[] = {
        { "gethostbyname", "/etc/hosts", by_name, 0 },
        { "gethostbyname2", "/etc/hosts", by_name2, 0 },
        { "gethostbyaddr", "/etc/hosts", by_address, 0 },
        { "the _r forms", "/etc/hosts", reentrant, 0 },
        { "host.conf", "/etc/host.conf", by_name, 0 },
        { "resolv.conf", "/etc/resolv.conf", by_name, 0 },
    };
    if (!own_etc())
        return 0;
    etc_file("host.conf", "multi on\n");
    etc_file("hosts", "127.1.2.3 alpha first\n::1:2 beta\n");
    /* The first look-up of all reads host.conf, each one a new resolv.conf. */
    make_slow_openings(&calls[COUNT(calls) - 2], 1);
    etc_file("resolv.conf", "nameserver 127.0.0.2\n# changed\n");
    make_slow_openings(&calls[COUNT(calls) - 1], 1);
    make_slow_openings(calls, COUNT(calls) - 2);
    slow_server();
    join(start(refused, NULL));
    return 0;
}
