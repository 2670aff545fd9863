/* Look-ups of services, protocols, networks, RPC programs, Ethernet addresses
 * and netgroups, and lists of hosts, hold up nobody else however slow their files
 * are; results and errors are those of getservbyname(3), getservent(3),
 * getprotobyname(3), getnetbyname(3), gethostbyname(3), getrpcent(3),
 * ether_aton(3), setnetgrent(3).
 */
#include "lib/own_etc.h"
#include "lib/slow_file.h"
#include <netdb.h>
#include <netinet/ether.h>

static void tell(const char *call, const char *found)
{
    printf("%s: %s\n", call, found ? found : "none");
}

#define NAME(entry, name) ((entry) ? (entry)->name : NULL)

static void service(void)
{
    struct servent *found = getservbyname("tests", "udp");
    CHECK(found && found->s_port == htons(7778));
    tell("getservbyname", found->s_name);
    tell("getservbyname, alias", NAME(getservbyname("trials", NULL), s_name));
    tell("getservbyname, not known", NAME(getservbyname("none", NULL), s_name));
}

static void service_by_port(void)
{
    tell("getservbyport", NAME(getservbyport(htons(7777), "tcp"), s_name));
    tell("getservbyport, not known", NAME(getservbyport(htons(7777), "udp"), s_name));
}

static void service_r(void)
{
    struct servent service, *found;
    char buffer[256];
    CHECK(getservbyname_r("tests", "tcp", &service, buffer, sizeof buffer, &found) == 0);
    tell("getservbyname_r", NAME(found, s_name));
    CHECK(getservbyport_r(htons(7778), NULL, &service, buffer, sizeof buffer, &found) == 0);
    tell("getservbyport_r", NAME(found, s_proto));
    CHECK(getservbyname_r("none", "tcp", &service, buffer, sizeof buffer, &found) == 0);
    tell("getservbyname_r, not known", NAME(found, s_name));
    printf("getservbyname_r, no room: %s\n",
           errno_name(getservbyname_r("tests", "tcp", &service, buffer, 8, &found)));
}

static void all_services(void)
{
    struct servent service, *found;
    char buffer[256];
    int error;
    setservent(1);
    while ((found = getservent()))
        tell("getservent", found->s_proto);
    setservent(0);
    while ((error = getservent_r(&service, buffer, sizeof buffer, &found)) == 0)
        tell("getservent_r", service.s_proto);
    printf("getservent_r: %s\n", errno_name(error));
    endservent();
}

static void protocol(void)
{
    struct protoent protocol, *found;
    char buffer[256];
    tell("getprotobyname", NAME(getprotobyname("TRY"), p_name));
    tell("getprotobynumber", NAME(getprotobynumber(99), p_name));
    CHECK(getprotobyname_r("try", &protocol, buffer, sizeof buffer, &found) == 0);
    tell("getprotobyname_r", NAME(found, p_name));
    CHECK(getprotobynumber_r(1, &protocol, buffer, sizeof buffer, &found) == 0);
    tell("getprotobynumber_r", NAME(found, p_name));
}

static void all_protocols(void)
{
    struct protoent *found;
    while ((found = getprotoent()))
        tell("getprotoent", found->p_name);
    endprotoent();
}

static void network(void)
{
    struct netent network, *found;
    char buffer[256];
    int error;
    found = getnetbyname("near");
    printf("getnetbyname: %s %x\n", NAME(found, n_name), found ? found->n_net : 0);
    tell("getnetbyaddr", NAME(getnetbyaddr(0x7f010200, AF_INET), n_name));
    CHECK(getnetbyname_r("near", &network, buffer, sizeof buffer, &found, &error) == 0);
    tell("getnetbyname_r", NAME(found, n_name));
    h_errno = 0;
    tell("getnetbyname, not known", NAME(getnetbyname("none"), n_name));
    printf("h_errno: %d\n", h_errno);
}

static void all_networks(void)
{
    struct netent *found;
    setnetent(0);
    while ((found = getnetent()))
        tell("getnetent", found->n_name);
    endnetent();
}

static void all_hosts(void)
{
    struct hostent *found;
    sethostent(1);
    while ((found = gethostent()))
        tell("gethostent", found->h_name);
    endhostent();
}

static void program(void)
{
    struct rpcent *found = getrpcbyname("tester");
    printf("getrpcbyname: %s %d\n", NAME(found, r_name), found ? found->r_number : 0);
    tell("getrpcbynumber", NAME(getrpcbynumber(300001), r_name));
    setrpcent(0);
    while ((found = getrpcent()))
        tell("getrpcent", found->r_name);
    endrpcent();
}

static void ethernet(void)
{
    struct ether_addr address = { { 0 } };
    char name[64] = "";
    CHECK(ether_hostton("alpha", &address) == 0);
    printf("ether_hostton: %s\n", ether_ntoa(&address));
    CHECK(ether_ntohost(name, &address) == 0);
    tell("ether_ntohost", name);
}

static void netgroup(void)
{
    char *host, *user, *domain;
    printf("innetgr: %d %d\n", innetgr("team", "alpha", "ann", NULL),
           innetgr("team", "alpha", "bob", NULL));
    CHECK(setnetgrent("team") == 1);
    while (getnetgrent(&host, &user, &domain))
        tell("getnetgrent", user);
    endnetgrent();
}

int main(void)
{
    struct opening calls[] = {
        { "getservbyname", "/etc/services", service, 0 },
        { "getservbyport", "/etc/services", service_by_port, 0 },
        { "getservbyname_r", "/etc/services", service_r, 0 },
        { "getservent", "/etc/services", all_services, 0 },
        { "getprotobyname", "/etc/protocols", protocol, 0 },
        { "getprotoent", "/etc/protocols", all_protocols, 0 },
        { "getnetbyname", "/etc/networks", network, 0 },
        { "getnetent", "/etc/networks", all_networks, 0 },
        { "gethostent", "/etc/hosts", all_hosts, 0 },
        { "getrpcbyname", "/etc/rpc", program, 0 },
        { "ether_hostton", "/etc/ethers", ethernet, 0 },
        { "innetgr", "/etc/netgroup", netgroup, 0 },
    };
    if (!own_etc())
        return 0;
    etc_file("services", "tests 7777/tcp trials\ntests 7778/udp\n");
    etc_file("protocols", "one 1 ONE\ntry 99 TRY\n");
    etc_file("networks", "near 127.1.2.0\nfar 127.3.0.0\n");
    etc_file("hosts", "127.1.2.3 alpha\n127.1.2.4 beta\n");
    etc_file("rpc", "tester 300001 trial\n");
    etc_file("ethers", "2:0:0:0:0:9 alpha\n");
    etc_file("netgroup", "team (alpha,ann,) (beta,bob,)\n");
    make_slow_openings(calls, COUNT(calls));
    return 0;
}
