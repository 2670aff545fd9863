/* Processes die with process-shared robust mutexes, held by several of their
 * threads: threads of another process that wait for them, or come later, are
 * told EOWNERDEAD, whichever of the two runs natively; a child of fork that ends
 * takes nothing of its parent's: pthread_mutexattr_setrobust(3),
 * get_robust_list(2), fork(2).
 *
 * test: timeout=30
 */
#include "lib/pshared.h"

/* Each has a mutex of its own. */
enum { HOLDERS = 3 };

struct shared {
    pthread_mutex_t mutexes[HOLDERS];
};

static struct shared *shared;
static int held[2], go[2], trying[2];

static void make_mutexes(int properties)
{
    for (int i = 0; i < HOLDERS; i++)
        make_mutex(&shared->mutexes[i], PTHREAD_MUTEX_NORMAL, properties | ROBUST | SHARED);
}

/* ---- the part that dies ------------------------------------------------ */

static void *hold(void *mutex)
{
    CHECK(pthread_mutex_lock(mutex) == 0);
    give(held[1], 'h');
    CHECK(take(go[0]) == 'g');
    return NULL;
}

/* The last mutex is the main thread's. */
static int be_holder(void)
{
    pthread_t threads[HOLDERS - 1];
    for (int i = 0; i < HOLDERS - 1; i++) {
        threads[i] = start(hold, &shared->mutexes[i]);
        CHECK(take(held[0]) == 'h');
    }
    lock_mutex(&shared->mutexes[HOLDERS - 1]);
    give(PEER_WIRE, 'h');
    switch (take(PEER_WIRE)) {
    case '_':
        _exit(0);
    case 'e':
        exit(0);
    default: /* the threads end first, the process lives on for a while */
        for (int i = 0; i < HOLDERS - 1; i++)
            give(go[1], 'g');
        for (int i = 0; i < HOLDERS - 1; i++)
            join(threads[i]);
        give(PEER_WIRE, 't');
        CHECK(take(PEER_WIRE) == '_');
        _exit(0);
    }
}

/* ---- the part that waits ----------------------------------------------- */

static void *take_over(void *argument)
{
    pthread_mutex_t *mutex = argument;
    struct timespec limit = in_an_hour();
    give(trying[1], 't');
    int error = mutex == &shared->mutexes[0] ? pthread_mutex_timedlock(mutex, &limit)
                                             : pthread_mutex_lock(mutex);
    CHECK(error == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(mutex) == 0);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    return NULL;
}

static void start_heirs(pthread_t heirs[HOLDERS])
{
    for (int i = 0; i < HOLDERS; i++)
        heirs[i] = start(take_over, &shared->mutexes[i]);
    for (int i = 0; i < HOLDERS; i++)
        CHECK(take(trying[0]) == 't');
    others_run();
}

static void join_heirs(pthread_t heirs[HOLDERS])
{
    for (int i = 0; i < HOLDERS; i++)
        join(heirs[i]);
    for (int i = 0; i < HOLDERS; i++) {
        lock_mutex(&shared->mutexes[i]);
        unlock_mutex(&shared->mutexes[i]);
    }
}

static int be_heirs(void)
{
    pthread_t heirs[HOLDERS];
    while (take(PEER_WIRE) == 'w') {
        start_heirs(heirs);
        give(PEER_WIRE, 't');
        join_heirs(heirs);
        give(PEER_WIRE, 'j');
    }
    return 0;
}

/* ---- who kills whom ---------------------------------------------------- */

static const struct ending {
    const char *name;
    char order;
} endings[] = {
    { "_exit", '_' },
    { "exit", 'e' },
    { "the threads' ends, then _exit", 't' },
    { "SIGKILL", 'k' },
};

static void end_holder(struct peer holder, const struct ending *ending)
{
    if (ending->order == 'k') {
        kill_part(holder);
        return;
    }
    give(holder.wire, ending->order);
    if (ending->order == 't') {
        CHECK(take(holder.wire) == 't');
        give(holder.wire, '_');
    }
    end_peer(holder);
}

static void show_own_heirs(enum world world, const char *who)
{
    pthread_t heirs[HOLDERS];
    for (size_t i = 0; i < COUNT(endings); i++) {
        for (int waits = 0; waits <= 1; waits++) {
            struct peer holder = start_part("holder", world);
            CHECK(take(holder.wire) == 'h');
            for (int j = 0; j < HOLDERS; j++)
                CHECK(pthread_mutex_trylock(&shared->mutexes[j]) == EBUSY);
            if (waits)
                start_heirs(heirs);
            end_holder(holder, &endings[i]);
            if (!waits)
                start_heirs(heirs);
            join_heirs(heirs);
            printf("  %s, %s: threads who %s got EOWNERDEAD\n", who, endings[i].name,
                   waits ? "waited" : "came later");
        }
    }
}

/* pshared_native_inherit_end.c asks for what is left out here. */
static void show_native_heirs(enum world world, const char *who, int inherits)
{
    struct peer heirs = start_part("heirs", NATIVE);
    for (size_t i = 0; i < COUNT(endings); i++) {
        if (inherits && endings[i].order == 't')
            continue;
        struct peer holder = start_part("holder", world);
        CHECK(take(holder.wire) == 'h');
        give(heirs.wire, 'w');
        CHECK(take(heirs.wire) == 't');
        others_run();
        end_holder(holder, &endings[i]);
        CHECK(take(heirs.wire) == 'j');
        printf("  %s, %s: native threads got EOWNERDEAD\n", who, endings[i].name);
    }
    give(heirs.wire, 'q');
    end_peer(heirs);
}

/* ---- children of fork -------------------------------------------------- */

static void *fork_while_held(void *unused)
{
    pthread_mutex_t *mutex = &shared->mutexes[0];
    lock_mutex(mutex);
    pid_t child = fork();
    if (child == 0) {
        CHECK(pthread_mutex_trylock(mutex) == EBUSY);
        CHECK(pthread_mutex_unlock(mutex) == EPERM);
        lock_mutex(&shared->mutexes[1]);
        _exit(0);
    }
    printf("  forked by a holder: %s", child_end(child));
    CHECK(pthread_mutex_lock(&shared->mutexes[1]) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&shared->mutexes[1]) == 0);
    unlock_mutex(&shared->mutexes[1]);
    CHECK(pthread_mutex_consistent(mutex) == EINVAL);
    unlock_mutex(mutex);
    puts(", the child left what it held, not what we hold");
    return unused;
}

static void show_forked(void)
{
    pthread_t heirs[HOLDERS];
    join(start(fork_while_held, NULL));
    lock_mutex(&shared->mutexes[0]);
    unlock_mutex(&shared->mutexes[0]);

    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        CHECK(dup2(ends[1], PEER_WIRE) == PEER_WIRE && close(ends[0]) == 0);
        be_holder();
    }
    close(ends[1]);
    struct peer holder = { child, ends[0] };
    CHECK(take(holder.wire) == 'h');
    start_heirs(heirs);
    kill_part(holder);
    join_heirs(heirs);
    puts("  a child of fork, SIGKILL: threads who waited got EOWNERDEAD");
}

static void show(const char *name, int properties)
{
    puts(name);
    make_mutexes(properties);
    show_own_heirs(NATIVE, "native");
    show_own_heirs(LIKE_US, "like us");
    show_native_heirs(LIKE_US, "like us", properties & INHERIT);
    show_forked();
}

int main(int argc, char **argv)
{
    const char *part = part_of(argc, argv);
    CHECK(pipe(held) == 0 && pipe(go) == 0 && pipe(trying) == 0);
    shared = shared_memory(sizeof *shared, part != NULL);
    if (part)
        return strcmp(part, "holder") == 0 ? be_holder() : be_heirs();
    show("robust", 0);
    show("robust, inheriting", INHERIT);
    return 0;
}
