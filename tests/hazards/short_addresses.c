// Socket addresses that end where memory ends. accept(2) writes no more than the program has room for, yet says how long the
// address is; connect(2) reads no more than the program says, and gives EFAULT where that cannot be read. Whoever reads
// addresses too, to choose by the peer, reads neither more than was written nor what the kernel cannot read. Run with
// settings that choose by the peer.
#include "hazard.h"
#include <sys/mman.h>

static char *page_end(void) {
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    return pages + 4096;
}

int main(void) {
    char *end = page_end();
    struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t length = sizeof here;
    int listener = socket(AF_INET6, SOCK_STREAM, 0);
    bind(listener, (void *)&here, sizeof here);
    listen(listener, 16);
    getsockname(listener, (void *)&here, &length);
    const socklen_t rooms[] = {28, 24, 23, 16, 8, 7, 2, 1, 0};
    for (unsigned i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        socklen_t room = rooms[i];
        int client = socket(AF_INET6, SOCK_STREAM, 0);
        memcpy(end - sizeof here, &here, sizeof here);
        printf("connect: %d\n", connect(client, (void *)(end - sizeof here), sizeof here));
        memset(end - 64, 0, 64);
        int server = accept(listener, (void *)(end - room), &room);
        printf("accept with room for %u: %s, length %u\n", rooms[i], server >= 0 ? "yes" : strerror(errno), room);
        printf("%zd\n", write(server, "x", 1));
        close(server);
        close(client);
    }
    // 8 or 16 bytes of the address can be read, and the rest cannot.
    for (int can = 0; can <= 28; can += 4) {
        int client = socket(AF_INET6, SOCK_STREAM, 0);
        memset(end - 64, 0, 64);
        memcpy(end - can, &here, can);
        int result = connect(client, (void *)(end - can), sizeof here);
        printf("connect with %d readable bytes: %d %s\n", can, result, result ? strerror(errno) : "");
        close(client);
    }
    return 0;
}
