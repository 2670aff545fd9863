/* preempt_disturbed.c for thirty seconds.
 *
 * test: args=30000
 * test: env=GREEN_SLICE_MS=1
 * test: timeout=60
 * test: long
 * test: seeds=2
 */
#include "preempt_disturbed.c"
