// syscall(), prctl, fcntl and ioctl with every kind of argument: six words, pointers, none at all.
// Hazard: hooks on variadic functions that pass too few words, cut them to int, or change the result.
#include "hazard.h"
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static void through_syscall(void) {
    printf("--- syscall()\n");
    // six arguments and a result wider than an int
#ifdef SYS_mmap2 // the other one takes a pointer to them
#define MMAP SYS_mmap2
#else
#define MMAP SYS_mmap
#endif
    char *page = (char *)syscall(MMAP, NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    printf("mmap %s\n", page == MAP_FAILED ? "failed" : "mapped");
    page[8191] = 7;
    SHOW(syscall(SYS_munmap, page, 8192L));
    SHOW(syscall(SYS_getpid) == getpid());
    SHOW(syscall(SYS_gettid) == getpid());
    SHOW(syscall(-1));
    SHOW(syscall(99999));
    SHOW(syscall(SYS_close, -1));
    int word = 5;
    struct timespec short_time = {0, 1000000};
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 4, &short_time, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &short_time, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(syscall(SYS_memfd_create, "x", 0) >= 3);
    int pair[2];
    char text[32];
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    struct iovec iov = {"iov", 3};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr many = {.msg_hdr = message};
    SHOW(write(pair[0], "held? ", 6));
    SHOW(syscall(SYS_write, pair[0], "raw ", 4L));
    SHOW(syscall(SYS_sendto, pair[0], "to ", 3L, MSG_NOSIGNAL, NULL, 0));
    SHOW(syscall(SYS_sendmsg, pair[0], &message, 0));
    SHOW(syscall(SYS_sendmmsg, pair[0], &many, 1, 0));
    SHOW(syscall(SYS_writev, pair[0], &iov, 1));
    size_t got = read_fully(pair[1], text, 22);
    printf("%.*s\n", (int)got, text);
    SHOW(write(pair[0], "last", 4));
    int copy = (int)syscall(SYS_dup3, pair[0], 99, O_CLOEXEC);
    SHOW(copy);
    SHOW(syscall(SYS_close, pair[0]));
    SHOW(syscall(SYS_close, copy));
    got = read_fully(pair[1], text, sizeof text);
    printf("%.*s\n", (int)got, text);
    SHOW(syscall(SYS_recvmmsg, pair[1], &many, 1, MSG_DONTWAIT, NULL));
    SHOW(syscall(SYS_close_range, 90, 100, 0));
    SHOW(syscall(SYS_pidfd_open, getpid(), 0) >= 3);
    long pidfd = syscall(SYS_pidfd_open, getpid(), 0);
    long twin = syscall(SYS_pidfd_getfd, pidfd, pair[1], 0);
    SHOW(twin >= 0);
    SHOW(read((int)twin, text, 1));
}

static void through_prctl(void) {
    printf("--- prctl\n");
    char name[16] = "";
    SHOW(prctl(PR_SET_NAME, "hazard-name"));
    SHOW(prctl(PR_GET_NAME, name));
    printf("%s\n", name);
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    int signal_number = -1;
    SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    SHOW(prctl(PR_GET_PDEATHSIG, &signal_number));
    printf("%d\n", signal_number);
    SHOW(prctl(PR_SET_PDEATHSIG, 0));
    SHOW(prctl(PR_GET_SECCOMP));
    SHOW(prctl(PR_SET_SECCOMP, 77, 0, 0, 0)); // refused: not a filter
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_TIMERSLACK) > 0);
    SHOW(prctl(99999, 1, 2, 3, 4));
    SHOW(syscall(SYS_seccomp, 99, 0, NULL));
    SHOW(syscall(SYS_prctl, PR_GET_DUMPABLE, 0L, 0L, 0L, 0L));
}

static void through_fcntl(int fd, const char *what) {
    printf("--- fcntl and ioctl on a %s\n", what);
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(fd, F_SETFL, O_NONBLOCK));
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(fd, F_SETFL, 0));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_DUPFD, 0) >= 0);
    SHOW(fcntl(fd, F_DUPFD, 500));
    SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 500));
    SHOW(fcntl64(fd, F_DUPFD_CLOEXEC, 510));
    SHOW(fcntl64(fd, F_DUPFD, 510));
    SHOW(fcntl(fd, F_DUPFD, -1));
    SHOW(fcntl(fd, F_DUPFD, INT_MAX));
    for (int number = 500; number < 513; number++)
        if (fcntl(number, F_GETFD) >= 0) SHOW(close(number));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20};
    SHOW(fcntl(fd, F_SETLK, &lock));
    SHOW(fcntl(fd, F_GETLK, &lock));
    printf("lock type %d\n", lock.l_type);
    lock.l_pid = 0;
    SHOW(fcntl(fd, F_OFD_SETLK, &lock));
    SHOW(fcntl(fd, F_SETLK, NULL));
    SHOW(fcntl(fd, F_SETOWN, getpid()));
    SHOW(fcntl(fd, F_GETOWN) == getpid());
    struct f_owner_ex owner = {0, 0};
    SHOW(fcntl(fd, F_GETOWN_EX, &owner));
    SHOW(fcntl(fd, F_SETSIG, SIGUSR1));
    SHOW(fcntl(fd, F_GETSIG));
    SHOW(fcntl(fd, F_GETPIPE_SZ));
    SHOW(fcntl(fd, F_GETLEASE));
    SHOW(fcntl(fd, F_GET_SEALS));
    uint64_t hint = 0;
    SHOW(fcntl(fd, 1035, &hint)); // F_GET_RW_HINT
    SHOW(flock(fd, LOCK_EX | LOCK_NB));
    int number = -1, on = 1, off = 0;
    SHOW(ioctl(fd, FIONREAD, &number));
    printf("%d\n", number);
    SHOW(ioctl(fd, FIONBIO, &on));
    SHOW(fcntl(fd, F_GETFL));
    SHOW(ioctl(fd, FIONBIO, &off));
    SHOW(ioctl(fd, FIOCLEX));
    SHOW(ioctl(fd, FIONCLEX, 0));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(ioctl(fd, 0x894B, &number)); // SIOCOUTQNSD
    SHOW(ioctl(fd, 0xdeadbeef, 0x123456789abcL));
    SHOW(ioctl(fd, 0x8906, NULL)); // SIOCGSTAMP
}

int main(void) {
    begin(20);
    signal(SIGUSR1, SIG_IGN);
    through_syscall();
    through_prctl();
    int pair[2], pipes[2];
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    through_fcntl(pair[0], "TCP socket");
    teach(pair[0], pair[1], 3);
    through_fcntl(MUST(memfd_create("file", MFD_ALLOW_SEALING)), "file");
    MUST(pipe(pipes));
    through_fcntl(pipes[1], "pipe");
    through_fcntl(MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), "UNIX socket");
    through_fcntl(-1, "number that is none");
    return 0;
}
