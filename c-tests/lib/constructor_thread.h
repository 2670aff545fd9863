/* A library whose constructor starts a thread before main. */
#ifndef CONSTRUCTOR_THREAD_H
#define CONSTRUCTOR_THREAD_H

#include <pthread.h>

extern pthread_t constructor_thread;  /* echoes the bytes of one pipe into another */
extern int constructor_request;       /* where to write to it; close to end it */
extern int constructor_reply;         /* where to read from it */
extern int constructor_met;           /* the constructor and the thread met at a barrier */

#endif
