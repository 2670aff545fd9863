/*
 * context_swap: coroutines made with makecontext run inside two threads and
 * block on pipes from their own stacks, while the threads exchange bytes.
 * Follows makecontext(3), swapcontext(3).
 */
#include "lib/expect.h"

#include <ucontext.h>

enum { COROUTINES = 3, ROUNDS = 200, STACK = 64 << 10 };

struct coroutine {
    ucontext_t context;
    struct player *player;
    long sum;
    char stack[STACK];
};

struct player {
    int input, output;
    int number;
    ucontext_t scheduler;
    struct coroutine coroutines[COROUTINES];
};

/* The coroutine a thread is about to enter: makecontext passes only ints. */
static __thread struct coroutine *entered;

static void run_coroutine(void)
{
    struct coroutine *self = entered;
    pthread_t thread = pthread_self();
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char sent = (unsigned char)(round + self->player->number), received;
        SYS(write(self->player->output, &sent, 1));
        SYS(swapcontext(&self->context, &self->player->scheduler));
        SYS(read(self->player->input, &received, 1));
        EXPECT(pthread_equal(thread, pthread_self()));
        self->sum += received;
    }
}

static void prepare(struct coroutine *coroutine, struct player *player)
{
    coroutine->player = player;
    SYS(getcontext(&coroutine->context));
    coroutine->context.uc_stack.ss_sp = coroutine->stack;
    coroutine->context.uc_stack.ss_size = sizeof coroutine->stack;
    coroutine->context.uc_link = &player->scheduler;
    makecontext(&coroutine->context, run_coroutine, 0);
}

static void *play(void *argument)
{
    struct player *player = argument;
    for (int i = 0; i < COROUTINES; i++)
        prepare(&player->coroutines[i], player);
    for (int turn = 0; turn <= ROUNDS; turn++) {
        for (int i = 0; i < COROUTINES; i++) {
            entered = &player->coroutines[i];
            SYS(swapcontext(&player->scheduler, &entered->context));
        }
    }
    return NULL;
}

int main(void)
{
    int there[2], back[2];
    SYS(pipe(there));
    SYS(pipe(back));
    static struct player left, right;
    left.input = back[0], left.output = there[1], left.number = 0;
    right.input = there[0], right.output = back[1], right.number = 7;
    pthread_t threads[2] = { start_thread(play, &left), start_thread(play, &right) };
    join_thread(threads[0]);
    join_thread(threads[1]);

    long left_sum = 0, right_sum = 0, sent_left = 0, sent_right = 0;
    for (int i = 0; i < COROUTINES; i++) {
        left_sum += left.coroutines[i].sum;
        right_sum += right.coroutines[i].sum;
    }
    for (int round = 0; round < ROUNDS; round++) {
        sent_left += COROUTINES * (unsigned char)round;
        sent_right += COROUTINES * (unsigned char)(round + 7);
    }
    printf("left received %ld, right received %ld\n", left_sum, right_sum);
    EXPECT(left_sum == sent_right && right_sum == sent_left);
    return 0;
}
