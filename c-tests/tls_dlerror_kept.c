/* An error of dlopen that nobody has asked for yet is still there after other
 * calls, and after the first thread has been created: dlerror(3).
 */
#include "lib/check.h"

#include <dlfcn.h>

static void *nothing(void *unused) { return unused; }

static void expect_kept(const char *after)
{
    const char *message = dlerror();
    printf("%s: %s\n", after, message && strstr(message, "/there/is/no/such.so") ? "kept" : "lost");
}

int main(void)
{
    CHECK(!dlopen("/there/is/no/such.so", RTLD_NOW));
    expect_kept("nothing called");
    CHECK(!dlopen("/there/is/no/such.so", RTLD_NOW));
    CHECK(close(dup(0)) == 0 && usleep(0) == 0 && access("/", F_OK) == 0);
    expect_kept("calls");
    CHECK(!dlopen("/there/is/no/such.so", RTLD_NOW));
    join(start(nothing, NULL));
    expect_kept("a thread");
    return 0;
}
