/*
 * thread_exit_value: pthread_exit deep inside nested calls ends the thread,
 * runs the cleanup handlers of all frames, the newest first, and hands its
 * value to join.
 * Follows pthread_exit(3), pthread_cleanup_push(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

static struct gate gate;

static void report(void *name)
{
    printf("cleanup: %s\n", (const char *)name);
}

/* A cleanup handler may block. */
static void report_after_gate(void *name)
{
    gate_wait(&gate);
    report(name);
}

static void innermost(void *value)
{
    pthread_cleanup_push(report, (void *)"innermost, first pushed");
    pthread_cleanup_push(report_after_gate, (void *)"innermost, last pushed");
    pthread_exit(value);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
}

static void middle(void *value)
{
    pthread_cleanup_push(report, (void *)"middle");
    pthread_cleanup_push(report, (void *)"popped, executed");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(report, (void *)"popped, not executed");
    pthread_cleanup_pop(0);
    innermost(value);
    pthread_cleanup_pop(0);
}

static void *outermost(void *value)
{
    pthread_cleanup_push(report, (void *)"outermost");
    middle(value);
    pthread_cleanup_pop(0);
    EXPECT(!"pthread_exit returned");
    return NULL;
}

int main(void)
{
    gate = gate_make();
    pthread_t thread = start_thread(outermost, (void *)"forty-two");
    gate_open(&gate);
    const char *value = join_thread(thread);
    printf("value: %s\n", value);
    EXPECT(strcmp(value, "forty-two") == 0);
    return 0;
}
