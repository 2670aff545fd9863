/*
 * tls_locale_ctype: character classes work in every thread, uselocale is each
 * thread's own, and strerror's buffer for unknown errors too.
 * Follows isalpha(3), uselocale(3), strerror(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <ctype.h>
#include <locale.h>
#include <wchar.h>

enum { THREADS = 10 };

static struct gate gate;
static locale_t utf8;

static int ctype_works(void)
{
    int letters = 0;
    for (int c = 0; c < 128; c++)
        letters += isalpha(c) != 0;
    return letters == 52 && toupper('q') == 'Q' && tolower('Q') == 'q' && isspace('\t')
        && !isdigit('x');
}

static int is_utf8(void)
{
    wchar_t wide;
    return MB_CUR_MAX > 1 && mbtowc(&wide, "\xc3\xa9", 2) == 2 && wide == 0xe9;
}

static void *use(void *argument)
{
    intptr_t number = (intptr_t)argument;
    int right = ctype_works() && uselocale(NULL) == LC_GLOBAL_LOCALE && !is_utf8();
    if (number % 2)
        uselocale(utf8);
    char *message = strerror(9000 + (int)number);
    gate_wait(&gate);

    char expected[40];
    snprintf(expected, sizeof expected, "Unknown error %d", 9000 + (int)number);
    right &= strcmp(message, expected) == 0;
    right &= is_utf8() == number % 2 && ctype_works();
    right &= uselocale(NULL) == (number % 2 ? utf8 : LC_GLOBAL_LOCALE);
    return (void *)(intptr_t)right;
}

int main(void)
{
    utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    EXPECT(utf8);
    gate = gate_make();
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(use, (void *)i);
    gate_open(&gate);
    for (int i = 0; i < THREADS; i++) {
        int right = join_thread(threads[i]) != NULL;
        printf("thread %d: %s\n", i, right ? "right" : "wrong");
        EXPECT(right);
    }
    printf("main: %s, %s\n", strerror(ENOENT), is_utf8() ? "UTF-8" : "not UTF-8");
    return 0;
}
