/* The resolver's own calls stop the calling thread alone while the server thinks:
 * res_query, res_search, res_querydomain, res_send and their forms with a state,
 * resolver(3). h_errno is the thread's, and so is `_res`, which a call leaves as
 * it was.
 *
 * test: cflags=-lresolv
 * test: slow
 */
#include "lib/name_replies.h"

enum { A = ns_t_a, IN = ns_c_in };

static unsigned char answer[512];

static void tell(const char *call, int size)
{
    int error = h_errno;
    ns_msg message;
    ns_rr record;
    if (size == -1) {
        printf("%s: -1, %s\n", call, hstrerror(error));
        return;
    }
    CHECK(ns_initparse(answer, size, &message) == 0);
    int records = ns_msg_count(message, ns_s_an);
    printf("%s: %d bytes, %d records", call, size, records);
    if (records > 0) {
        CHECK(ns_parserr(&message, ns_s_an, 0, &record) == 0);
        printf(", %s %d", ns_rr_name(record), ns_rr_rdata(record)[3]);
    }
    printf("\n");
}

static int query(void)
{
    return res_query("gamma.invalid.", IN, A, answer, sizeof answer);
}

static int search(void)
{
    _res.options &= ~RES_DNSRCH;
    return res_search("gamma.invalid", IN, A, answer, sizeof answer);
}

static int with_domain(void)
{
    return res_querydomain("gamma", "invalid", IN, A, answer, sizeof answer);
}

static int send_it(void)
{
    unsigned char question[512];
    int size = res_mkquery(QUERY, "gamma.invalid.", IN, A, NULL, 0, NULL, question, sizeof question);
    CHECK(size > 0);
    return res_send(question, size, answer, sizeof answer);
}

/* A state that is no thread's. */
static int with_state(int (*ask)(res_state))
{
    struct __res_state state = { 0 };
    CHECK(res_ninit(&state) == 0);
    state.nscount = 1, state.nsaddr_list[0] = server.address;
    int size = ask(&state), error = h_errno;
    res_nclose(&state);
    h_errno = error;
    return size;
}

static int nquery_with(res_state state)
{
    return res_nquery(state, "gamma.invalid.", IN, A, answer, sizeof answer);
}

static int nsend_with(res_state state)
{
    unsigned char question[512];
    int size = res_nmkquery(state, QUERY, "gamma.invalid.", IN, A, NULL, 0, NULL, question,
                            sizeof question);
    CHECK(size > 0);
    return res_nsend(state, question, size, answer, sizeof answer);
}

static int nsearch_with(res_state state)
{
    return res_nsearch(state, "gamma.invalid.", IN, A, answer, sizeof answer);
}

static int nquerydomain_with(res_state state)
{
    return res_nquerydomain(state, "gamma", "invalid", IN, A, answer, sizeof answer);
}

static int nquery(void) { return with_state(nquery_with); }
static int nsend(void) { return with_state(nsend_with); }
static int nsearch(void) { return with_state(nsearch_with); }
static int nquerydomain(void) { return with_state(nquerydomain_with); }

/* The thread's own state, named. */
static int nquery_own(void) { return nquery_with(&_res); }

struct asking {
    const char *name;
    int (*ask)(void);
};

static void *ask(void *argument)
{
    const struct asking *asking = argument;
    ask_name_server(&server);
    _res.retry = 7, h_errno = 0;
    tell(asking->name, asking->ask());
    CHECK(_res.retry == 7 && _res.nscount == 1);
    CHECK(_res.nsaddr_list[0].sin_port == server.address.sin_port);
    return NULL;
}

static void *in_vain(void *unused)
{
    ask_name_server(&server);
    _res.retrans = _res.retry = 1;
    h_errno = 0;
    int size = query(), error = errno;
    tell("nobody answers", size);
    printf("nobody answers: %s\n", errno_name(error));
    CHECK(close(server.fd) == 0);
    size = query(), error = errno;
    tell("nobody is there", size);
    printf("nobody is there: %s\n", errno_name(error));
    return unused;
}

int main(void)
{
    static struct asking askings[] = {
        { "res_query", query }, { "res_search", search }, { "res_querydomain", with_domain },
        { "res_send", send_it }, { "res_nquery", nquery }, { "res_nsearch", nsearch },
        { "res_nquerydomain", nquerydomain }, { "res_nsend", nsend },
        { "res_nquery, own state", nquery_own },
    };
    static const struct { int code; const char *address; } replies[] = {
        { ns_r_noerror, "127.0.0.9" }, { ns_r_noerror, NULL }, { ns_r_nxdomain, NULL },
    };
    open_name_server(&server);
    for (size_t i = 0; i < COUNT(askings); i++)
        for (size_t j = 0; j < COUNT(replies); j++) {
            reply = replies[j].code, reply_address = replies[j].address;
            beside(askings[i].name, ask, await_query, reply_now, &askings[i]);
        }
    beside("in vain", in_vain, await_query, reply_nothing, NULL);
    return 0;
}
