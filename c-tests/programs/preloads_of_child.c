/* What a child finds in LD_PRELOAD, and whether libgreen is mapped in it: by exec after fork, posix_spawn and popen,
 * all from a thread.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char *const script =
    "echo \"preloads: $LD_PRELOAD\"; grep -c libgreen /proc/self/maps; echo $GREEN_SLICE_MS";

static void *work(void *unused)
{
    char *const words[] = { "sh", "-c", (char *)script, NULL };
    pid_t child = fork();
    if (child == 0) {
        execv("/bin/sh", words);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    if (posix_spawn(&child, "/bin/sh", NULL, NULL, words, environ) != 0)
        exit(1);
    waitpid(child, NULL, 0);
    FILE *stream = popen(script, "r");
    int byte;
    while ((byte = fgetc(stream)) != EOF)
        putchar(byte);
    pclose(stream);
    return unused;
}

int main(void)
{
    pthread_t thread;
    setvbuf(stdout, NULL, _IONBF, 0);
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
