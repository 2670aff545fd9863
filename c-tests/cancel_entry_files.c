/* A cancellation that came before: calls that open, close, lock and flush files,
 * move data between descriptors or use message queues act on it at their entry,
 * and then open, close and send nothing. Some are no cancellation points, and
 * go on: pthreads(7), "Cancellation points".
 */
#include "lib/cancel_entry.h"
#include "lib/usage.h"
#include <mqueue.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <termios.h>

static int file, other, tube[2], second_tube[2], terminal, queue;
static mqd_t messages;
static void *page;
static struct flock whole_file = { .l_type = F_WRLCK };
static char byte = 'x';
static struct { long kind; char text[8]; } message = { 1, "" };

static void do_open(void) { open("/dev/null", O_RDONLY); }
static void do_openat(void) { openat(AT_FDCWD, "/dev/null", O_RDONLY); }
static void do_creat(void) { creat("/dev/null", 0600); }
static void do_close(void) { close(file); }
static void do_fsync(void) { fsync(file); }
static void do_fdatasync(void) { fdatasync(file); }
static void do_msync(void) { msync(page, 1, MS_SYNC); }
static void do_sync_file_range(void) { sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE); }
static void do_fcntl_setlkw(void) { fcntl(file, F_SETLKW, &whole_file); }
static void do_lockf(void) { (void)!lockf(file, F_LOCK, 1); }
static void do_tcdrain(void) { tcdrain(terminal); }
static void do_fallocate(void) { (void)!fallocate(file, 0, 0, 4096); }
static void do_posix_fallocate(void) { (void)!posix_fallocate(file, 0, 4096); }
static void do_splice(void) { (void)!splice(tube[0], NULL, second_tube[1], NULL, 1, 0); }
static void do_tee(void) { (void)!tee(tube[0], second_tube[1], 1, 0); }
static void do_vmsplice(void) { (void)!vmsplice(second_tube[1], &(struct iovec){ &byte, 1 }, 1, 0); }
static void do_copy_file_range(void) { (void)!copy_file_range(other, NULL, file, NULL, 1, 0); }
static void do_sendfile(void) { (void)!sendfile(second_tube[1], other, NULL, 1); }
static void do_msgsnd(void) { msgsnd(queue, &message, 1, IPC_NOWAIT); }
static void do_msgrcv(void) { msgrcv(queue, &message, 8, 0, IPC_NOWAIT); }
static void do_mq_send(void) { mq_send(messages, &byte, 1, 0); }
static void do_mq_receive(void) { mq_receive(messages, (char[64]){ 0 }, 64, NULL); }
static void do_getrandom(void) { (void)!getrandom(&byte, 1, 0); }

static void do_fcntl_setlk(void) { CHECK(fcntl(file, F_SETLK, &whole_file) == 0); }
static void do_flock(void) { CHECK(flock(other, LOCK_EX) == 0); }
static void do_lseek(void) { CHECK(lseek(other, 1, SEEK_SET) == 1); }
static void do_fstat(void) { CHECK(fstat(file, &(struct stat){ 0 }) == 0); }
static void do_stat(void) { CHECK(stat("/", &(struct stat){ 0 }) == 0); }
static void do_ftruncate(void) { CHECK(ftruncate(other, 3) == 0); }
static void do_access(void) { CHECK(access("/", R_OK) == 0); }
static void do_mmap(void) { CHECK(mmap(page, 1, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) == page); }
static void do_syncfs(void) { CHECK(syncfs(tube[0]) == 0); }

static const struct entry entries[] = {
    ENTRY(open), ENTRY(openat), ENTRY(creat), ENTRY(close), ENTRY(fsync), ENTRY(fdatasync),
    ENTRY(msync), ENTRY(sync_file_range), ENTRY(fcntl_setlkw), ENTRY(lockf), ENTRY(tcdrain),
    ENTRY(fallocate), ENTRY(posix_fallocate), ENTRY(splice), ENTRY(tee), ENTRY(vmsplice),
    ENTRY(copy_file_range), ENTRY(sendfile), ENTRY(msgsnd), ENTRY(msgrcv), ENTRY(mq_send),
    ENTRY(mq_receive), ENTRY(getrandom),
    ENTRY(fcntl_setlk), ENTRY(flock), ENTRY(lseek), ENTRY(fstat), ENTRY(stat),
    ENTRY(ftruncate), ENTRY(access), ENTRY(mmap), ENTRY(syncfs),
};

int main(void)
{
    char name[40];
    struct mq_attr attributes = { .mq_maxmsg = 2, .mq_msgsize = 8 };
    snprintf(name, sizeof name, "/check-entry-%d", (int)getpid());
    messages = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    queue = msgget(IPC_PRIVATE, 0600);
    CHECK(messages != -1 && mq_unlink(name) == 0 && queue != -1);
    CHECK(msgsnd(queue, &message, 1, 0) == 0 && mq_send(messages, &byte, 1, 0) == 0);
    CHECK(pipe(tube) == 0 && pipe(second_tube) == 0);
    give(tube[1], 't');
    file = temporary_file(0), other = temporary_file(0);
    CHECK(write(other, "other", 5) == 5);
    CHECK((terminal = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
    page = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);
    CHECK(page != MAP_FAILED);
    others_run();
    int before = descriptors();

    cancel_at_entries(entries, COUNT(entries));

    struct msqid_ds status;
    CHECK(msgctl(queue, IPC_STAT, &status) == 0 && mq_getattr(messages, &attributes) == 0);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0);
    printf("messages: %d and %d\n", (int)status.msg_qnum, (int)attributes.mq_curmsgs);
    printf("descriptors: %d more\n", descriptors() - before);
    return 0;
}
