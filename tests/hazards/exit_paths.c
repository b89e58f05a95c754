// The last small write of a learned burst, then every way for a program, a thread or an exec to end, while somebody else
// still has the socket open, so that its closing does not push the bytes.
//
//   child:   write(half a burst) | _exit / exit / abort / exec / pthread_exit / return ...
//   parent:  keeps the socket, and the peer must get the bytes at once, not after a retransmission timeout
//
// Hazard: held bytes outlive the one who would have released them. (kill -9 cannot be seen; it is left out.)
#include "hazard.h"

static int pair[2];
static const char *ways[] = {"_exit", "exit", "return from a thread, then _exit", "quick_exit", "_Exit", "execve", "pthread_exit of main", "abort", "second process goes on", "raise SIGTERM handled by exit", "daemon", "vfork and _exit", "raw exit_group", "execveat"};

static void *thread_writes(void *unused) { (void)unused; write(pair[0], "last", 4); return NULL; }
static void leave(int number) { exit(number ? 0 : 1); }

static void child(int way) {
    pthread_t thread;
    if (way != 2) write(pair[0], "last", 4);
    switch (way) {
    case 0: _exit(0);
    case 1: exit(0);
    case 2: pthread_create(&thread, NULL, thread_writes, NULL); pthread_join(thread, NULL); _exit(0);
    case 3: quick_exit(0);
    case 4: _Exit(0);
    case 5: execl("/bin/true", "true", NULL); _exit(9);
    case 6: pthread_exit(NULL);
    case 7: abort();
    case 8: if (fork() == 0) { usleep(1000); _exit(0); } _exit(0);
    case 9: signal(SIGTERM, leave); raise(SIGTERM); _exit(9);
    case 10: daemon(1, 1); _exit(0);
    case 11: if (vfork() == 0) _exit(0); _exit(0);
    case 12: syscall(SYS_exit_group, 0);
    case 13: execveat(open("/bin", O_PATH), "true", (char *[]){"true", NULL}, environ, 0); _exit(9);
    }
}

// A crash and a raw system call cannot be seen; musl and old glibc have no execveat.
static int unseen(int way) {
#if !GLIBC_SINCE(2, 34)
    if (way == 13) return 1;
#endif
    return way == 7 || way == 12;
}

int main(void) {
    begin(40);
    for (int way = 0; way < COUNT(ways); way++) {
        int worst = 0;
        for (int round = 0; round < 3; round++) {
            // Learned by the parent, whose child inherits what was learned; a second chance after a first miss.
            tcp_pair(pair);
            teach(pair[0], pair[1], 12);
            fflush(stdout);
            pid_t pid = fork();
            if (pid == 0) mortal(), child(way);
            double start = now();
            char text[8];
            size_t got = read_fully(pair[1], text, 4);
            double took = now() - start;
            int status;
            waitpid(pid, &status, 0);
            if (round == 0) printf("%s: %.*s, signal %d, status %d\n", ways[way], (int)got, text, WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status));
            if (took > 0.1) worst++;
            teach(pair[0], pair[1], 2); // the parent's socket is as good as before
            close(pair[0]), close(pair[1]);
        }
        // Once may be the machine's doing.
        printf("  late more than once %d\n", unseen(way) ? 0 : worst > 1);
    }
    return 0;
}
