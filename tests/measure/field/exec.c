/* A learned burst whose beginning is written by a child that becomes another program: it keeps the connection and sleeps. Nothing in that
 * process will ever let go of what is held. Or the process itself stays, and only its image is new: `self`.
 * usage: exec COUNT child|self */
#include "waits.h"
#include <sys/wait.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int count = atoi(argv[1]), fd;
    if (argc > 3) fd = atoi(argv[3]);
    else fd = field_connect();
    for (int i = 0; i < 40; i++) say(fd, TIMED), say(fd, TIMED), say(fd, ASKS), answers(fd, 1);
    if (argv[2][0] == 's') {
        char left[16], number[16];
        if (count <= 0) return 0;
        snprintf(left, sizeof left, "%d", count - 1);
        snprintf(number, sizeof number, "%d", fd);
        say(fd, TIMED);
        execl("/proc/self/exe", argv[0], left, argv[2], number, NULL);
        failed("exec");
    }
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        if (!pid) {
            say(fd, TIMED);
            execlp("sleep", "sleep", "0.03", NULL);
            _exit(1);
        }
        if (waitpid(pid, NULL, 0) != pid) failed("waitpid");
        say(fd, TIMED), say(fd, TIMED), say(fd, ASKS), answers(fd, 1);
    }
    return 0;
}
