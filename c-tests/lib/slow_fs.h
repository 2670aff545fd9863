/* A slow file system inside the test: a FUSE server by the raw protocol of
 * fuse(4), whose answers come when the test lets them.
 *
 *   slow_fs_start()       mounts an empty one and makes it the working
 *                         directory; before the first thread
 *   slow_fs_hold(opcode)  the next request of this kind will wait
 *   slow_fs_held()        comes back when the server has that request
 *   slow_fs_release()     the server does what the request asks for
 *   slow_fs_fail(error)   the server answers with this error instead
 *   slow_fs_stop()        unmounts
 *
 * The server is a process forked before there are threads. Meanwhile it serves
 * all other requests. The mount is seen by the test alone (mount_namespaces(7)),
 * and ends with it however the test ends.
 *
 * The kernel keeps no names and no attributes, so each look-up and each stat
 * makes a request. Each read makes one as well (FOPEN_DIRECT_IO), except in
 * files whose name begins with "cached": those are cold after each open, and
 * can be mapped.
 *
 * A request that waits is like one to a disk: no signal ends it but one that
 * ends the process. After slow_fs_interruptible() it fails with EINTR.
 *
 * A table of calls, each of them held once and failed, once and released:
 *
 *   static const struct slow_call calls[] = {
 *       { "stat", FUSE_GETATTR, call_stat }, ...
 *   };
 *   slow_calls(calls, COUNT(calls));
 */
#ifndef SLOW_FS_H
#define SLOW_FS_H

#include "beside.h"
#include "slow_fs_server.h"
#include <sched.h>

/* ---- the wire between test and server ---------------------------------- */

static int slow_wire;
static pid_t slow_server;

static inline void slow_tell(int what, int value)
{
    struct slow_command command = { what, value };
    write_all(slow_wire, &command, sizeof command);
}

static inline void slow_fs_hold(int opcode)
{
    slow_tell(SLOW_HOLD, opcode);
    CHECK(take(slow_wire) == 'k');
}

static inline void slow_fs_held(void) { CHECK(take(slow_wire) == 'h'); }
static inline void slow_fs_fail(int error) { slow_tell(SLOW_RELEASE, error); }
static inline void slow_fs_release(void) { slow_fs_fail(0); }
static inline void slow_fs_interruptible(void) { slow_tell(SLOW_INTERRUPTIBLE, 1); }

/* ---- start and stop ---------------------------------------------------- */

static inline void slow_write_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    write_all(file, text, strlen(text));
    CHECK(close(file) == 0);
}

/* Mounts of ours are ours alone: as root, or in a user namespace of our own. */
static inline void slow_private_mounts(void)
{
    char map[40];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWNS) != 0) {
        CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
        slow_write_file("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "%u %u 1", user, user);
        slow_write_file("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "%u %u 1", group, group);
        slow_write_file("/proc/self/gid_map", map);
    }
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

static inline void slow_fs_start(void)
{
    char options[80];
    int ends[2], fuse;
    pid_t test = getpid();

    slow_private_mounts();
    CHECK(mkdtemp(slow_directory));
    CHECK((fuse = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC)) >= 0);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u",
             fuse, geteuid(), getegid());
    CHECK(mount("slow", slow_directory, "fuse", MS_NOSUID | MS_NODEV, options) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);

    CHECK((slow_server = fork()) >= 0);
    if (slow_server == 0) {
        /* What kills the test leaves the server alive, to unmount. */
        CHECK(close(ends[0]) == 0 && setpgid(0, 0) == 0);
        slow_inodes[FUSE_ROOT_ID] = (struct slow_inode){
            .mode = S_IFDIR | 0755, .uid = geteuid(), .gid = getegid(), .links = 2,
        };
        slow_server_loop(ends[1], fuse, test);
    }
    CHECK(close(ends[1]) == 0 && close(fuse) == 0);
    slow_wire = ends[0];
    CHECK(chdir(slow_directory) == 0);
}

static inline void slow_fs_stop(void)
{
    CHECK(chdir("/") == 0 && close(slow_wire) == 0);
    CHECK(strcmp(child_end(slow_server), "exit 0") == 0);
}

/* ---- a table of calls -------------------------------------------------- */

struct slow_call {
    const char *name;
    int opcode;         /* of the request that is held */
    long (*call)(void); /* -1: with errno */
};

struct slow_run {
    const struct slow_call *call;
    int error; /* that the server answers with */
};

/* Closes a file after a call; its result and errno stay. */
static inline long slow_closed(int file, long result)
{
    int error = errno;
    CHECK(close(file) == 0);
    errno = error;
    return result;
}

static void *slow_run_call(void *argument)
{
    const struct slow_run *run = argument;
    errno = 0;
    long result = run->call->call();
    const char *error = result == -1 ? errno_name(errno) : "";
    printf("%s%s: %ld %s\n", run->call->name, run->error ? ", failing" : "", result,
           error);
    return NULL;
}

static void slow_run_is_held(void *unused)
{
    (void)unused;
    slow_fs_held();
}

static void slow_run_release(void *argument)
{
    slow_fs_fail(((const struct slow_run *)argument)->error);
}

static inline void slow_call(const struct slow_call *call, int error)
{
    struct slow_run run = { call, error };
    slow_fs_hold(call->opcode);
    beside(call->name, slow_run_call, slow_run_is_held, slow_run_release, &run);
}

static inline void slow_calls(const struct slow_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* After a failed look-up the kernel may try again, or may not. */
        if (calls[i].opcode != FUSE_LOOKUP)
            slow_call(&calls[i], EIO);
        slow_call(&calls[i], 0);
    }
}

#endif
