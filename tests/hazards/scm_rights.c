// Sockets that arrive by SCM_RIGHTS: through recvmsg and recvmmsg, truncated, with MSG_PEEK and MSG_CMSG_CLOEXEC, from a
// child, and while a learned burst is under way on the sender's copy.
// Hazard: sockets that never passed socket() or accept(); control data lost or changed; a second owner of held bytes.
#include "hazard.h"

static int pass(int over, int *fds, int count, const char *text) {
    char control[CMSG_SPACE(sizeof(int) * 8)] = {0};
    struct iovec iov = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    return (int)sendmsg(over, &message, 0);
}

static int take(int over, int *fds, int room, int flags, int many) {
    char control[CMSG_SPACE(sizeof(int) * 8)], text[32];
    struct iovec iov = {text, sizeof text};
    struct mmsghdr one = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = (size_t)room}};
    errno = ERRNO_MARK;
    long got = many ? recvmmsg(over, &one, 1, flags, NULL) : recvmsg(over, &one.msg_hdr, flags);
    long length = many ? (long)one.msg_len : got;
    int count = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&one.msg_hdr); h; h = CMSG_NXTHDR(&one.msg_hdr, h)) {
        count = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(h), sizeof(int) * (size_t)count);
        printf("  control level %d type %d with %d\n", h->cmsg_level, h->cmsg_type, count);
    }
    printf("  %.*s, flags %x, controllen %zu, errno %s\n", (int)length, text, one.msg_hdr.msg_flags, (size_t)one.msg_hdr.msg_controllen,
           errno == ERRNO_MARK ? "kept" : errname(errno));
    return count;
}

int main(void) {
    begin(30);
    int over[2], pair[2], got[8], text_length;
    char text[64];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, over));
    for (int many = 0; many < 2; many++) {
        tcp_pair(pair);
        teach(pair[0], pair[1], 10);
        write(pair[0], "held?", 5);
        SHOW(pass(over[0], pair, 1, "take it"));
        printf("arrives while both have it: %s\n", arrives(pair[1], 150) ? "yes" : "no");
        SHOW(take(over[1], got, CMSG_SPACE(sizeof(int) * 8), many ? MSG_CMSG_CLOEXEC : 0, many));
        printf("close on exec %d\n", fcntl(got[0], F_GETFD));
        write(pair[0], "a", 1);
        write(got[0], "b", 1);
        write(pair[0], "c", 1);
        SHOW(close(pair[0]));
        write(got[0], "d", 1);
        text_length = (int)read_fully(pair[1], text, 9);
        printf("%.*s\n", text_length, text);
        teach(got[0], pair[1], 10);
        write(got[0], "last", 4);
        SHOW(close(got[0]));
        text_length = (int)read_fully(pair[1], text, sizeof text);
        printf("%.*s\n", text_length, text);
        close(pair[1]);
    }
    printf("several, peeked, truncated\n");
    tcp_pair(pair);
    int three[3] = {pair[0], 0, pair[1]};
    SHOW(pass(over[0], three, 3, "three"));
    int count = take(over[1], got, CMSG_SPACE(sizeof(int) * 8), MSG_PEEK, 0);
    for (int i = 0; i < count; i++) close(got[i]);
    count = take(over[1], got, CMSG_SPACE(sizeof(int)), 0, 0); // room for fewer than sent: the kernel says MSG_CTRUNC
    for (int i = 0; i < count; i++) SHOW(close(got[i]));
    SHOW(pass(over[0], three, 3, "no room"));
    take(over[1], got, 0, 0, 0);
    SHOW(write(pair[0], "still", 5));
    SHOW(pass(over[0], (int[]){-1}, 1, "bad"));
    SHOW(pass(over[0], (int[]){over[0]}, 1, "itself"));
    take(over[1], got, CMSG_SPACE(sizeof(int)), 0, 0);

    printf("an accepted socket served by a child\n");
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 8);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mortal();
        for (int i = 0; i < 3; i++) {
            char control[CMSG_SPACE(sizeof(int))], byte;
            struct iovec iov = {&byte, 1};
            struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
            if (recvmsg(over[1], &message, 0) != 1) _exit(1);
            int fd;
            memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
            char request[4];
            while (read_fully(fd, request, 4) == 4) {
                write_fully(fd, "head", 4);
                write_fully(fd, "body", 4);
            }
            close(fd);
        }
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        int client = tcp_dial(&address), accepted = MUST(accept(listener, NULL, NULL)), good = 0;
        pass(over[0], &accepted, 1, "x");
        close(accepted);
        for (int k = 0; k < 8; k++) {
            write_fully(client, "get!", 4);
            good += read_fully(client, text, 8) == 8 && !memcmp(text, "headbody", 8);
        }
        printf("connection %d: %d good replies\n", i, good);
        close(client);
    }
    int status;
    waitpid(child, &status, 0);
    printf("child %x\n", status);
    return 0;
}
