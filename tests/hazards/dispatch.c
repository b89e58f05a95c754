// A process that has restricted its own system calls in the ways that are rarely used: the kernel hands it every system call that
// is not made in the C library's code (PR_SET_SYSCALL_USER_DISPATCH, as some emulators do), asked for by prctl and by syscall; a filter,
// installed by syscall(SYS_prctl), that kills whoever sets an option.
// Hazard: a system call that the library makes for itself ends the program.
#include "hazard.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <link.h>
#include <stddef.h>
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif

static const char *ways[] = {"handed over", "handed over, by syscall", "filtered, by syscall"};
static unsigned long from, length; // the C library's code
static volatile char selector;     // 1: calls from elsewhere are handed over

static int find(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    if (!info->dlpi_name || !strstr(info->dlpi_name, "/libc.so")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X)
            from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, length = info->dlpi_phdr[i].p_memsz;
    return 1;
}

static void handed_over(int number) {
    (void)number;
    selector = 0;
    static const char text[] = "a system call that is not the program's\n";
    write(1, text, sizeof text - 1);
    _exit(3);
}

static int restrict_calls(int way) {
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {COUNT(steps), steps};
    switch (way) {
    case 0: return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, from, length, &selector);
    case 1: return (int)syscall(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, from, length, &selector);
    default:
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        return (int)syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
    }
}

// Two writes and an answer, so often that a library would hold, and ask the kernel about this service.
static void exchanges(int pair[2]) {
    char text[16], reply = 'r';
    for (int i = 0; i < 20; i++) {
        write_fully(pair[0], "head", 4);
        write_fully(pair[0], "body", 4);
        if (read_fully(pair[1], text, 8) != 8) printf("cut short\n");
        write_fully(pair[1], &reply, 1);
        if (read(pair[0], &reply, 1) != 1) printf("no reply\n");
    }
}

static void restricted(int way) {
    int pair[2], fresh[2], one = 1;
    char text[16];
    tcp_pair(pair);
    for (int i = 0; i < 2; i++) setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    exchanges(pair);
    write(pair[0], "first", 5);
    SHOW_AS("restricted", restrict_calls(way));
    selector = 1;
    printf("arrives %d\n", arrives(pair[1], 100));
    write(pair[0], "second", 6);
    printf("%zu bytes\n", read_fully(pair[1], text, 11));
    exchanges(pair);
    tcp_pair(fresh);
    write(fresh[0], "held?", 5);
    SHOW(dup2(fresh[0], pair[0]));
    SHOW(close(fresh[0]));
    SHOW(close(pair[0]));
    printf("%zu bytes\n", read_fully(fresh[1], text, 11));
    selector = 0;
    if (way < 2) SHOW(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0));
    exit(0);
}

int main(void) {
    begin(20);
    signal(SIGSYS, handed_over);
    dl_iterate_phdr(find, NULL);
    for (int way = 0; way < COUNT(ways); way++) {
        printf("%s\n", ways[way]);
        pid_t child = fork();
        if (child == 0) {
            mortal();
            restricted(way);
        }
        int status;
        waitpid(child, &status, 0);
        printf("ends %x\n", status);
    }
    return 0;
}
