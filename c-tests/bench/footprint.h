/* What memory the threads of this process have taken since an earlier moment, for
 * each thread: resident memory and page tables (/proc/self/status), kernel stacks
 * (16 KiB for each kernel thread on x86-64), and the kernel's other records, its
 * slabs, which /proc/meminfo counts for the whole system: proc(5).
 */
#ifndef FOOTPRINT_H
#define FOOTPRINT_H

#include "bench.h"

enum { KERNEL_STACK_KIB = 16 };

struct footprint {
    long rss, page_tables, kernel_stacks, slabs;    /* KiB */
};

static inline long number_in(const char *path, const char *key)
{
    char line[256];
    long number = -1;
    FILE *file = fopen(path, "r");

    CHECK(file);
    while (number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            number = atol(line + strlen(key));
    fclose(file);
    CHECK(number >= 0);
    return number;
}

/* The kernel frees the records of threads that have ended, of earlier programs too, a
 * little later: waits until its slabs shrink no more, a second at most. */
static inline void let_slabs_settle(void)
{
    struct timespec pause = { 0, 20000000 };
    long before, after = number_in("/proc/meminfo", "SUnreclaim:");

    for (int tries = 0, quiet = 0; tries < 50 && quiet < 3; tries++) {
        before = after;
        nanosleep(&pause, NULL);
        after = number_in("/proc/meminfo", "SUnreclaim:");
        quiet = before - after < 64 ? quiet + 1 : 0;
    }
}

static inline struct footprint footprint_now(void)
{
    struct footprint footprint;
    footprint.rss = number_in("/proc/self/status", "VmRSS:");
    footprint.page_tables = number_in("/proc/self/status", "VmPTE:");
    footprint.kernel_stacks = number_in("/proc/self/status", "Threads:") * KERNEL_STACK_KIB;
    footprint.slabs = number_in("/proc/meminfo", "SUnreclaim:");
    return footprint;
}

static inline void report_bytes(const char *label, const char *what, long kib, long threads)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", label, what);
    report(name, (double)kib * 1024 / (double)threads, "B/thread");
}

static inline void report_growth(const char *label, struct footprint before, long threads)
{
    struct footprint after = footprint_now();
    long rss = after.rss - before.rss, page_tables = after.page_tables - before.page_tables;
    long stacks = after.kernel_stacks - before.kernel_stacks, slabs = after.slabs - before.slabs;

    report_bytes(label, "rss", rss, threads);
    report_bytes(label, "page_tables", page_tables, threads);
    report_bytes(label, "kernel_stacks", stacks, threads);
    report_bytes(label, "kernel_slabs", slabs, threads);
    report_bytes(label, "total", rss + page_tables + stacks + slabs, threads);
}

#endif
