/* An error of dlopen that nobody has asked for yet is still there after the
 * first thread has been created: dlerror(3).
 */
#include "lib/check.h"

#include <dlfcn.h>

static void *nothing(void *unused) { return unused; }

int main(void)
{
    CHECK(!dlopen("/there/is/no/such.so", RTLD_NOW));
    join(start(nothing, NULL));
    const char *message = dlerror();
    puts(message && strstr(message, "/there/is/no/such.so") ? "kept" : "lost");
    return 0;
}
