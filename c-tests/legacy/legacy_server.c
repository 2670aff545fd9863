/*
 * legacy_server - a small HTTP server written the way people did in 2003.
 *
 * One detached thread per connection, blocking calls everywhere, stdio for the
 * protocol, plain read and write for the files, a logger thread behind a mutex
 * and a condition variable, per-request state in __thread variables. It knows
 * of nothing but POSIX; run it alone, or with LD_PRELOAD=libgreen.so.
 *
 *   GET /FILE      the file from DOCROOT
 *   GET /fsync     append a line to APPENDLOG, fsync it, answer "ok N"
 *   GET /dns?NAME  getaddrinfo(NAME): numeric addresses, sorted, one a line
 *   GET /sleep?MS  nanosleep, then answer "slept MS"
 *   GET /stats     "hits N", every request counted once, this one too
 *
 * Follows pthreads(7), socket(7), accept(2), fdopen(3), fgets(3), fsync(2),
 * getaddrinfo(3), nanosleep(2), signal-safety(7), and RFC 2616 for HTTP.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TARGET_SIZE 1024
#define BUFFER_SIZE 16384
#define MAX_HEADERS 100
#define MAX_ADDRESSES 64
#define MAX_SLEEP_MS 60000
#define IDLE_SECONDS 60
#define STATE_MARK 0x20031121UL

struct connection {
    int socket;
    FILE *in, *out;
    char peer[INET_ADDRSTRLEN];
    char method[16];
    int minor; /* of the HTTP/1.x version asked for */
    int keep_alive;
    int unread; /* the client may have sent more than was read */

    /* What the thread-local state below must say; see state_intact(). */
    pthread_t thread;
    unsigned long served;
    char target[TARGET_SIZE];
};

/* The state of the request that this thread is serving. */
static __thread unsigned long state_mark = STATE_MARK;
static __thread unsigned long state_served;
static __thread char state_target[TARGET_SIZE];
static __thread char buffer[BUFFER_SIZE];

static const char *docroot = ".";
static int append_fd = -1;
static int listener = -1;
static volatile sig_atomic_t stopping;

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* ---- Access log: a queue of lines, written by one thread ---- */

struct line {
    struct line *next;
    char *text;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct line *first, **end;
    int closing;
    FILE *file;
} logger = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &logger.first, 0, NULL};

static void *logger_main(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&logger.lock);
        while (logger.first == NULL && !logger.closing)
            pthread_cond_wait(&logger.changed, &logger.lock);
        struct line *line = logger.first;
        logger.first = NULL;
        logger.end = &logger.first;
        pthread_mutex_unlock(&logger.lock);

        if (line == NULL)
            return NULL;
        while (line != NULL) {
            struct line *next = line->next;
            fprintf(logger.file, "%s\n", line->text);
            free(line->text);
            free(line);
            line = next;
        }
        fflush(logger.file);
    }
}

/* Queued before the reply is sent: who has an answer finds it in the log. */
static void log_access(const struct connection *c, int status, long long length)
{
    char when[64];
    struct tm tm;
    time_t now = time(NULL);
    struct line *line = malloc(sizeof *line);

    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S %z", localtime_r(&now, &tm));
    if (line == NULL || asprintf(&line->text, "%s - - [%s] \"%s %s HTTP/1.%d\" %d %lld", c->peer,
                                 when, c->method, c->target, c->minor, status, length) < 0) {
        free(line);
        return;
    }
    line->next = NULL;
    pthread_mutex_lock(&logger.lock);
    *logger.end = line;
    logger.end = &line->next;
    pthread_cond_signal(&logger.changed);
    pthread_mutex_unlock(&logger.lock);
}

static void logger_close(pthread_t thread)
{
    pthread_mutex_lock(&logger.lock);
    logger.closing = 1;
    pthread_cond_signal(&logger.changed);
    pthread_mutex_unlock(&logger.lock);
    pthread_join(thread, NULL);
    fclose(logger.file);
}

/* ---- Small helpers: a signal may interrupt any call, a write may be short ---- */

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

/* Decode %XX up to the query; 0 if the result is a path inside the docroot. */
static int decode_path(const char *target, char *path)
{
    char *end = path;
    while (*target != '\0' && *target != '?') {
        char c = *target++;
        if (c == '%') {
            if (!isxdigit((unsigned char)target[0]) || !isxdigit((unsigned char)target[1]))
                return -1;
            c = (char)strtol((char[]){target[0], target[1], '\0'}, NULL, 16);
            target += 2;
        }
        if (c == '\0')
            return -1;
        *end++ = c;
    }
    *end = '\0';
    return path[0] == '/' && strstr(path, "/..") == NULL ? 0 : -1;
}

/* ---- Replies ---- */

/*
 * Everything thread-local must still be what this connection's own memory says.
 * Not inlined: pthread_self() is a constant to the compiler within a function.
 */
__attribute__((noinline)) static int state_intact(const struct connection *c)
{
    return state_mark == STATE_MARK && state_served == c->served
           && strcmp(state_target, c->target) == 0 && pthread_equal(pthread_self(), c->thread);
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 503: return "Service Unavailable";
    default:  return "Internal Server Error";
    }
}

static void send_head(struct connection *c, int status, const char *type, long long length)
{
    log_access(c, status, length);
    fprintf(c->out, "HTTP/1.1 %d %s\r\nServer: legacy_server\r\n", status, reason(status));
    if (status == 405)
        fprintf(c->out, "Allow: GET\r\n");
    fprintf(c->out, "Content-Type: %s\r\nContent-Length: %lld\r\nConnection: %s\r\n\r\n", type,
            length, c->keep_alive ? "keep-alive" : "close");
}

static void send_text(struct connection *c, int status, const char *text)
{
    if (!state_intact(c)) {
        fprintf(stderr, "legacy_server: thread-local state trampled at %s\n", c->target);
        status = 500;
        text = "thread-local state trampled\n";
        c->keep_alive = 0;
    }
    send_head(c, status, "text/plain", (long long)strlen(text));
    fwrite(text, 1, strlen(text), c->out);
    fflush(c->out);
}

static void send_error(struct connection *c, int status)
{
    char text[64];
    snprintf(text, sizeof text, "%d %s\n", status, reason(status));
    send_text(c, status, text);
}

/* ---- What the server can do ---- */

/* The head goes out through stdio, the body by plain read and write. */
static void send_file(struct connection *c)
{
    char path[TARGET_SIZE], name[2 * TARGET_SIZE];
    struct stat st;

    if (decode_path(c->target, path) < 0) {
        send_error(c, 400);
        return;
    }
    int length = snprintf(name, sizeof name, "%s%s", docroot, path);
    if (length >= (int)sizeof name || stat(name, &st) < 0 || !S_ISREG(st.st_mode)) {
        send_error(c, 404);
        return;
    }
    int file = open(name, O_RDONLY);
    if (file < 0 || fstat(file, &st) < 0) {
        send_error(c, errno == EMFILE || errno == ENFILE ? 503 : 404);
        if (file >= 0)
            close(file);
        return;
    }
    if (!state_intact(c)) {
        send_error(c, 500);
        close(file);
        return;
    }
    send_head(c, 200, "application/octet-stream", (long long)st.st_size);
    fflush(c->out);
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = read_some(file, buffer, left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE);
        if (n <= 0 || write_all(c->socket, buffer, (size_t)n) < 0 || !state_intact(c)) {
            c->keep_alive = 0; /* too late for an error: the client sees a short body */
            break;
        }
        left -= n;
    }
    close(file);
}

/* The number and the line belong together, so the lock spans the write. */
static void append_line(struct connection *c)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static unsigned long lines;
    char text[64];

    pthread_mutex_lock(&lock);
    unsigned long number = ++lines;
    int length = snprintf(text, sizeof text, "%lu\n", number);
    int failed = write_all(append_fd, text, (size_t)length) < 0;
    pthread_mutex_unlock(&lock);

    if (failed || fsync(append_fd) < 0) {
        send_error(c, 500);
        return;
    }
    snprintf(text, sizeof text, "ok %lu\n", number);
    send_text(c, 200, text);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void resolve(struct connection *c, const char *name)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list;
    char names[MAX_ADDRESSES][INET6_ADDRSTRLEN];
    char text[MAX_ADDRESSES * (INET6_ADDRSTRLEN + 1) + 1], *end = text;
    size_t count = 0;

    int error = getaddrinfo(name, NULL, &hints, &list);
    if (error != 0) {
        snprintf(text, sizeof text, "error: %s\n", gai_strerror(error));
        send_text(c, 200, text);
        return;
    }
    for (struct addrinfo *a = list; a != NULL && count < MAX_ADDRESSES; a = a->ai_next)
        if (getnameinfo(a->ai_addr, a->ai_addrlen, names[count], sizeof names[count], NULL, 0,
                        NI_NUMERICHOST) == 0)
            count++;
    freeaddrinfo(list);
    qsort(names, count, sizeof names[0], compare_names);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        end += sprintf(end, "%s\n", names[i]);
    send_text(c, 200, text);
}

static void sleep_for(struct connection *c, const char *digits)
{
    char text[64], *rest;
    long ms = strtol(digits, &rest, 10);

    if (!isdigit((unsigned char)*digits) || *rest != '\0' || ms > MAX_SLEEP_MS) {
        send_error(c, 400);
        return;
    }
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
    snprintf(text, sizeof text, "slept %ld\n", ms);
    send_text(c, 200, text);
}

static unsigned long count_hits(unsigned long more)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static unsigned long hits;

    pthread_mutex_lock(&lock);
    unsigned long now = hits += more;
    pthread_mutex_unlock(&lock);
    return now;
}

/* ---- Requests ---- */

/* One line into the buffer, its end cut off. 1, or 0 at the end of the input,
 * or -1 if the line is longer than the buffer or breaks off. */
static int read_line(struct connection *c)
{
    while (fgets(buffer, BUFFER_SIZE, c->in) == NULL) {
        if (!ferror(c->in) || errno != EINTR)
            return 0; /* the client left, or was idle for too long */
        clearerr(c->in);
    }
    size_t length = strlen(buffer);
    if (length == 0 || buffer[length - 1] != '\n')
        return -1;
    buffer[--length] = '\0';
    if (length > 0 && buffer[length - 1] == '\r')
        buffer[--length] = '\0';
    return 1;
}

/* "METHOD TARGET HTTP/1.x" from the buffer into the connection. */
static int parse_request_line(struct connection *c)
{
    char method[sizeof c->method], target[TARGET_SIZE], excess;
    int minor;

    if (sscanf(buffer, "%15s %1023s HTTP/1.%d%c", method, target, &minor, &excess) != 3
        || minor < 0)
        return -1;
    for (const char *p = target; *p != '\0'; p++)
        if (!isgraph((unsigned char)*p) || *p == '"')
            return -1;
    for (const char *p = method; *p != '\0'; p++)
        if (!isupper((unsigned char)*p))
            return -1;
    strcpy(c->method, method);
    strcpy(c->target, target);
    c->minor = minor;
    return 0;
}

/* 1 for a request, 0 at the end of the connection, -1 for a malformed request. */
static int read_request(struct connection *c)
{
    int got, has_host = 0, headers = 0;

    strcpy(c->method, "-");
    strcpy(c->target, "-");
    c->minor = 0;
    c->keep_alive = 0;
    do
        got = read_line(c);
    while (got == 1 && buffer[0] == '\0'); /* stray line ends: RFC 2616, 4.1 */
    if (got == 0)
        return 0;
    int well_formed = got == 1 && parse_request_line(c) == 0;
    state_served = ++c->served;
    strcpy(state_target, c->target);
    if (!well_formed)
        return -1;

    c->keep_alive = c->minor >= 1;
    while ((got = read_line(c)) == 1 && buffer[0] != '\0') {
        if (++headers > MAX_HEADERS)
            return -1;
        if (strncasecmp(buffer, "Host:", 5) == 0)
            has_host = 1;
        else if (strncasecmp(buffer, "Connection:", 11) == 0) {
            if (strcasestr(buffer + 11, "close") != NULL)
                c->keep_alive = 0;
            else if (strcasestr(buffer + 11, "keep-alive") != NULL)
                c->keep_alive = 1;
        } else if (strncasecmp(buffer, "Content-Length:", 15) == 0)
            c->unread |= strtol(buffer + 15, NULL, 10) != 0;
        else if (strncasecmp(buffer, "Transfer-Encoding:", 18) == 0)
            c->unread = 1;
    }
    if (got == 0)
        return 0;
    if (c->unread)
        c->keep_alive = 0; /* a body is not expected, and not skipped either */
    return got < 0 || (c->minor >= 1 && !has_host) ? -1 : 1;
}

/* Serve one request; nonzero if the connection is good for another. */
static int serve_request(struct connection *c)
{
    int got = read_request(c);
    if (got == 0)
        return 0;
    unsigned long hits = count_hits(1);

    if (got < 0) {
        c->keep_alive = 0;
        c->unread = 1;
        send_error(c, 400);
    } else if (strcmp(c->method, "GET") != 0)
        send_error(c, 405);
    else if (strcmp(c->target, "/fsync") == 0)
        append_line(c);
    else if (strncmp(c->target, "/dns?", 5) == 0)
        resolve(c, c->target + 5);
    else if (strncmp(c->target, "/sleep?", 7) == 0)
        sleep_for(c, c->target + 7);
    else if (strcmp(c->target, "/stats") == 0) {
        char text[64];
        snprintf(text, sizeof text, "hits %lu\n", hits);
        send_text(c, 200, text);
    } else
        send_file(c);
    return c->keep_alive && !ferror(c->out);
}

/* ---- Connections ---- */

static pthread_mutex_t ended_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

/* Closing a socket with input unread resets it, and the reply may be lost. */
static void drain(struct connection *c)
{
    struct timeval soon = {.tv_sec = 2};
    setsockopt(c->socket, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    shutdown(c->socket, SHUT_WR);
    for (int i = 0; i < 64 && read_some(c->socket, buffer, sizeof buffer) > 0; i++)
        continue;
}

/* Nothing left to make streams of: say so without any. */
static void refuse(struct connection *c)
{
    static const char reply[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                "Content-Length: 0\r\nConnection: close\r\n\r\n";
    write_all(c->socket, reply, sizeof reply - 1);
    c->unread = 1;
}

static void *connection_main(void *argument)
{
    struct connection *c = argument;
    struct timeval idle = {.tv_sec = IDLE_SECONDS};
    int one = 1;

    c->thread = pthread_self();
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->socket, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
    setsockopt(c->socket, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof idle);

    int copy = dup(c->socket); /* two streams, each with a descriptor to close */
    c->in = fdopen(c->socket, "r");
    c->out = copy < 0 ? NULL : fdopen(copy, "w");
    if (c->in != NULL && c->out != NULL)
        while (serve_request(c))
            continue;
    else
        refuse(c);
    if (c->unread)
        drain(c);
    if (c->out != NULL)
        fclose(c->out);
    else if (copy >= 0)
        close(copy);
    if (c->in != NULL)
        fclose(c->in);
    else
        close(c->socket);
    free(c);

    pthread_mutex_lock(&ended_lock);
    pthread_cond_signal(&ended);
    pthread_mutex_unlock(&ended_lock);
    return NULL;
}

/* Out of descriptors, memory or threads: go on when a connection has ended. */
static void wait_for_room(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    pthread_mutex_lock(&ended_lock);
    pthread_cond_timedwait(&ended, &ended_lock, &until);
    pthread_mutex_unlock(&ended_lock);
}

static void start_connection(int socket, const struct sockaddr_in *peer)
{
    pthread_t thread;
    pthread_attr_t detached;
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL) {
        close(socket);
        return;
    }
    c->socket = socket;
    inet_ntop(AF_INET, &peer->sin_addr, c->peer, sizeof c->peer);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, connection_main, c) != 0) {
        close(socket);
        free(c);
        wait_for_room();
    }
    pthread_attr_destroy(&detached);
}

static void accept_connections(void)
{
    while (!stopping) {
        struct sockaddr_in peer = {0};
        socklen_t length = sizeof peer;
        int socket = accept(listener, (struct sockaddr *)&peer, &length);
        if (socket >= 0)
            start_connection(socket, &peer);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            wait_for_room();
        else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO && !stopping)
            die("accept");
    }
}

/* ---- Start and end ---- */

/* shutdown() is async-signal-safe, and wakes main from accept() whichever
 * thread runs this handler. */
static void on_sigterm(int signal)
{
    (void)signal;
    int saved = errno;
    stopping = 1;
    shutdown(listener, SHUT_RDWR);
    errno = saved;
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if ((listener = socket(AF_INET, SOCK_STREAM, 0)) < 0)
        die("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    if (listen(listener, SOMAXCONN) < 0)
        die("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("getsockname");
    return ntohs(address.sin_port);
}

int main(int argc, char **argv)
{
    const char *log_name = "/dev/null", *append_name = NULL, *port_name = NULL;
    int option, port = 0;

    while ((option = getopt(argc, argv, "p:d:l:a:P:")) != -1) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'd': docroot = optarg; break;
        case 'l': log_name = optarg; break;
        case 'a': append_name = optarg; break;
        case 'P': port_name = optarg; break;
        default:
            fprintf(stderr,
                    "usage: %s [-p PORT (0 = any)] [-d DOCROOT] [-l LOGFILE]\n"
                    "       [-a APPENDLOG (none = a temporary file)] [-P PORTFILE]\n",
                    argv[0]);
            return 2;
        }
    }

    struct sigaction action = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);

    if ((logger.file = fopen(log_name, "a")) == NULL)
        die(log_name);
    if (append_name != NULL)
        append_fd = open(append_name, O_WRONLY | O_CREAT | O_APPEND, 0644);
    else {
        FILE *temporary = tmpfile(); /* stays open as long as the server runs */
        append_fd = temporary == NULL ? -1 : fileno(temporary);
    }
    if (append_fd < 0)
        die("append log");

    port = listen_on(port);
    action.sa_handler = on_sigterm;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, NULL);

    pthread_t logger_thread;
    if ((errno = pthread_create(&logger_thread, NULL, logger_main, NULL)) != 0)
        die("pthread_create");
    if (port_name != NULL) {
        FILE *file = fopen(port_name, "w");
        if (file == NULL || fprintf(file, "%d\n", port) < 0 || fclose(file) != 0)
            die(port_name);
    }
    printf("listening on 127.0.0.1:%d\n", port);
    fflush(stdout);

    accept_connections();
    logger_close(logger_thread);
    _exit(EXIT_SUCCESS); /* not exit(): it would flush streams that other threads still use */
}
