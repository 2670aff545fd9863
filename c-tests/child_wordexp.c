/* wordexp(3) stops the calling thread alone while a command substitution runs;
 * results and error codes are those of the man page.
 */
#include "lib/beside.h"
#include "lib/command.h"
#include "lib/crowd.h"
#include <wordexp.h>

enum { THREADS = 8 };

static const char *code_name(int code)
{
    switch (code) {
    case 0: return "0";
    case WRDE_BADCHAR: return "WRDE_BADCHAR";
    case WRDE_BADVAL: return "WRDE_BADVAL";
    case WRDE_CMDSUB: return "WRDE_CMDSUB";
    case WRDE_NOSPACE: return "WRDE_NOSPACE";
    case WRDE_SYNTAX: return "WRDE_SYNTAX";
    default: return "?";
    }
}

static void expand(const char *text, int flags)
{
    wordexp_t words;
    int code = wordexp(text, &words, flags);
    printf("%s: %s", text, code_name(code));
    if (code == 0) {
        for (size_t i = 0; i < words.we_wordc; i++)
            printf(" [%s]", words.we_wordv[i]);
        wordfree(&words);
    }
    printf("\n");
}

static void *slow(void *unused)
{
    expand("a $(echo x >&9; read word <&8; echo b $word) `echo c`", 0);
    return unused;
}

static void *codes(void *unused)
{
    setenv("WORD", "two words", 1), unsetenv("MISSING");
    expand("$WORD \"$WORD\" ${MISSING:-else} $((6 * 7))", 0);
    expand("/proc/self/stat[u]s", 0);
    expand("$(exit 3) end", 0);
    expand("$(echo x)", WRDE_NOCMD);
    expand("$MISSING", WRDE_UNDEF);
    expand("a | b", 0);
    expand("\"open", 0);
    expand("$(kill -9 $$) end", 0);
    return unused;
}

static void *one_of_many(void *number)
{
    char text[64];
    wordexp_t words;
    snprintf(text, sizeof text, "$(echo a%ld b)", (long)number);
    for (int i = 0; i < 3; i++) {
        CHECK(wordexp(text, &words, 0) == 0 && words.we_wordc == 2);
        CHECK(words.we_wordv[0][1] == '0' + (long)number);
        wordfree(&words);
    }
    return NULL;
}

int main(void)
{
    open_command_pipes();
    beside("wordexp", slow, at_command, let_go, NULL);
    join(start(codes, NULL));
    run_numbered(THREADS, one_of_many);
    printf("%d at once\n", THREADS);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    return 0;
}
