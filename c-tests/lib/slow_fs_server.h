/* The server of slow_fs.h: a small tree of files in memory, and the protocol
 * that linux/fuse.h describes. It waits in poll() alone, holds one request back
 * when it is told to, and unmounts when the test has ended.
 */
#ifndef SLOW_FS_SERVER_H
#define SLOW_FS_SERVER_H

#include "check.h"
#include <dirent.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/uio.h>

static char slow_directory[] = "/tmp/slow-XXXXXX";

/* What the test tells the server. */
enum { SLOW_HOLD, SLOW_RELEASE, SLOW_INTERRUPTIBLE };

struct slow_command {
    int what, value;
};

/* ---- the tree ------------------------------------------- */

enum { SLOW_INODES = 512, SLOW_NAMES = 512, SLOW_LARGEST_WRITE = 65536 };

/* By node number; 1 is the root, and none is used twice. */
static struct slow_inode {
    uint32_t mode, uid, gid, links, rdev;
    uint64_t atime, mtime, size;
    char *data; /* what a symbolic link points to, too */
} slow_inodes[SLOW_INODES];

static struct slow_name {
    uint64_t directory, node; /* node 0: free */
    char name[64];
} slow_names[SLOW_NAMES];

static uint64_t slow_nodes = 1;

static inline struct slow_name *slow_find(uint64_t directory, const char *name)
{
    for (size_t i = 0; i < SLOW_NAMES; i++)
        if (slow_names[i].node && slow_names[i].directory == directory
            && strcmp(slow_names[i].name, name) == 0)
            return &slow_names[i];
    return NULL;
}

static inline int slow_is_empty(uint64_t directory)
{
    for (size_t i = 0; i < SLOW_NAMES; i++)
        if (slow_names[i].node && slow_names[i].directory == directory)
            return 0;
    return 1;
}

static inline void slow_add_name(uint64_t directory, const char *name, uint64_t node)
{
    struct slow_name *free = slow_names;
    while (free < slow_names + SLOW_NAMES && free->node)
        free++;
    CHECK(free < slow_names + SLOW_NAMES && strlen(name) < sizeof free->name);
    free->directory = directory;
    free->node = node;
    strcpy(free->name, name);
    slow_inodes[node].links++;
}

static inline void slow_remove_name(struct slow_name *name)
{
    slow_inodes[name->node].links--;
    name->node = 0;
}

static inline void slow_resize(struct slow_inode *inode, uint64_t size)
{
    inode->data = realloc(inode->data, size + 1);
    CHECK(inode->data);
    if (size > inode->size)
        memset(inode->data + inode->size, 0, size - inode->size);
    inode->size = size;
}

static inline uint64_t slow_copy_in(struct slow_inode *inode, const void *data,
                                    uint64_t size, uint64_t offset)
{
    if (offset + size > inode->size)
        slow_resize(inode, offset + size);
    memcpy(inode->data + offset, data, size);
    return size;
}

/* ---- one request ------------------------------------------------------- */

/* What the server answers: an error, or data. */
static union {
    char bytes[SLOW_LARGEST_WRITE];
    struct fuse_attr_out attributes;
    struct fuse_open_out open;
    struct {
        struct fuse_entry_out entry;
        struct fuse_open_out open;
    } create;
    struct fuse_write_out write;
    struct fuse_statfs_out statfs;
    struct fuse_lseek_out lseek;
    struct fuse_getxattr_out getxattr;
    struct fuse_init_out init;
} slow_out;

static inline void slow_answer(int fuse, uint64_t unique, int error, size_t size)
{
    struct fuse_out_header header = {
        .len = (uint32_t)(sizeof header + size), .error = -error, .unique = unique,
    };
    struct iovec parts[] = { { &header, sizeof header }, { &slow_out, size } };
    /* It fails if nobody waits for the answer any more. */
    if (writev(fuse, parts, 2) < 0)
        CHECK(errno == ENOENT || errno == ENODEV);
}

static inline void slow_attributes(struct fuse_attr *out, uint64_t node)
{
    const struct slow_inode *inode = &slow_inodes[node];
    *out = (struct fuse_attr){
        .ino = node, .size = inode->size, .blocks = (inode->size + 511) / 512,
        .atime = inode->atime, .mtime = inode->mtime, .mode = inode->mode,
        .nlink = inode->links, .uid = inode->uid, .gid = inode->gid,
        .rdev = inode->rdev, .blksize = 4096,
    };
}

static inline size_t slow_entry(uint64_t node)
{
    slow_out.create.entry = (struct fuse_entry_out){ .nodeid = node };
    slow_attributes(&slow_out.create.entry.attr, node);
    return sizeof slow_out.create.entry;
}

static inline size_t slow_open(struct fuse_open_out *out, int cached)
{
    *out = (struct fuse_open_out){ .open_flags = cached ? 0 : FOPEN_DIRECT_IO };
    return sizeof *out;
}

/* A file's name decides how it is opened. */
static inline int slow_is_cached(uint64_t node)
{
    for (size_t i = 0; i < SLOW_NAMES; i++)
        if (slow_names[i].node == node)
            return strncmp(slow_names[i].name, "cached", 6) == 0;
    return 0;
}

static inline uint64_t slow_make(const struct fuse_in_header *in, uint32_t mode,
                                 uint32_t rdev, const char *name)
{
    uint64_t node = ++slow_nodes;
    CHECK(node < SLOW_INODES);
    slow_inodes[node] = (struct slow_inode){
        .mode = mode, .uid = in->uid, .gid = in->gid, .rdev = rdev,
    };
    slow_add_name(in->nodeid, name, node);
    return node;
}

static inline int slow_remove(uint64_t directory, const char *text)
{
    struct slow_name *name = slow_find(directory, text);
    if (!name)
        return ENOENT;
    if (S_ISDIR(slow_inodes[name->node].mode) && !slow_is_empty(name->node))
        return ENOTEMPTY;
    slow_remove_name(name);
    return 0;
}

static inline int slow_rename(uint64_t from, const char *old, uint64_t to)
{
    const char *new = old + strlen(old) + 1;
    struct slow_name *name = slow_find(from, old);
    if (!name)
        return ENOENT;
    int error = slow_find(to, new) ? slow_remove(to, new) : 0;
    if (error)
        return error;
    slow_add_name(to, new, name->node);
    slow_remove_name(name);
    return 0;
}

static inline void slow_set_attributes(struct slow_inode *inode,
                                       const struct fuse_setattr_in *in)
{
    if (in->valid & FATTR_SIZE)
        slow_resize(inode, in->size);
    if (in->valid & FATTR_MODE)
        inode->mode = in->mode;
    if (in->valid & FATTR_UID)
        inode->uid = in->uid;
    if (in->valid & FATTR_GID)
        inode->gid = in->gid;
    if (in->valid & FATTR_ATIME)
        inode->atime = in->atime;
    if (in->valid & FATTR_MTIME)
        inode->mtime = in->mtime;
}

static inline size_t slow_read_directory(const struct fuse_in_header *in,
                                         const struct fuse_read_in *read)
{
    size_t size = 0;
    for (uint64_t i = read->offset; i < SLOW_NAMES; i++) {
        const struct slow_name *name = &slow_names[i];
        struct fuse_dirent *entry = (void *)(slow_out.bytes + size);
        size_t length = strlen(name->name);
        if (!name->node || name->directory != in->nodeid)
            continue;
        if (size + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length) > read->size)
            break;
        *entry = (struct fuse_dirent){
            .ino = name->node, .off = i + 1, .namelen = (uint32_t)length,
            .type = IFTODT(slow_inodes[name->node].mode),
        };
        memcpy(entry->name, name->name, length);
        size += FUSE_DIRENT_SIZE(entry);
    }
    return size;
}

/* Does what a request asks for, and answers. */
static inline void slow_serve(int fuse, const struct fuse_in_header *in)
{
    const void *body = in + 1;
    struct slow_inode *inode = &slow_inodes[in->nodeid < SLOW_INODES ? in->nodeid : 0];
    size_t size = 0;
    int error = 0;

    switch (in->opcode) {
    case FUSE_INIT: {
        const struct fuse_init_in *init = body;
        slow_out.init = (struct fuse_init_out){
            .major = FUSE_KERNEL_VERSION, .minor = 31,
            .max_readahead = SLOW_LARGEST_WRITE, .max_write = SLOW_LARGEST_WRITE,
            .flags = init->flags & (FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS),
            .max_background = 16, .congestion_threshold = 12, .time_gran = 1,
        };
        size = sizeof slow_out.init;
        break;
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return;
    case FUSE_LOOKUP: {
        const struct slow_name *name = slow_find(in->nodeid, body);
        if (name)
            size = slow_entry(name->node);
        else
            error = ENOENT;
        break;
    }
    case FUSE_SETATTR:
        slow_set_attributes(inode, body);
        /* fall through */
    case FUSE_GETATTR:
        slow_out.attributes = (struct fuse_attr_out){ 0 };
        slow_attributes(&slow_out.attributes.attr, in->nodeid);
        size = sizeof slow_out.attributes;
        break;
    case FUSE_MKNOD: {
        const struct fuse_mknod_in *make = body;
        size = slow_entry(slow_make(in, make->mode, make->rdev, (void *)(make + 1)));
        break;
    }
    case FUSE_MKDIR: {
        const struct fuse_mkdir_in *make = body;
        size = slow_entry(slow_make(in, make->mode | S_IFDIR, 0, (void *)(make + 1)));
        break;
    }
    case FUSE_CREATE: {
        const struct fuse_create_in *create = body;
        uint64_t node = slow_make(in, create->mode, 0, (void *)(create + 1));
        size = slow_entry(node);
        size += slow_open(&slow_out.create.open, slow_is_cached(node));
        break;
    }
    case FUSE_SYMLINK: {
        const char *name = body, *target = name + strlen(name) + 1;
        uint64_t node = slow_make(in, S_IFLNK | 0777, 0, name);
        slow_copy_in(&slow_inodes[node], target, strlen(target), 0);
        size = slow_entry(node);
        break;
    }
    case FUSE_READLINK:
        size = inode->size;
        memcpy(slow_out.bytes, inode->data, size);
        break;
    case FUSE_LINK: {
        const struct fuse_link_in *link = body;
        slow_add_name(in->nodeid, (void *)(link + 1), link->oldnodeid);
        size = slow_entry(link->oldnodeid);
        break;
    }
    case FUSE_UNLINK:
    case FUSE_RMDIR:
        error = slow_remove(in->nodeid, body);
        break;
    case FUSE_RENAME: {
        const struct fuse_rename_in *to = body;
        error = slow_rename(in->nodeid, (void *)(to + 1), to->newdir);
        break;
    }
    case FUSE_RENAME2: {
        const struct fuse_rename2_in *to = body;
        error = slow_rename(in->nodeid, (void *)(to + 1), to->newdir);
        break;
    }
    case FUSE_OPEN:
        size = slow_open(&slow_out.open, slow_is_cached(in->nodeid));
        break;
    case FUSE_OPENDIR:
        size = slow_open(&slow_out.open, 1);
        break;
    case FUSE_READ: {
        const struct fuse_read_in *read = body;
        if (read->offset < inode->size) {
            size = inode->size - read->offset;
            size = size < read->size ? size : read->size;
            memcpy(slow_out.bytes, inode->data + read->offset, size);
        }
        break;
    }
    case FUSE_WRITE: {
        const struct fuse_write_in *write = body;
        slow_out.write = (struct fuse_write_out){ .size = write->size };
        slow_copy_in(inode, write + 1, write->size, write->offset);
        size = sizeof slow_out.write;
        break;
    }
    case FUSE_COPY_FILE_RANGE: {
        const struct fuse_copy_file_range_in *copy = body;
        uint64_t count = 0;
        if (copy->off_in < inode->size)
            count = inode->size - copy->off_in < copy->len
                        ? inode->size - copy->off_in : copy->len;
        CHECK(in->nodeid != copy->nodeid_out);
        slow_copy_in(&slow_inodes[copy->nodeid_out], inode->data + copy->off_in,
                     count, copy->off_out);
        slow_out.write = (struct fuse_write_out){ .size = (uint32_t)count };
        size = sizeof slow_out.write;
        break;
    }
    case FUSE_FALLOCATE: {
        const struct fuse_fallocate_in *allocate = body;
        uint64_t end = allocate->offset + allocate->length;
        if (allocate->mode != 0)
            error = EOPNOTSUPP;
        else if (end > inode->size)
            slow_resize(inode, end);
        break;
    }
    case FUSE_LSEEK: {
        const struct fuse_lseek_in *seek = body;
        slow_out.lseek.offset = seek->whence == SEEK_DATA ? seek->offset : inode->size;
        size = sizeof slow_out.lseek;
        error = seek->offset < inode->size ? 0 : ENXIO;
        break;
    }
    case FUSE_READDIR:
        size = slow_read_directory(in, body);
        break;
    case FUSE_STATFS:
        slow_out.statfs = (struct fuse_statfs_out){
            .st = { .blocks = 1000, .bfree = 500, .bavail = 500, .files = SLOW_INODES,
                    .ffree = SLOW_INODES / 2, .bsize = 4096, .namelen = 63,
                    .frsize = 4096 },
        };
        size = sizeof slow_out.statfs;
        break;
    case FUSE_GETXATTR:
    case FUSE_REMOVEXATTR:
        error = ENODATA;
        break;
    case FUSE_LISTXATTR: {
        const struct fuse_getxattr_in *list = body;
        slow_out.getxattr = (struct fuse_getxattr_out){ 0 };
        size = list->size == 0 ? sizeof slow_out.getxattr : 0;
        break;
    }
    case FUSE_ACCESS:
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_SETXATTR:
    case FUSE_DESTROY:
        break;
    default:
        error = ENOSYS;
    }
    slow_answer(fuse, in->unique, error, error ? 0 : size);
}

/* ---- the server's loop ------------------------------------------------- */

/* Is this thread of the test dead or about to die? */
static inline int slow_dies(pid_t thread)
{
    char path[40], line[80];
    int dies = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    FILE *status = fopen(path, "r");
    while (status && !dies && fgets(line, sizeof line, status)) {
        if (strncmp(line, "SigPnd:", 7) == 0)
            dies = strtoull(line + 7, NULL, 16) >> (SIGKILL - 1) & 1;
        else
            dies = strncmp(line, "State:\tZ", 8) == 0;
    }
    if (status)
        fclose(status);
    return dies;
}

__attribute__((noreturn, unused))
static void slow_server_loop(int wire, int fuse, pid_t test)
{
    enum { SIZE = SLOW_LARGEST_WRITE + 4096 };
    static union {
        struct fuse_in_header header;
        char bytes[SIZE];
    } in, held;
    int hold = 0, is_held = 0, interruptible = 0;

    for (;;) {
        struct pollfd fds[] = { { wire, POLLIN, 0 }, { fuse, POLLIN, 0 } };
        CHECK(poll(fds, 2, is_held ? 100 : -1) >= 0);
        /* The test cannot end before the held request is answered. */
        if (is_held && (slow_dies(test) || slow_dies((pid_t)held.header.pid))) {
            slow_answer(fuse, held.header.unique, EINTR, 0);
            is_held = 0;
        }
        if (fds[0].revents) {
            struct slow_command command;
            if (read(wire, &command, sizeof command) != sizeof command)
                break; /* the test has ended */
            if (command.what == SLOW_HOLD) {
                hold = command.value;
                give(wire, 'k');
            } else if (command.what == SLOW_INTERRUPTIBLE) {
                interruptible = command.value;
            } else if (is_held) {
                if (command.value)
                    slow_answer(fuse, held.header.unique, command.value, 0);
                else
                    slow_serve(fuse, &held.header);
                is_held = 0;
            }
        } else if (fds[1].revents) {
            if (read(fuse, in.bytes, SIZE) < 0) {
                CHECK(errno == ENOENT || errno == EINTR || errno == EAGAIN);
                continue;
            }
            const struct fuse_interrupt_in *interrupt = (void *)(&in.header + 1);
            if (in.header.opcode == FUSE_INTERRUPT && interruptible && is_held
                && interrupt->unique == held.header.unique) {
                slow_answer(fuse, held.header.unique, EINTR, 0);
                is_held = 0;
            } else if (!is_held && hold && in.header.opcode == (uint32_t)hold) {
                memcpy(held.bytes, in.bytes, in.header.len);
                hold = 0;
                is_held = 1;
                give(wire, 'h');
            } else {
                slow_serve(fuse, &in.header);
            }
        }
    }
    umount2(slow_directory, MNT_DETACH);
    rmdir(slow_directory);
    _exit(0);
}

#endif
