/*
 * cond_producer_consumer: four producers and four consumers share a bounded
 * queue; every item arrives once, and each producer's items in their order.
 * Follows pthread_cond_wait(3).
 */
#include "lib/expect.h"

enum { PRODUCERS = 4, CONSUMERS = 4, ITEMS = 5000, ROOM = 7, END = -1 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static long queue[ROOM];
static int head, length;

static void put(long item)
{
    OK(pthread_mutex_lock(&mutex));
    while (length == ROOM)
        OK(pthread_cond_wait(&not_full, &mutex));
    queue[(head + length++) % ROOM] = item;
    OK(pthread_cond_signal(&not_empty));
    OK(pthread_mutex_unlock(&mutex));
}

static long get(void)
{
    OK(pthread_mutex_lock(&mutex));
    while (length == 0)
        OK(pthread_cond_wait(&not_empty, &mutex));
    long item = queue[head];
    head = (head + 1) % ROOM;
    length--;
    OK(pthread_cond_signal(&not_full));
    OK(pthread_mutex_unlock(&mutex));
    return item;
}

static void *produce(void *argument)
{
    long producer = (intptr_t)argument;
    for (long i = 0; i < ITEMS; i++)
        put(producer * ITEMS + i);
    return NULL;
}

static void *consume(void *unused)
{
    (void)unused;
    long last[PRODUCERS] = { -1, -1, -1, -1 };
    long sum = 0, item;
    while ((item = get()) != END) {
        EXPECT(item % ITEMS > last[item / ITEMS]);
        last[item / ITEMS] = item % ITEMS;
        sum += item;
    }
    return (void *)sum;
}

int main(void)
{
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    for (intptr_t i = 0; i < CONSUMERS; i++)
        consumers[i] = start_thread(consume, NULL);
    for (intptr_t i = 0; i < PRODUCERS; i++)
        producers[i] = start_thread(produce, (void *)i);
    for (int i = 0; i < PRODUCERS; i++)
        join_thread(producers[i]);
    for (int i = 0; i < CONSUMERS; i++)
        put(END);
    long sum = 0;
    for (int i = 0; i < CONSUMERS; i++)
        sum += (intptr_t)join_thread(consumers[i]);

    const long count = PRODUCERS * ITEMS;
    printf("%ld items, sum %ld\n", count, sum);
    EXPECT(sum == count * (count - 1) / 2 && length == 0);
    return 0;
}
