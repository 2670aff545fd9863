/* The tables in /etc that libc reads by itself hold up nobody else however slow
 * their files are: getaliasent(3), setmntent(3), getfsent(3), getusershell(3),
 * getttyent(3), gethostid(3), resolver(3).
 */
#include "lib/own_etc.h"
#include "lib/slow_file.h"
#include <aliases.h>
#include <fstab.h>
#include <mntent.h>
#include <netinet/in.h>
#include <resolv.h>
#include <ttyent.h>

static void all_aliases(void)
{
    struct aliasent *alias;
    setaliasent();
    while ((alias = getaliasent()))
        printf("getaliasent: %s\n", alias->alias_name);
    endaliasent();
}

static void all_aliases_r(void)
{
    struct aliasent alias, *found;
    char buffer[256];
    int error;
    setaliasent();
    while ((error = getaliasent_r(&alias, buffer, sizeof buffer, &found)) == 0)
        printf("getaliasent_r: %s\n", found->alias_name);
    printf("getaliasent_r: %s\n", errno_name(error));
    endaliasent();
}

static void mounts(void)
{
    FILE *table = setmntent("/etc/fstab", "r");
    CHECK(table);
    printf("setmntent: %s\n", getmntent(table)->mnt_dir);
    CHECK(endmntent(table) == 1);
}

static void file_systems(void)
{
    struct fstab *entry;
    CHECK(setfsent() == 1);
    while ((entry = getfsent()))
        printf("getfsent: %s\n", entry->fs_file);
    endfsent();
}

static void by_device(void)
{
    struct fstab *entry = getfsspec("/dev/sdb1");
    printf("getfsspec: %s\n", entry ? entry->fs_file : "none");
    endfsent();
}

static void by_directory(void)
{
    struct fstab *entry = getfsfile("/none");
    printf("getfsfile: %s\n", entry ? entry->fs_spec : "none");
    endfsent();
}

static void shells(void)
{
    const char *shell;
    while ((shell = getusershell()))
        printf("getusershell: %s\n", shell);
    endusershell();
}

static void shells_again(void)
{
    setusershell();
    printf("setusershell: %s\n", getusershell());
    endusershell();
}

static void terminals(void)
{
    struct ttyent *terminal;
    while ((terminal = getttyent()))
        printf("getttyent: %s %s\n", terminal->ty_name, terminal->ty_type);
    endttyent();
}

static void terminal(void)
{
    struct ttyent *terminal = getttynam("tty2");
    printf("getttynam: %s\n", terminal ? terminal->ty_type : "none");
}

static void host_number(void)
{
    printf("gethostid: %lx\n", (unsigned long)gethostid());
}

static void resolver(void)
{
    CHECK(res_init() == 0);
    printf("res_init: %d servers\n", _res.nscount);
}

static void resolver_of_its_own(void)
{
    struct __res_state state;
    memset(&state, 0, sizeof state);
    CHECK(res_ninit(&state) == 0);
    printf("res_ninit: %d servers\n", state.nscount);
    res_nclose(&state);
}

int main(void)
{
    struct opening calls[] = {
        { "getaliasent", "/etc/aliases", all_aliases, 0 },
        { "getaliasent_r", "/etc/aliases", all_aliases_r, 0 },
        { "setmntent", "/etc/fstab", mounts, 0 },
        { "getfsent", "/etc/fstab", file_systems, 0 },
        { "getfsspec", "/etc/fstab", by_device, 0 },
        { "getfsfile", "/etc/fstab", by_directory, 0 },
        { "getusershell", "/etc/shells", shells, 0 },
        { "setusershell", "/etc/shells", shells_again, 0 },
        { "getttyent", "/etc/ttys", terminals, 0 },
        { "getttynam", "/etc/ttys", terminal, 0 },
        { "gethostid", "/etc/hostid", host_number, 0 },
        { "res_ninit", "/etc/resolv.conf", resolver_of_its_own, 0 },
    };
    struct opening changed[] = { { "res_init", "/etc/resolv.conf", resolver, 0 } };
    if (!own_etc())
        return 0;
    etc_file("aliases", "ann: bob\nbob: carl\n");
    etc_file("fstab", "/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /home ext4 rw 0 0\n");
    etc_file("shells", "/bin/sh\n/bin/bash\n");
    etc_file("ttys", "tty1 getty vt100 on\ntty2 getty vt220 on\n");
    etc_file("hostid", "\x01\x02\x03\x04");
    etc_file("resolv.conf", "nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
    make_slow_openings(calls, COUNT(calls));
    /* Read again only if it has changed. */
    etc_file("resolv.conf", "nameserver 127.0.0.1\n");
    make_slow_openings(changed, COUNT(changed));
    return 0;
}
