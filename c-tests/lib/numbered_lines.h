/* Lines of several writers: the writer's number, the line's, and 1 to 60 dots by that. Torn or
 * lost ones, and those out of order, are found by who reads them.
 *
 *   print a line:  "%ld %d %.*s\n", writer, number, dots_of(number), dots
 */
#ifndef NUMBERED_LINES_H
#define NUMBERED_LINES_H

#include "check.h"

static const char dots[] = "............................................................";

static inline int dots_of(int number) { return 1 + number % 60; }

/* To the end of what comes: each writer's lines are whole, in order, and so many. */
static inline void check_lines(int from, int writers, int lines)
{
    FILE *in = fdopen(from, "r");
    int next[writers];
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    CHECK(in);
    memset(next, 0, sizeof next);
    while ((length = getline(&line, &size, in)) > 0) {
        int writer, number, end;
        CHECK(sscanf(line, "%d %d %n", &writer, &number, &end) == 2);
        CHECK(writer >= 0 && writer < writers && number == next[writer]);
        CHECK(length == end + dots_of(number) + 1);
        CHECK((int)strspn(line + end, ".") == dots_of(number));
        next[writer]++;
    }
    for (int i = 0; i < writers; i++)
        CHECK(next[i] == lines);
    free(line);
    fclose(in);
}

#endif
