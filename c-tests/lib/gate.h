/*
 * A gate: threads block in read() on a pipe until somebody opens it.  Opening
 * closes the pipe's write end, so that every reader, early or late, gets
 * end-of-file.
 */
#ifndef GATE_H
#define GATE_H

#include "verdict.h"

struct gate {
    int read_end;
    int write_end;
};

static inline struct gate gate_make(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    struct gate gate = { ends[0], ends[1] };
    return gate;
}

static inline void gate_wait(const struct gate *gate)
{
    char byte;
    CHECK(read(gate->read_end, &byte, 1) == 0);
}

static inline void gate_open(const struct gate *gate)
{
    CHECK(close(gate->write_end) == 0);
}

#endif
