// Memory that cannot change any more: every mapping of every shared object is sealed (mseal, Linux 6.10), with what the loader
// put behind it; and in a second run of the program no memory may become executable (PR_SET_MDWE, Linux 6.3), from before its start.
// Hazard: a library that changes the protection of its own memory, or maps or unmaps some, in the middle of its work.
#include "hazard.h"
#include <sys/mman.h>
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#ifndef SYS_mseal // the same number on every machine
#define SYS_mseal 462
#endif

struct span { unsigned long from, to; };

// Seals all shared objects; gives 0, or the error of the first that could not be.
static int seal_all(void) {
    static struct span spans[1000];
    int count = 0, behind = 0, error = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && count < COUNT(spans) && fgets(line, sizeof line, maps)) {
        struct span span;
        int named = strchr(line, '/') != NULL;
        if (sscanf(line, "%lx-%lx", &span.from, &span.to) != 2) continue;
        // What is not initialised has no name, and follows.
        if (strstr(line, ".so") || !named && !strchr(line, '[') && behind && spans[count - 1].to == span.from) spans[count++] = span, behind = 1;
        else behind = 0;
    }
    if (maps) fclose(maps);
    for (int i = 0; i < count && !error; i++)
        if (syscall(SYS_mseal, spans[i].from, spans[i].to - spans[i].from, 0)) error = errno;
    return error;
}

static void *work(void *unused) {
    (void)unused;
    int pair[2], number;
    char text[8];
    tcp_pair(pair);
    teach(pair[0], pair[1], 20);
    number = MUST(fcntl(pair[0], F_DUPFD, 900)); // beyond what was used before
    write(number, "x", 1);
    close(number);
    write(pair[0], "y", 1);
    close(pair[0]);
    printf("%zu bytes\n", read_fully(pair[1], text, sizeof text));
    close(pair[1]);
    return NULL;
}

int main(int count, char **arguments) {
    begin(30);
    printf("sealed: %s\n", errname(seal_all()));
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, NULL);
        pthread_join(thread, NULL);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            mortal();
            work(NULL);
            exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        printf("child ends %x\n", status);
    }
    if (count > 1) return 0;
    SHOW(prctl(PR_SET_MDWE, 1, 0, 0, 0));
    SHOW(execl("/proc/self/exe", arguments[0], "again", NULL));
    return 1;
}
