/* Initialises a mutex of a type, PTHREAD_MUTEX_RECURSIVE and so on. */
#ifndef MUTEX_OF_TYPE_H
#define MUTEX_OF_TYPE_H

#include "expect.h"

static inline void mutex_of_type(pthread_mutex_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_settype(&attributes, type));
    OK(pthread_mutex_init(mutex, &attributes));
    OK(pthread_mutexattr_destroy(&attributes));
}

#endif
