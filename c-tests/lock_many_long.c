/* lock_many with a thousand threads.
 * test: long
 * test: timeout=60
 */
#define THREADS 1000
#include "lock_many.c"
