/* Semaphores: how much is left of one, and new named ones. */
#ifndef SEMAPHORES_H
#define SEMAPHORES_H

#include "verdict.h"
#include <fcntl.h>
#include <semaphore.h>

static inline int value_of(sem_t *semaphore)
{
    int value;
    CHECK(sem_getvalue(semaphore, &value) == 0);
    return value;
}

/* A name that no other process takes. */
static inline sem_t *open_new(char name[40], const char *word)
{
    snprintf(name, 40, "/check-%s-%d", word, (int)getpid());
    sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    CHECK(semaphore != SEM_FAILED);
    return semaphore;
}

/* Named once; no name stays. */
static inline sem_t *open_unlinked(unsigned value)
{
    char name[40];
    snprintf(name, sizeof name, "/check-unlinked-%d", (int)getpid());
    sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, value);
    CHECK(semaphore != SEM_FAILED && sem_unlink(name) == 0);
    return semaphore;
}

#endif
