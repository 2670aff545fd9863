/* For programs that start others: threads print lines in turn, through a pipe
 * and a condition variable; with an argument, one prints four letters without a
 * newline, waits for a byte of standard input and ends the line: stdio(3).
 */
#include "../lib/check.h"

enum { THREADS = 5, LINES = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;
static int tokens[2];

static void *print_lines(void *number)
{
    int own = *(int *)number;
    for (int line = own; line < LINES; line += THREADS) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        while (turn != line)
            CHECK(pthread_cond_wait(&changed, &mutex) == 0);
        printf("line %d of thread %d\n", line, own);
        turn++;
        CHECK(pthread_cond_broadcast(&changed) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        give(tokens[1], 't');
    }
    return NULL;
}

static void *print_token(void *unused)
{
    fputs("t", stdout);
    CHECK(read(STDIN_FILENO, &(char){ 0 }, 1) == 1);
    puts("oken");
    return unused;
}

int main(int count, char **unused)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];

    (void)unused;
    if (count > 1) {
        join(start(print_token, NULL));
        return 0;
    }
    CHECK(pipe(tokens) == 0);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        threads[i] = start(print_lines, &numbers[i]);
    }
    for (int i = 0; i < LINES; i++)
        take(tokens[0]);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    return 0;
}
