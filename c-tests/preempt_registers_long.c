/* preempt_registers.c for thirty seconds, with slices of a millisecond.
 *
 * test: args=30000
 * test: env=GREEN_SLICE_MS=1
 * test: timeout=60
 * test: long
 * test: seeds=2
 */
#include "preempt_registers.c"
