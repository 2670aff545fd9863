/* Any thread may change the user and the groups of the process: setuid(2),
 * setgroups(2), initgroups(3). The others see it at once.
 */
#include "lib/check.h"

#include <grp.h>

static void result(const char *name, int value)
{
    printf("%s: %d %s\n", name, value, value < 0 ? errno_name(errno) : "");
}

static void *see(void *unused)
{
    gid_t groups[64];
    int count = getgroups(64, groups);
    printf("groups: %d, first %d\n", count, count > 0 ? (int)groups[0] : -1);
    return unused;
}

static void *change(void *unused)
{
    gid_t group = getegid();
    result("setgroups", setgroups(1, &group));
    join(start(see, NULL));
    result("setresgid", setresgid(-1, group, -1));
    result("setregid", setregid(-1, group));
    result("setegid", setegid(group));
    result("setgid", setgid(group));
    result("setresuid", setresuid(-1, geteuid(), -1));
    result("setreuid", setreuid(-1, geteuid()));
    result("seteuid", seteuid(geteuid()));
    result("setuid", setuid(getuid()));
    result("initgroups", initgroups("root", 0));
    join(start(see, NULL));
    result("setresuid, no user", setresuid(-1, 65534, -1) == 0 || errno == EPERM ? 0 : -1);
    others_run();
    result("seteuid, back", seteuid(getuid()));
    return unused;
}

int main(void)
{
    join(start(change, NULL));
    see(NULL);
    change(NULL);
    return 0;
}
