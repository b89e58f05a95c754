/* A server with a child process for each connection. The child writes K pieces for each request and waits for the next by read, or unseen;
 * what the parent learned or holds is in the child's memory too. usage: forked CONNECTIONS REQUESTS K read|raw|stdio */
#include "waits.h"
#include <sys/wait.h>

static void child(int fd, int requests, int pieces, int how) {
    char request[16];
    FILE *from = how == 's' ? fdopen(dup(fd), "r") : NULL;
    while (requests-- > 0) {
        if (from) {
            if (!fgets(request, sizeof request, from)) failed("fgets");
        } else if (how == 'w') {
            if (syscall(SYS_recvfrom, fd, request, sizeof ANSWER - 1, MSG_WAITALL, NULL, NULL) <= 0) failed("recvfrom");
        } else answers(fd, 1);
        long long begin = now_ns();
        for (int k = 1; k < pieces; k++) say_since(fd, UNTIMED, begin);
        say_since(fd, ASKS, begin);
    }
    raw_sleep(30000); /* the last one waits for nobody */
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    int control = field_connect(), times = atoi(argv[1]), listener = serve(control, times);
    close(control);
    for (int i = 0; i < times; i++) {
        int fd = accept(listener, NULL, NULL);
        pid_t pid = fork();
        if (!pid) child(fd, atoi(argv[2]), atoi(argv[3]), argv[4][0] == 's' ? 's' : argv[4][1] == 'a' ? 'w' : 'r');
        close(fd);
        if (pid < 0 || waitpid(pid, NULL, 0) != pid) failed("fork");
    }
    return 0;
}
