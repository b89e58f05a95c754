/* A path with a round-trip time between two network namespaces, through two TUN devices: for kernels without netem. Each packet is passed on
 * ONE_WAY_MS after it came, but for LOSS_PERCENT of them, which are lost: the same of each direction in every run with this SEED. Ends with
 * its standard input. Prints `ready` when the path is there.
 * usage: relay NETNS_A ADDRESS_A NETNS_B ADDRESS_B ONE_WAY_MS [LOSS_PERCENT [SEED]]; a namespace is a file (/run/netns/NAME) */
#include "sender.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

enum { PACKETS = 16384, LARGEST = 2048 };
struct packet { long long due; int length; char data[LARGEST]; };
/* What is under way in one direction, from `first` up to `next`; and which of its packets are lost. */
static struct direction { struct packet *packets; int first, next; unsigned long long random; } ways[2];

/* The next number of a xorshift generator (Marsaglia) between 0 and 1. */
static double draw(unsigned long long *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 11) * 0x1p-53;
}

/* A TUN device with this address in this namespace. */
static int device(const char *space, const char *address) {
    char command[200];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int in = open(space, O_RDONLY | O_CLOEXEC), fd;
    if (in < 0 || setns(in, CLONE_NEWNET)) failed(space);
    close(in);
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strcpy(request.ifr_name, "relay");
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) failed("/dev/net/tun");
    snprintf(command, sizeof command, "ip address add %s/24 dev relay && ip link set relay mtu 1500 up", address);
    if (system(command)) exit(1);
    return fd;
}

int main(int argc, char **argv) {
    if (argc < 6 || argc > 8) {
        fputs("usage: relay NETNS_A ADDRESS_A NETNS_B ADDRESS_B ONE_WAY_MS [LOSS_PERCENT [SEED]]\n", stderr);
        return 2;
    }
    double loss = argc > 6 ? atof(argv[6]) / 100 : 0;
    unsigned long long seed = argc > 7 ? strtoull(argv[7], NULL, 10) : 1;
    int fd[2] = {device(argv[1], argv[2]), device(argv[3], argv[4])};
    long long delay = atof(argv[5]) * 1e6;
    for (int i = 0; i < 2; i++) {
        if (!(ways[i].packets = malloc(PACKETS * sizeof *ways[i].packets))) failed("malloc");
        // Any state but 0; a small seed needs some rounds to reach all bits.
        ways[i].random = 2 * seed + i + 1;
        for (int n = 0; n < 20; n++) draw(&ways[i].random);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd set[3] = {{fd[0], POLLIN, 0}, {fd[1], POLLIN, 0}, {0, POLLIN, 0}};
        long long now = now_ns(), next = now + 1000000000;
        for (int i = 0; i < 2; i++) {
            struct direction *w = &ways[i];
            for (; w->first != w->next && w->packets[w->first].due <= now; w->first = (w->first + 1) % PACKETS)
                if (write(fd[!i], w->packets[w->first].data, w->packets[w->first].length) < 0) perror("relay: write");
            if (w->first != w->next && w->packets[w->first].due < next) next = w->packets[w->first].due;
        }
        struct timespec left = {(next - now) / 1000000000, (next - now) % 1000000000};
        ppoll(set, 3, &left, NULL);
        if (set[2].revents) return 0;
        for (int i = 0; i < 2; i++) {
            struct direction *w = &ways[i];
            while (set[i].revents && (w->next + 1) % PACKETS != w->first) {
                struct packet *p = &w->packets[w->next];
                if ((p->length = read(fd[i], p->data, LARGEST)) <= 0) break;
                if (loss > 0 && draw(&w->random) < loss) continue;
                p->due = now_ns() + delay;
                w->next = (w->next + 1) % PACKETS;
            }
        }
    }
}
