/*
 * Threads that use a tls_plugin library which comes and goes: in each round the
 * library is opened, looked at and changed by threads that existed before, by
 * new ones and by main, and closed again.  Main opens it twice, then twice a
 * thread that has used it; by its path, and by its name alone, which is looked
 * for where the RUNPATH of the caller says.
 */
#ifndef TLS_ROUNDS_H
#define TLS_ROUNDS_H

#include "gate.h"
#include "tls_plugin.h"

#include <semaphore.h>

enum { OLD = 8, NEW = 6, USERS = 1 + OLD + NEW, ROUNDS = 4, OPENER = 5 };

struct user {
    int number;             /* 0: main; up to OLD: the old threads */
    pthread_t thread;
    char stale[20];         /* what was not initial, or "" */
    int constructed;        /* has the constructor run here in this round? */
    int kept;
    void *address;          /* NULL: left it alone in this round */
};

static const struct tls_plugin *plugin;
static void *plugin_handle;
static struct user users[USERS];
static struct gate gates[ROUNDS];
static pthread_barrier_t everybody;
static struct gate opener_gates[ROUNDS];
static sem_t started, opened;

static void look(struct user *user)
{
    const char *stale = plugin->stale();
    if (stale)
        snprintf(user->stale, sizeof user->stale, "%s", stale);
    user->constructed = plugin->constructed();
}

/* All change their variables before anybody looks whether they kept them.  Every fourth
 * old thread leaves the library alone, another one in each round. */
static void use(struct user *user, int round)
{
    int number = user->number;
    user->address = NULL;
    int idle = number > 0 && number <= OLD && number % 4 == round;
    if (!idle) {
        look(user);
        plugin->fill(number + 1);
        user->address = plugin->address();
    }
    pthread_barrier_wait(&everybody);
    user->kept = idle || (plugin->filled(number + 1) && plugin->address() == user->address);
    pthread_barrier_wait(&everybody);
}

static void open_plugin(int round)
{
    const char *name = strrchr(PLUGIN, '/') + 1;
    plugin = plugin_open_as(round % 2 ? name : PLUGIN, &plugin_handle);
}

static int thread_opens(int round)
{
    return round >= ROUNDS / 2;
}

static void *old_thread(void *argument)
{
    struct user *user = argument;
    SYS(sem_post(&started));
    for (int round = 0; round < ROUNDS; round++) {
        if (user->number == OPENER && thread_opens(round)) {
            gate_wait(&opener_gates[round]);
            open_plugin(round);
            look(user);
            SYS(sem_post(&opened));
        }
        gate_wait(&gates[round]);
        use(user, round);
    }
    return NULL;
}

static int new_thread_round;

static void *new_thread(void *argument)
{
    use(argument, new_thread_round);
    return NULL;
}

static int report(int round)
{
    int initial = 0, kept = 0, looked = 0, apart = 1, right = 1;
    int opener = thread_opens(round) ? OPENER : 0;
    for (int i = 0; i < USERS; i++) {
        const struct user *user = &users[i];
        const char *kind = i == opener ? "the opener" : i == 0 ? "main" : i <= OLD ? "old" : "new";
        if (user->stale[0])
            printf("  user %d (%s): %s not initial\n", i, kind, user->stale);
        looked += user->address != NULL;
        initial += user->address && !user->stale[0];
        kept += user->kept;
        for (int j = 0; j < i; j++)
            apart &= !user->address || user->address != users[j].address;
        if (user->address && user->constructed != (i == opener)) {
            printf("  user %d (%s): constructor's work is %s\n", i, kind,
                   i == opener ? "gone" : "here");
            right = 0;
        }
    }
    printf("round %d: %d of %d found initial values, %d of %d kept their own, addresses %s\n",
           round + 1, initial, looked, kept, USERS, apart ? "differ" : "coincide");
    return right && initial == looked && kept == USERS && apart;
}

static int run_rounds(void)
{
    int right = 1;
    OK(pthread_barrier_init(&everybody, NULL, USERS));
    SYS(sem_init(&started, 0, 0));
    SYS(sem_init(&opened, 0, 0));
    for (int round = 0; round < ROUNDS; round++) {
        gates[round] = gate_make();
        opener_gates[round] = gate_make();
    }
    for (int i = 0; i < USERS; i++)
        users[i].number = i;
    for (int i = 1; i <= OLD; i++)
        users[i].thread = start_thread(old_thread, &users[i]);
    /* All but two have run, and all exist, when the library comes. */
    for (int i = 0; i < OLD - 2; i++)
        SYS(sem_wait(&started));

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < USERS; i++)
            users[i].stale[0] = '\0';
        gate_open(&opener_gates[round]);
        if (thread_opens(round))
            SYS(sem_wait(&opened));
        else
            open_plugin(round);
        new_thread_round = round;
        for (int i = OLD + 1; i < USERS; i++)
            users[i].thread = start_thread(new_thread, &users[i]);
        gate_open(&gates[round]);
        use(&users[0], round);
        right &= report(round);
        for (int i = OLD + 1; i < USERS; i++)
            join_thread(users[i].thread);
        plugin_close(plugin_handle);
        printf("closed, %s\n", plugin_is_loaded() ? "still loaded" : "unloaded");
    }
    for (int i = 1; i <= OLD; i++)
        join_thread(users[i].thread);
    return right;
}

#endif
