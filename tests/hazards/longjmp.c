// siglongjmp out of a handler while a call is blocked, a hundred times for each call; the sockets must stay usable.
// Hazard: state marked "inside the library" that a jump never unmarks.
#include "hazard.h"
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

static sigjmp_buf escape;
static void handler(int number) { siglongjmp(escape, number); }

int main(void) {
    begin(60);
    int idle[2], full[2];
    static char block[50000];
    tcp_pair(idle);
    tcp_pair(full);
    teach(idle[0], idle[1], 12);
    fill(full[0], full[1]);
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 4);
    int epoll = MUST(epoll_create1(0));
    signal(SIGALRM, handler);
    static const char *names[] = {"read", "recv", "recvmsg", "poll", "select", "epoll_wait", "accept", "send", "write", "nanosleep", "ppoll", "readv"};
    for (volatile int which = 0; which < COUNT(names); which++) {
        volatile int jumped = 0, returned = 0;
        for (volatile int i = 0; i < 40; i++) {
            if (sigsetjmp(escape, 1)) {
                jumped++;
                continue;
            }
            struct itimerval soon = {{0, 0}, {0, 1500}};
            setitimer(ITIMER_REAL, &soon, NULL);
            struct iovec iov = {block, 1};
            struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
            struct pollfd p = {idle[0], POLLIN, 0};
            struct epoll_event event;
            struct timespec long_time = {20, 0};
            fd_set set;
            FD_ZERO(&set);
            FD_SET(idle[0], &set);
            switch (which) {
            case 0: read(idle[0], block, 1); break;
            case 1: recv(idle[0], block, 1, 0); break;
            case 2: recvmsg(idle[0], &message, 0); break;
            case 3: poll(&p, 1, -1); break;
            case 4: select(idle[0] + 1, &set, NULL, NULL, NULL); break;
            case 5: epoll_wait(epoll, &event, 1, -1); break;
            case 6: accept(listener, NULL, NULL); break;
            case 7: send(full[0], block, sizeof block, 0); break;
            case 8: write(full[0], block, sizeof block); break;
            case 9: nanosleep(&long_time, NULL); break;
            case 10: ppoll(&p, 1, NULL, NULL); break;
            case 11: readv(idle[0], &iov, 1); break;
            }
            returned++;
        }
        printf("%s: jumped out %d, returned %d\n", names[which], jumped, returned);
        signal(SIGALRM, SIG_DFL);
        alarm(30);
        teach(idle[0], idle[1], 2);
        signal(SIGALRM, handler);
    }
    int later = tcp_dial(&address), accepted = MUST(accept(listener, NULL, NULL));
    signal(SIGALRM, SIG_DFL);
    alarm(20);
    teach(later, accepted, 3);
    printf("all sockets still work\n");
    return 0;
}
