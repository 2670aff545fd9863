/* A server as they were written around 2000, for scripts/soak: one detached thread for each connection, blocking calls,
 * children for what it cannot do itself, and handlers for the signals that old servers know.
 *
 *   GET /file/NAME     the file from DOCROOT
 *   GET /cgi?QUERY     fork and exec of a child, its output collected through a pipe: "query QUERY, 0 bytes, sum 0"
 *   POST /cgi?QUERY    the same; the body is the child's standard input, through a temporary file
 *   GET /stream?KB     a child's output, passed on as it comes; a client that leaves gets its child killed
 *   GET /popen?WORD    popen() of a pipeline that prints WORD in capitals
 *   GET /sleep?MS      nanosleep, then "slept MS"
 *   GET /stats         "requests N, connections M, children K": answered so far, open now, running now
 *
 *   SIGTERM   ends it with status 0       SIGHUP    opens the log again (after a rotation)
 *   SIGUSR1   a "#" line for the log      SIGCHLD   reaps the children whose clients have left
 *
 * Each answered request is one line of the log, "NUMBER METHOD TARGET STATUS", numbered without a gap.
 *
 *     soak_server [-i IDLE_SECONDS] -d DOCROOT -l LOG      says "listening on 127.0.0.1:PORT"
 *     soak_server cgi QUERY  |  soak_server stream KB      what its children run
 *
 * Follows pthreads(7), fork(2), execve(2), waitpid(2), popen(3), socket(7), signal-safety(7).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 2048
#define BUFFER_SIZE 8192
#define MOST_OUTPUT (1 << 20)
#define MOST_FORGOTTEN 1024

static const char *docroot = ".", *log_name = "/dev/null";
static char program[LINE_SIZE];
static int listener = -1, idle_seconds = 5;
static atomic_int connections, children;

struct client {
    int socket;
    char input[BUFFER_SIZE];
    size_t begin, end; /* of what was received and not used yet */
    char method[16], target[512];
    size_t body; /* bytes of it that follow the headers */
    int keep_alive;
};

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* ---- Signals ---- */

static volatile sig_atomic_t stopping, reopen_wanted, report_wanted;
static _Atomic pid_t forgotten[MOST_FORGOTTEN]; /* children that nobody waits for any more */

/* Called by threads and by the handler, also at the same time. */
static void reap_forgotten(void)
{
    for (int i = 0; i < MOST_FORGOTTEN; i++) {
        pid_t pid = forgotten[i];
        if (pid > 0 && waitpid(pid, NULL, WNOHANG) == pid) {
            children--;
            forgotten[i] = 0;
        }
    }
}

static void on_signal(int number)
{
    int saved = errno;
    switch (number) {
    case SIGTERM:
        stopping = 1;
        shutdown(listener, SHUT_RDWR); /* wakes main from accept(), whichever thread is here */
        break;
    case SIGHUP:  reopen_wanted = 1; break;
    case SIGUSR1: report_wanted = 1; break;
    default:      reap_forgotten();
    }
    errno = saved;
}

static void handle(int number, int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    if (sigaction(number, &action, NULL) < 0)
        die("sigaction");
}

/* The child may end before it is in the table: then its SIGCHLD has come already. */
static void forget(pid_t pid)
{
    for (int i = 0; i < MOST_FORGOTTEN; i++) {
        pid_t nobody = 0;
        if (atomic_compare_exchange_strong(&forgotten[i], &nobody, pid)) {
            reap_forgotten();
            return;
        }
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    children--;
}

/* ---- Log ---- */

static struct {
    pthread_mutex_t lock;
    FILE *file;
    long requests;
} journal = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void open_journal(void)
{
    journal.file = fopen(log_name, "ae");
    if (!journal.file)
        die(log_name);
}

/* Written before the answer is sent: who has an answer finds it in the log. */
static void note(const struct client *c, int status)
{
    pthread_mutex_lock(&journal.lock);
    if (reopen_wanted) {
        reopen_wanted = 0;
        fclose(journal.file);
        open_journal();
    }
    if (report_wanted) {
        report_wanted = 0;
        fprintf(journal.file, "# %ld requests, %d connections, %d children\n", journal.requests,
                connections, children);
    }
    fprintf(journal.file, "%ld %s %s %d\n", ++journal.requests, c->method, c->target, status);
    fflush(journal.file);
    pthread_mutex_unlock(&journal.lock);
}

/* ---- Bytes: a signal may interrupt any call, a write may be short ---- */

static ssize_t read_some(int fd, void *data, size_t size)
{
    ssize_t n;
    do
        n = read(fd, data, size);
    while (n < 0 && errno == EINTR);
    return n;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* More input behind what is there; 0 if there is none or no room. */
static int receive(struct client *c)
{
    if (c->begin > 0) {
        memmove(c->input, c->input + c->begin, c->end - c->begin);
        c->end -= c->begin;
        c->begin = 0;
    }
    ssize_t n = c->end == sizeof c->input ? 0
                                          : read_some(c->socket, c->input + c->end, sizeof c->input - c->end);
    if (n <= 0)
        return 0;
    c->end += (size_t)n;
    return 1;
}

/* ---- Answers ---- */

static int send_head(struct client *c, int status, long long length)
{
    char head[256];
    note(c, status);
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\n", status, status == 200 ? "OK" : "Error");
    if (length >= 0)
        size += snprintf(head + size, sizeof head - (size_t)size, "Content-Length: %lld\r\n", length);
    else
        c->keep_alive = 0;
    size += snprintf(head + size, sizeof head - (size_t)size, "Connection: %s\r\n\r\n",
                     c->keep_alive ? "keep-alive" : "close");
    return write_all(c->socket, head, (size_t)size);
}

static int send_bytes(struct client *c, int status, const char *data, size_t size)
{
    return send_head(c, status, (long long)size) < 0 ? -1 : write_all(c->socket, data, size);
}

static int send_text(struct client *c, int status, const char *text)
{
    return send_bytes(c, status, text, strlen(text));
}

static int send_file(struct client *c, const char *name)
{
    char path[LINE_SIZE], data[BUFFER_SIZE];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", docroot, name);
    int file = strchr(name, '/') ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return send_text(c, 404, "no such file\n");
    int result = fstat(file, &status) < 0 ? -1 : send_head(c, 200, status.st_size);
    for (off_t left = status.st_size; result == 0 && left > 0;) {
        ssize_t n = read_some(file, data, sizeof data);
        result = n <= 0 ? -1 : write_all(c->socket, data, (size_t)n);
        left -= n;
    }
    close(file);
    return result;
}

/* ---- Children ---- */

/* Starts `soak_server WHAT ARGUMENT`; returns where its output comes. A child that is sent SIGTERM before it has its
 * program must not run our handler, which would shut down the listener that it shares. */
static int start_child(const char *what, const char *argument, int input, pid_t *pid)
{
    int ends[2];
    sigset_t all, mask;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    children++;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    *pid = fork();
    if (*pid != 0)
        pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (*pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGCHLD, SIG_DFL);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        if (dup2(input, 0) == 0 && dup2(ends[1], 1) == 1)
            execl(program, program, what, argument, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (*pid > 0)
        return ends[0];
    children--;
    close(ends[0]);
    return -1;
}

/* Everything up to the end; the caller frees it. */
static char *collect(int fd, size_t *size)
{
    char *data = malloc(MOST_OUTPUT);
    ssize_t n = 1;
    for (*size = 0; data && *size < MOST_OUTPUT && n > 0; *size += n > 0 ? (size_t)n : 0)
        n = read_some(fd, data + *size, MOST_OUTPUT - *size);
    return data;
}

/* The body in a temporary file that stands at its beginning. */
static FILE *take_body(struct client *c)
{
    FILE *file = tmpfile();
    if (!file)
        return NULL;
    for (size_t left = c->body; left > 0;) {
        if (c->begin == c->end && !receive(c))
            break;
        size_t piece = c->end - c->begin < left ? c->end - c->begin : left;
        fwrite(c->input + c->begin, 1, piece, file);
        c->begin += piece;
        left -= piece;
        if (left == 0 && fflush(file) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0)
            return file;
    }
    fclose(file);
    return NULL;
}

static int run_cgi(struct client *c, const char *query)
{
    FILE *body = c->body > 0 ? take_body(c) : fopen("/dev/null", "re");
    pid_t pid;
    size_t size;
    int status = -1, result = -1;
    if (!body)
        return -1; /* the client left in the middle of it */
    int output = start_child("cgi", query, fileno(body), &pid);
    fclose(body);
    if (output < 0)
        return send_text(c, 503, "no child\n");
    char *data = collect(output, &size);
    close(output);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    children--;
    if (data && status == 0)
        result = send_bytes(c, 200, data, size);
    else
        result = send_text(c, 502, "the child failed\n");
    free(data);
    return result;
}

static int run_stream(struct client *c, const char *kilobytes)
{
    char data[BUFFER_SIZE];
    pid_t pid;
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int output = start_child("stream", kilobytes, nothing, &pid);
    close(nothing);
    if (output < 0)
        return send_text(c, 503, "no child\n");
    int result = send_head(c, 200, -1);
    for (ssize_t n; result == 0 && (n = read_some(output, data, sizeof data)) > 0;)
        result = write_all(c->socket, data, (size_t)n);
    if (result < 0)
        kill(pid, SIGTERM);
    close(output);
    forget(pid);
    return result;
}

static int run_popen(struct client *c, const char *word)
{
    char command[LINE_SIZE];
    size_t size;
    for (const char *p = word; *p; p++)
        if (!isalnum((unsigned char)*p))
            return send_text(c, 400, "not a word\n");
    snprintf(command, sizeof command, "echo %s | tr a-z A-Z", word);
    FILE *stream = popen(command, "re");
    if (!stream)
        return send_text(c, 503, "no child\n");
    char *data = collect(fileno(stream), &size);
    int status = pclose(stream);
    int result = data && status == 0 ? send_bytes(c, 200, data, size) : send_text(c, 502, "the pipeline failed\n");
    free(data);
    return result;
}

static int run_sleep(struct client *c, const char *ms)
{
    char text[64];
    struct timespec left = { atol(ms) / 1000, atol(ms) % 1000 * 1000000 };
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
    snprintf(text, sizeof text, "slept %ld\n", atol(ms));
    return send_text(c, 200, text);
}

static int send_stats(struct client *c)
{
    char text[128];
    pthread_mutex_lock(&journal.lock);
    long requests = journal.requests;
    pthread_mutex_unlock(&journal.lock);
    snprintf(text, sizeof text, "requests %ld, connections %d, children %d\n", requests, connections, children);
    return send_text(c, 200, text);
}

/* ---- Requests ---- */

/* The next line without its end; NULL at the end of the input. It stays where it is until the next receive(). */
static char *next_line(struct client *c)
{
    char *end;
    while (!(end = memchr(c->input + c->begin, '\n', c->end - c->begin)))
        if (!receive(c))
            return NULL;
    char *line = c->input + c->begin;
    c->begin = (size_t)(end + 1 - c->input);
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    return line;
}

/* 1 for a request, 0 at the end, -1 for something else. */
static int read_request(struct client *c)
{
    char *line = next_line(c);
    if (!line)
        return 0;
    c->keep_alive = 1;
    c->body = 0;
    strcpy(c->method, "-");
    strcpy(c->target, "-");
    if (sscanf(line, "%15[A-Z] /%510s HTTP/1.%*d", c->method, c->target) != 2)
        return -1;
    while ((line = next_line(c)) && *line)
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            c->body = strtoul(line + 15, NULL, 10);
        else if (strcasecmp(line, "Connection: close") == 0)
            c->keep_alive = 0;
    return line != NULL;
}

static int begins(const char *target, const char *prefix)
{
    return strncmp(target, prefix, strlen(prefix)) == 0;
}

/* -1 if the connection is of no use any more. */
static int serve(struct client *c)
{
    static const struct { const char *prefix; int (*run)(struct client *, const char *); } services[] = {
        { "file/", send_file }, { "cgi?", run_cgi }, { "stream?", run_stream },
        { "popen?", run_popen }, { "sleep?", run_sleep },
    };
    if (strcmp(c->target, "stats") == 0)
        return send_stats(c);
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (begins(c->target, services[i].prefix))
            return services[i].run(c, c->target + strlen(services[i].prefix));
    return send_text(c, 404, "no such service\n");
}

static void *client_main(void *argument)
{
    struct client *c = argument;
    struct timeval idle = { .tv_sec = idle_seconds };
    int got, one = 1;

    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->socket, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
    setsockopt(c->socket, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof idle);
    while ((got = read_request(c)) > 0)
        if (serve(c) < 0 || !c->keep_alive)
            break;
    if (got < 0) {
        c->keep_alive = 0;
        send_text(c, 400, "no request\n");
    }
    /* A socket that is closed with input unread is reset, and the answer may be lost. */
    shutdown(c->socket, SHUT_WR);
    for (int i = 0; i < 64 && read_some(c->socket, c->input, sizeof c->input) > 0; i++)
        continue;
    close(c->socket);
    free(c);
    connections--;
    return NULL;
}

static void start_client(int socket)
{
    pthread_t thread;
    pthread_attr_t detached;
    struct client *c = calloc(1, sizeof *c);

    if (!c) {
        close(socket);
        return;
    }
    c->socket = socket;
    connections++;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, client_main, c) != 0) {
        connections--;
        close(socket);
        free(c);
    }
    pthread_attr_destroy(&detached);
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, SOMAXCONN) < 0
        || getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    return ntohs(address.sin_port);
}

/* ---- What the children do ---- */

static int be_cgi(const char *query)
{
    unsigned char data[BUFFER_SIZE];
    unsigned long size = 0, sum = 0;
    for (ssize_t n; (n = read_some(0, data, sizeof data)) > 0; size += (unsigned long)n)
        for (ssize_t i = 0; i < n; i++)
            sum += data[i];
    return printf("query %s, %lu bytes, sum %lu\n", query, size, sum) > 0 && fflush(stdout) == 0 ? 0 : 1;
}

/* A kilobyte at a time, with a pause after every sixteenth. */
static int be_stream(int kilobytes)
{
    char line[1024];
    memset(line, 's', sizeof line);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < kilobytes; i++) {
        if (write_all(1, line, sizeof line) < 0)
            return 1;
        if (i % 16 == 15)
            nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int option;

    if (argc == 3 && strcmp(argv[1], "cgi") == 0)
        return be_cgi(argv[2]);
    if (argc == 3 && strcmp(argv[1], "stream") == 0)
        return be_stream(atoi(argv[2]));
    while ((option = getopt(argc, argv, "i:d:l:")) != -1) {
        switch (option) {
        case 'i': idle_seconds = atoi(optarg); break;
        case 'd': docroot = optarg; break;
        case 'l': log_name = optarg; break;
        default: return 2;
        }
    }
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        die("/proc/self/exe");
    open_journal();
    signal(SIGPIPE, SIG_IGN);
    int port = listen_anywhere();
    handle(SIGTERM, SA_RESTART);
    handle(SIGHUP, SA_RESTART);
    handle(SIGCHLD, SA_RESTART | SA_NOCLDSTOP);
    handle(SIGUSR1, 0); /* interrupts calls */
    printf("listening on 127.0.0.1:%d\n", port);
    fflush(stdout);

    while (!stopping) {
        int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket >= 0)
            start_client(socket);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            usleep(10000);
        else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO && !stopping)
            die("accept");
    }
    pthread_mutex_lock(&journal.lock); /* and never unlocked: no line after the last */
    fclose(journal.file);
    return 0;
}
