/*
 * cond_signal: two threads pass a ball 10,000 times with one condition each.
 * Follows pthread_cond_signal(3), pthread_cond_wait(3).
 */
#include "lib/expect.h"

enum { PASSES = 10000 };

struct player {
    int side;
    int moves;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn[2];
static int ball;

static void *play(void *argument)
{
    struct player *player = argument;
    pthread_mutex_lock(&mutex);
    while (ball < PASSES) {
        if (ball % 2 == player->side) {
            ball++;
            player->moves++;
            OK(pthread_cond_signal(&turn[!player->side]));
        } else {
            OK(pthread_cond_wait(&turn[player->side], &mutex));
        }
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    struct player players[2] = { { 0, 0 }, { 1, 0 } };
    for (int i = 0; i < 2; i++)
        OK(pthread_cond_init(&turn[i], NULL));
    show("signal without waiters", pthread_cond_signal(&turn[0]));
    pthread_t left = start_thread(play, &players[0]);
    pthread_t right = start_thread(play, &players[1]);
    join_thread(left);
    join_thread(right);
    printf("%d passes, %d and %d moves\n", ball, players[0].moves, players[1].moves);
    EXPECT(players[0].moves == PASSES / 2 && players[1].moves == PASSES / 2);
    for (int i = 0; i < 2; i++)
        show("destroy", pthread_cond_destroy(&turn[i]));
    return 0;
}
