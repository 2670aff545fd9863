/*
 * The body of a tls_plugin library.  The file that includes it says with MODEL
 * how its variables are addressed and with ZEROES how big the biggest is.
 */
#include "tls_plugin.h"

#include <stdint.h>
#include <string.h>

enum { ALIGNMENT = 64 };

extern const struct tls_plugin tls_plugin;
extern __thread int tls_plugin_number MODEL;

__thread int tls_plugin_number = 4711;
static __thread char text[24] MODEL = "initial text";
static __thread char zeroes[ZEROES] MODEL;
static __thread int *pointer MODEL;
static __thread char aligned[ALIGNMENT] __attribute__((aligned(ALIGNMENT))) MODEL = "aligned";
static __thread int run MODEL = 100;

/* Every access is through memory: the compiler knows the initial values. */
static void forget(void)
{
    __asm__ volatile("" ::: "memory");
}

static const char *stale(void)
{
    forget();
    if (tls_plugin_number != 4711)
        return "number";
    if (strcmp(text, "initial text") != 0)
        return "text";
    for (int i = 0; i < ZEROES; i++)
        if (zeroes[i])
            return "zeroes";
    if (pointer)
        return "pointer";
    if (strcmp(aligned, "aligned") != 0)
        return "aligned";
    if ((uintptr_t)aligned % ALIGNMENT != 0)
        return "alignment";
    if (run != 100 && run != 101)
        return "constructor's";
    return NULL;
}

static void fill(int number)
{
    tls_plugin_number = number;
    memset(text, number, sizeof text);
    memset(zeroes, number, sizeof zeroes);
    pointer = &tls_plugin_number;
    memset(aligned, number, sizeof aligned);
    forget();
}

static int all(const char *bytes, size_t count, int number)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != (char)number)
            return 0;
    return 1;
}

static int filled(int number)
{
    forget();
    return tls_plugin_number == number && pointer == &tls_plugin_number
        && all(text, sizeof text, number) && all(zeroes, sizeof zeroes, number)
        && all(aligned, sizeof aligned, number);
}

static void *address(void)
{
    return &tls_plugin_number;
}

/* Runs within dlopen, when the variables of its thread are initial. */
__attribute__((constructor)) static void construct(void)
{
    forget();
    run++;
    forget();
}

static int constructed(void)
{
    forget();
    return run != 100;
}

const struct tls_plugin tls_plugin = { stale, fill, filled, address, constructed };
