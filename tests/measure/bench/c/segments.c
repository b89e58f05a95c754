/* Counts the data segments of TCP connections on one interface, for programs that cannot be asked for their TCP_INFO.
 *
 *   segments INTERFACE PORT
 *
 * Prints "ready", counts until standard input ends, then prints one JSON line: segments and bytes with data towards the
 * port and from it. A packet socket sees on the loopback device each packet twice (sent, received): only the received
 * one counts. If the kernel had to drop packets for us the count would be wrong, so that is an error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "segments: %s: %s\n", what, strerror(errno));
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: segments INTERFACE PORT\n");
        return 2;
    }
    int port = atoi(argv[2]), room = 64 << 20;
    int loopback = strcmp(argv[1], "lo") == 0;
    int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
    if (s < 0)
        die("packet socket");
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
    link.sll_ifindex = if_nametoindex(argv[1]);
    if (link.sll_ifindex == 0 || bind(s, (struct sockaddr *)&link, sizeof link) < 0)
        die(argv[1]);
    puts("ready");
    fflush(stdout);

    unsigned long to = 0, from = 0, bytes_to = 0, bytes_from = 0;
    struct pollfd wait[2] = {{.fd = s, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    int ending = 0;
    for (;;) {
        /* After the end of input, what is already queued still counts. */
        int n = poll(wait, 2, ending ? 50 : -1);
        if (n == 0)
            break;
        if (wait[1].revents) {
            wait[1].fd = -1;
            wait[1].revents = 0;
            ending = 1;
        }
        if (!wait[0].revents)
            continue;
        unsigned char packet[128];
        struct sockaddr_ll origin;
        socklen_t origin_length = sizeof origin;
        ssize_t got = recvfrom(s, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&origin, &origin_length);
        if (got < (ssize_t)sizeof(struct iphdr) || (loopback && origin.sll_pkttype == PACKET_OUTGOING))
            continue;
        const struct iphdr *ip = (const struct iphdr *)packet;
        if (ip->protocol != IPPROTO_TCP)
            continue;
        const struct tcphdr *tcp = (const struct tcphdr *)(packet + ip->ihl * 4);
        unsigned data = ntohs(ip->tot_len) - ip->ihl * 4 - tcp->doff * 4;
        if (data == 0)
            continue;
        if (ntohs(tcp->dest) == port)
            to++, bytes_to += data;
        else if (ntohs(tcp->source) == port)
            from++, bytes_from += data;
    }
    struct tpacket_stats lost;
    socklen_t length = sizeof lost;
    if (getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &lost, &length) < 0 || lost.tp_drops > 0) {
        fprintf(stderr, "segments: %u packets were not seen\n", lost.tp_drops);
        return 1;
    }
    printf("{\"to\": %lu, \"from\": %lu, \"bytes_to\": %lu, \"bytes_from\": %lu}\n", to, from, bytes_to, bytes_from);
    return 0;
}
