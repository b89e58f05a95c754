// What the kernel of a virtual machine does over a link of its own, with and without the library: segments of a header and a
// body, the end of a file that is shorter than sendfile's count, how long held data waits that nothing lets go of, kernel TLS.
//
//   links segments BODY     header by write, body by sendfile, over and over: the median of segments and ms
//   links tail              the same, by a server that sets TCP_NODELAY and asks for far more than the file has
//   links hold              a learned burst of two writes, then one write and a wait that no library sees: how late it comes
//   links waits             the same with a wait that the library sees
//   links ktls              the same bursts on a socket with kernel TLS: records, bytes, median ms
//   links ktls-given        the same, by a program that was given the socket with kernel TLS on it already
//
// The client lives in the network namespace /run/netns/peer, at 10.1.0.2; the server at 10.1.0.1. Each prints one line.
#include "../../hazards/hazard.h"
#include <linux/tls.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

enum { ROUNDS = 200, HEADER = 200 };

static struct sockaddr_in at = {.sin_family = AF_INET};

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

// Each end on a processor of its own: an emulated one that both share stops the sender in the middle of its bursts.
static void on_processor(int number)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number, &set);
    sched_setaffinity(0, sizeof set, &set);
}

// Into the other end's network, for this process and the sockets that it opens from now on.
static void to_the_peer(void)
{
    on_processor(1);
    int network = MUST(open("/run/netns/peer", O_RDONLY));
    MUST(setns(network, CLONE_NEWNET));
    close(network);
}

static int listening(void)
{
    on_processor(0);
    int listener = MUST(socket(AF_INET, SOCK_STREAM, 0));
    socklen_t size = sizeof at;
    inet_pton(AF_INET, "10.1.0.1", &at.sin_addr);
    MUST(bind(listener, (struct sockaddr *)&at, sizeof at));
    MUST(listen(listener, 8));
    MUST(getsockname(listener, (struct sockaddr *)&at, &size));
    return listener;
}

static unsigned segments_out(int fd)
{
    uint32_t info[64] = {0}; // libc's struct tcp_info ends before it: tcpi_data_segs_out, in <linux/tcp.h> at 156
    socklen_t size = sizeof info;
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size);
    return info[39];
}

// Header and body, again and again. `count` is what sendfile is asked for, `body` what there is.
static void responses(size_t body, size_t count, int nodelay)
{
    int listener = listening(), file = MUST(memfd_create("body", 0));
    double *typical = mmap(NULL, sizeof *typical, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(ftruncate(file, (off_t)body));
    pid_t client = fork();
    if (client == 0) {
        static char data[1 << 20];
        double times[ROUNDS];
        mortal();
        to_the_peer();
        int fd = tcp_dial(&at);
        for (int i = 0; i < ROUNDS; i++) {
            double start = now();
            write_fully(fd, "?", 1);
            if (read_fully(fd, data, HEADER + body) != HEADER + body) printf("short\n");
            times[i] = now() - start;
        }
        *typical = median(times + ROUNDS / 2, ROUNDS / 2) * 1000;
        exit(0);
    }
    int fd = MUST(accept(listener, NULL, NULL));
    char request, header[HEADER] = "";
    if (nodelay) MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay));
    double segments[ROUNDS] = {0};
    unsigned before = 0;
    for (int i = 0; i < ROUNDS; i++) {
        if (read(fd, &request, 1) != 1) break;
        // Whole responses: the next request has come, so the last one has gone out.
        unsigned now_out = segments_out(fd);
        if (i > 0) segments[i - 1] = now_out - before;
        before = now_out;
        off_t offset = 0;
        write_fully(fd, header, sizeof header);
        for (size_t sent = 0; sent < body;) {
            ssize_t n = sendfile(fd, file, &offset, count - sent);
            if (n <= 0) break;
            sent += (size_t)n;
        }
    }
    waitpid(client, NULL, 0);
    printf("%.0f segments, %.1f ms\n", median(segments + ROUNDS / 2, ROUNDS / 2 - 1), *typical);
}

// Bursts of two until the library expects them; then half a burst, and a wait.
static void half_a_burst(int seen)
{
    int listener = listening();
    pid_t client = fork();
    if (client == 0) {
        mortal();
        to_the_peer();
        int fd = tcp_dial(&at);
        char reply;
        for (int i = 0; i < 24; i++) {
            write_fully(fd, "first,", 6);
            write_fully(fd, "second", 6);
            if (read(fd, &reply, 1) != 1) exit(1);
        }
        double sent = now();
        write_fully(fd, &sent, sizeof sent);
        if (seen) {
            poll(NULL, 0, 3000);
        } else {
            sem_t never;
            struct timespec until;
            sem_init(&never, 0, 0);
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += 3;
            while (sem_timedwait(&never, &until) && errno == EINTR) {}
        }
        exit(0);
    }
    int fd = MUST(accept(listener, NULL, NULL));
    char both[12];
    int one = 1;
    for (int i = 0; i < 24; i++) {
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        if (read_fully(fd, both, sizeof both) != sizeof both) exit(1);
        write_fully(fd, "k", 1);
    }
    double sent;
    if (read_fully(fd, &sent, sizeof sent) != sizeof sent) exit(1);
    printf("%.0f ms\n", (now() - sent) * 1000);
    kill(client, SIGKILL);
    waitpid(client, NULL, 0);
}

// Bursts of two writes, each with an answer.
static void bursts(int fd)
{
    double times[ROUNDS];
    char reply;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now();
        write_fully(fd, "first,", 6);
        write_fully(fd, "second", 6);
        if (read(fd, &reply, 1) != 1) exit(1);
        times[i] = now() - start;
    }
    printf("%.1f ms, ", median(times + ROUNDS / 2, ROUNDS / 2) * 1000);
}

// Kernel TLS on the sending side only: the peer counts the records as they come over the wire.
static void kernel_tls(int given)
{
    struct tls12_crypto_info_aes_gcm_128 keys = {.info = {TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128}};
    int listener = listening();
    pid_t client = fork();
    if (client == 0) {
        mortal();
        to_the_peer();
        int fd = tcp_dial(&at);
        if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4)) {
            printf("absent\n");
            exit(0);
        }
        MUST(setsockopt(fd, SOL_TLS, TLS_TX, &keys, sizeof keys));
        if (given) { // another program goes on with it
            char number[12];
            snprintf(number, sizeof number, "%d", fd);
            execl("/proc/self/exe", "links", "bursts", number, NULL);
            exit(1);
        }
        bursts(fd);
        exit(0);
    }
    int fd = MUST(accept(listener, NULL, NULL)), records = 0;
    size_t bytes = 0;
    unsigned char head[5], sealed[20000];
    while (read_fully(fd, head, sizeof head) == sizeof head) {
        size_t length = (size_t)head[3] << 8 | head[4];
        if (head[0] != 23 || read_fully(fd, sealed, length) != length) break;
        records++;
        bytes += length - 8 - 16; // explicit nonce and tag
        if (bytes % 12 == 0) write_fully(fd, "k", 1);
    }
    waitpid(client, NULL, 0);
    printf("%d records, %zu bytes\n", records, bytes);
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    begin(100);
    if (!strcmp(what, "segments") && count == 3) {
        size_t body = strtoul(arguments[2], NULL, 10);
        responses(body, body, 0);
    } else if (!strcmp(what, "tail")) {
        responses(500, 1 << 20, 1);
    } else if (!strcmp(what, "hold") || !strcmp(what, "waits")) {
        half_a_burst(*what == 'w');
    } else if (!strcmp(what, "ktls") || !strcmp(what, "ktls-given")) {
        kernel_tls(what[4] != 0);
    } else if (!strcmp(what, "bursts") && count == 3) {
        int fd = atoi(arguments[2]);
        send(fd, "", 0, 0); // a call that only sockets have
        bursts(fd);
    } else {
        return 2;
    }
    return 0;
}
