/*
 * A gate: threads block in read() on a pipe until somebody opens it.  Opening
 * closes the pipe's write end, so that every reader, early or late, gets
 * end-of-file.
 */
#ifndef GATE_H
#define GATE_H

#include "expect.h"

struct gate {
    int read_end;
    int write_end;
};

static inline struct gate gate_make(void)
{
    int ends[2];
    SYS(pipe(ends));
    struct gate gate = { ends[0], ends[1] };
    return gate;
}

static inline void gate_wait(const struct gate *gate)
{
    char byte;
    ssize_t got = SYS(read(gate->read_end, &byte, 1));
    EXPECT(got == 0);
}

static inline void gate_open(const struct gate *gate)
{
    SYS(close(gate->write_end));
}

#endif
