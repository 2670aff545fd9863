/* Look-ups of users and groups hold up nobody else however slow their files are,
 * and their results and errors are those of getpwnam(3), getpwent(3), getgrnam(3),
 * getgrent(3), getgrouplist(3), getspnam(3), initgroups(3).
 */
#include "lib/own_etc.h"
#include "lib/slow_file.h"
#include <grp.h>
#include <pwd.h>
#include <shadow.h>

static void tell(const char *call, const char *found)
{
    printf("%s: %s\n", call, found ? found : "nobody");
}

static void by_name(void)
{
    struct passwd *user = getpwnam("ann");
    CHECK(user && user->pw_uid == 4711 && strcmp(user->pw_dir, "/home/ann") == 0);
    tell("getpwnam", user->pw_name);
}

static void by_number(void)
{
    struct passwd *user = getpwuid(4712);
    tell("getpwuid", user ? user->pw_name : NULL);
}

static void by_name_r(void)
{
    struct passwd user, *found;
    char buffer[256];
    CHECK(getpwnam_r("bob", &user, buffer, sizeof buffer, &found) == 0);
    tell("getpwnam_r", found == &user ? user.pw_name : NULL);
    CHECK(getpwnam_r("none", &user, buffer, sizeof buffer, &found) == 0);
    tell("getpwnam_r, not known", found ? "?" : NULL);
    printf("getpwnam_r, no room: %s\n",
           errno_name(getpwnam_r("bob", &user, buffer, 8, &found)));
}

static void by_number_r(void)
{
    struct passwd user, *found;
    char buffer[256];
    CHECK(getpwuid_r(4711, &user, buffer, sizeof buffer, &found) == 0);
    tell("getpwuid_r", found == &user ? user.pw_name : NULL);
    printf("getpwuid_r, no room: %s\n",
           errno_name(getpwuid_r(4711, &user, buffer, 8, &found)));
}

static void all_users(void)
{
    struct passwd *user;
    setpwent();
    for (int i = 0; i < 2; i++) {
        while ((user = getpwent()))
            tell("getpwent", user->pw_name);
        setpwent();
    }
    endpwent();
}

static void all_users_r(void)
{
    struct passwd user, *found;
    char buffer[256];
    int error;
    while ((error = getpwent_r(&user, buffer, sizeof buffer, &found)) == 0)
        tell("getpwent_r", user.pw_name);
    printf("getpwent_r: %s\n", errno_name(error));
    endpwent();
}

static void group_by_name(void)
{
    struct group *group = getgrnam("staff");
    CHECK(group && group->gr_gid == 50 && strcmp(group->gr_mem[1], "bob") == 0);
    tell("getgrnam", group->gr_name);
}

static void group_by_number(void)
{
    struct group *group = getgrgid(60);
    tell("getgrgid", group ? group->gr_name : NULL);
}

static void group_r(void)
{
    struct group group, *found;
    char buffer[256];
    CHECK(getgrnam_r("games", &group, buffer, sizeof buffer, &found) == 0);
    tell("getgrnam_r", found ? group.gr_name : NULL);
    CHECK(getgrgid_r(50, &group, buffer, sizeof buffer, &found) == 0);
    tell("getgrgid_r", found ? group.gr_name : NULL);
    printf("getgrgid_r, no room: %s\n",
           errno_name(getgrgid_r(50, &group, buffer, 8, &found)));
}

static void all_groups(void)
{
    struct group *group;
    setgrent();
    while ((group = getgrent()))
        tell("getgrent", group->gr_name);
    endgrent();
}

static void groups_of_user(void)
{
    gid_t groups[8];
    int count = COUNT(groups);
    CHECK(getgrouplist("bob", 4713, groups, &count) == 3);
    printf("getgrouplist: %d %d %d\n", groups[0], groups[1], groups[2]);
    count = 1;
    CHECK(getgrouplist("bob", 4713, groups, &count) == -1);
    printf("getgrouplist, no room: %d are wanted\n", count);
}

static void initial_groups(void)
{
    /* Only root may. */
    int result = initgroups("bob", 4713), error = errno;
    printf("initgroups: %s\n", result == 0 ? "0" : errno_name(error));
    printf("getgroups: %d\n", result == 0 ? getgroups(0, NULL) : 3);
}

static void password(void)
{
    struct spwd *user = getspnam("ann");
    tell("getspnam", user ? user->sp_pwdp : NULL);
}

static void nobody(void)
{
    errno = 0;
    CHECK(getpwnam("none") == NULL);
    printf("getpwnam, not known: %s\n", errno_name(errno));
    errno = 0;
    CHECK(getgrgid(99) == NULL);
    printf("getgrgid, not known: %s\n", errno_name(errno));
}

static void *no_files(void *unused)
{
    CHECK(unlink("/etc/passwd") == 0);
    errno = 0;
    CHECK(getpwnam("ann") == NULL);
    printf("getpwnam, no file: %s\n", errno_name(errno));
    return unused;
}

int main(void)
{
    struct opening calls[] = {
        { "getpwnam", "/etc/passwd", by_name, 0 }, { "getpwuid", "/etc/passwd", by_number, 0 },
        { "getpwnam_r", "/etc/passwd", by_name_r, 0 },
        { "getpwuid_r", "/etc/passwd", by_number_r, 0 },
        { "getpwent", "/etc/passwd", all_users, 0 },
        { "getpwent_r", "/etc/passwd", all_users_r, 0 },
        { "getgrnam", "/etc/group", group_by_name, 0 },
        { "getgrgid", "/etc/group", group_by_number, 0 },
        { "getgrnam_r", "/etc/group", group_r, 0 }, { "getgrent", "/etc/group", all_groups, 0 },
        { "getgrouplist", "/etc/group", groups_of_user, 0 },
        { "initgroups", "/etc/group", initial_groups, 0 },
        { "getspnam", "/etc/shadow", password, 0 },
        { "unknown", "/etc/passwd", nobody, 0 },
        { "nsswitch.conf", "/etc/nsswitch.conf", by_name, 0 },
    };
    if (!own_etc())
        return 0;
    etc_file("passwd", "ann:x:4711:4713:Ann:/home/ann:/bin/sh\n"
                       "bob:x:4712:4713:Bob:/home/bob:/bin/sh\n");
    etc_file("group", "staff:x:50:ann,bob\ngames:x:60:bob\nusers:x:4713:\n");
    etc_file("shadow", "ann:secret:19000::::::\n");
    /* The first look-up of all reads nsswitch.conf. */
    make_slow_openings(&calls[COUNT(calls) - 1], 1);
    make_slow_openings(calls, COUNT(calls) - 1);
    join(start(no_files, NULL));
    return 0;
}
