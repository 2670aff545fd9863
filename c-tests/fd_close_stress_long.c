/* fd_close_stress.c for twenty seconds.
 *
 * test: args=20
 * test: timeout=60
 * test: long
 * test: seeds=2
 */
#include "fd_close_stress.c"
