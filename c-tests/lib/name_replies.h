/* One name server, `server`, whose answers come when beside() releases the call that asked.
 *
 *   reply = ns_r_noerror, reply_address = "127.0.0.9";
 *   beside("res_query", ask, await_query, reply_now, NULL);
 */
#ifndef NAME_REPLIES_H
#define NAME_REPLIES_H

#include "beside.h"
#include "name_server.h"

static struct name_server server;
static int reply;
static const char *reply_address;

static inline void await_query(void *unused)
{
    (void)unused;
    take_query(&server);
}

static inline void reply_now(void *unused)
{
    (void)unused;
    answer_query(&server, reply, reply_address);
}

/* The name of an address: delta.invalid. */
static inline void reply_name(void *unused)
{
    static const char name[] = "\005delta\007invalid";
    (void)unused;
    answer_with(&server, 0, name, sizeof name);
}

static inline void reply_nothing(void *unused)
{
    (void)unused;
}

#endif
