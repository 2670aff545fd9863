/* A /dev/log of the process's own, in a mount namespace that ends with it.
 *
 *   if (!own_namespace(0))       before the first thread
 *       return 0;
 *   own_dev();
 *   open_log(SOCK_DGRAM);        the reader's socket: log_socket
 *   close_log();
 */
#ifndef OWN_LOG_H
#define OWN_LOG_H

#include "own_etc.h"
#include <dirent.h>
#include <syslog.h>

static int log_socket;

/* A /dev in which all is as before, by symbolic links, but for `log`. */
static inline void own_dev(void)
{
    char from[512], to[512];
    CHECK(mount("/dev", "/mnt", NULL, MS_BIND | MS_REC, NULL) == 0);
    CHECK(mount("none", "/dev", "tmpfs", 0, NULL) == 0);
    DIR *directory = opendir("/mnt");
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "log") == 0)
            continue;
        snprintf(from, sizeof from, "/mnt/%s", entry->d_name);
        snprintf(to, sizeof to, "/dev/%s", entry->d_name);
        CHECK(symlink(from, to) == 0);
    }
    closedir(directory);
}

static inline void open_log(int type)
{
    const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
    log_socket = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    CHECK(log_socket >= 0);
    CHECK(bind(log_socket, (const struct sockaddr *)&name, sizeof name) == 0);
}

static inline void close_log(void)
{
    closelog();
    CHECK(close(log_socket) == 0 && unlink("/dev/log") == 0);
}

#endif
