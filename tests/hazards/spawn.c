// Every way to start another program: posix_spawn with file actions, system, popen, daemon, the exec family, fexecve.
// Hazard: hooks on exec or fork that change arguments, the environment, which descriptors pass, or the result of a failure.
#include "hazard.h"
#include <spawn.h>
extern char **environ;

static int status_of(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void spawn(void) {
    int pair[2];
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[0], 1); // the child's stdout is the TCP socket
    posix_spawn_file_actions_addclose(&actions, pair[1]);
    posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", O_RDONLY, 0);
    pid_t pid;
    char *arguments[] = {"sh", "-c", "echo over tcp; echo again; ls /proc/self/fd | wc -l >&2", NULL};
    SHOW(posix_spawnp(&pid, "sh", &actions, NULL, arguments, environ));
    printf("status %d\n", status_of(pid));
    close(pair[0]);
    char text[100];
    size_t got = read_fully(pair[1], text, sizeof text);
    printf("%.*s", (int)got, text);
    SHOW(posix_spawn(&pid, "/no/such", &actions, NULL, arguments, environ));
    close(pair[1]);
}

static void shells(void) {
    SHOW(system("exit 7"));
    SHOW(system(NULL));
    fflush(stdout);
    SHOW(system("echo from system"));
    FILE *in = popen("echo from popen; exit 3", "r");
    char line[64] = "";
    fgets(line, sizeof line, in);
    printf("%s", line);
    SHOW(pclose(in));
    FILE *out = popen("cat", "w");
    fprintf(out, "into popen\n");
    SHOW(pclose(out));
}

static void exec_family(void) {
    char *arguments[] = {"zero", "-c", "echo \"$0 $1 $HAZARD_VALUE\"; exit 9", "zero", "one", NULL};
    char *environment[] = {"HAZARD_VALUE=changed", "PATH=/bin:/usr/bin", NULL};
    setenv("HAZARD_VALUE", "inherited", 1);
    for (int way = 0; way < 9; way++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            if (way == 0) execve("/bin/sh", arguments, environment);
            if (way == 1) execv("/bin/sh", arguments);
            if (way == 2) execvp("sh", arguments);
            if (way == 3) execvpe("sh", arguments, environment);
            if (way == 4) execl("/bin/sh", "zero", "-c", arguments[2], "zero", "l", NULL);
            if (way == 5) execlp("sh", "zero", "-c", arguments[2], "zero", "lp", NULL);
            if (way == 6) execle("/bin/sh", "zero", "-c", arguments[2], "zero", "le", NULL, environment);
            if (way == 7) fexecve(open("/bin/sh", O_RDONLY), arguments, environment);
            if (way == 8) execveat(AT_FDCWD, "/bin/sh", arguments, environment, 0);
            _exit(99);
        }
        printf("way %d: status %d\n", way, status_of(pid));
    }
    char *plain[] = {"x", NULL};
    SHOW(execve("/no/such", plain, environ));
    SHOW(execve("/etc/passwd", plain, environ));
    SHOW(execve("/", plain, environ));
    SHOW(execve("/etc/passwd/x", plain, environ));
    SHOW(execvp("no-such-program-anywhere", plain));
    SHOW(execve((char *)8, plain, environ));
    SHOW(fexecve(-1, plain, environ));
    SHOW(execveat(AT_FDCWD, "/no/such", plain, environ, 0));
    SHOW(execveat(-1, "", plain, environ, AT_EMPTY_PATH));
    SHOW(execveat(AT_FDCWD, "/bin/true", plain, environ, 0x40000000));
    SHOW(execveat(AT_FDCWD, (char *)8, plain, environ, 0));
    // execvp of a file without an interpreter line runs it by the shell
    char path[] = "/tmp/hazard-XXXXXX";
    int script = MUST(mkstemp(path));
    MUST(write(script, "echo no interpreter line\n", 25));
    MUST(fchmod(script, 0755));
    MUST(close(script));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execlp(path, path, NULL);
        _exit(99);
    }
    printf("status %d\n", status_of(pid));
    pid = fork();
    if (pid == 0) {
        execl(path, path, NULL);
        printf("execl: %s\n", errname(errno));
        fflush(stdout);
        _exit(98);
    }
    printf("status %d\n", status_of(pid));
    unlink(path);
}

static void across_exec(void) { // a socket with bytes under way passes through exec; the new program goes on writing
    int pair[2];
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pair[0], 7);
        write(7, "before exec,", 12);
        execl("/bin/sh", "sh", "-c", "printf 'after exec,' >&7; printf end >&7", NULL);
        _exit(99);
    }
    close(pair[0]);
    char text[100];
    printf("status %d\n", status_of(pid));
    size_t got = read_fully(pair[1], text, sizeof text);
    printf("%.*s\n", (int)got, text);
}

static void as_daemon(void) {
    int pair[2], report_pipe[2];
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    MUST(pipe(report_pipe));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        write(pair[0], "held?", 5);
        if (daemon(0, 0)) _exit(1); // closes nothing, points 0-2 at /dev/null, parent exits
        write(pair[0], "from the daemon", 15);
        printf("nobody sees this\n");
        dprintf(report_pipe[1], "daemon: stdin %ld\n", (long)read(0, pair, 1));
        _exit(0);
    }
    printf("status %d\n", status_of(pid));
    close(pair[0]);
    close(report_pipe[1]);
    char text[100];
    size_t got = read_fully(pair[1], text, sizeof text);
    printf("%.*s\n", (int)got, text);
    got = read_fully(report_pipe[0], text, sizeof text);
    printf("%.*s", (int)got, text);
}

int main(void) {
    begin(30);
    spawn();
    shells();
    exec_family();
    across_exec();
    as_daemon();
    return 0;
}
