// A program to be confined by AppArmor, in the virtual machine.
//
//   confined under PROFILE COMMAND...   runs a command under a profile, as aa-exec(1) does
//   confined exec COMMAND...            runs a command, by the rules of its own profile
//   confined show                       which profile it is under, if libtcptune.so is mapped, and AT_SECURE
//   confined traffic                    exchanges of two writes and an answer: what TCP_NODELAY is, and if the first write is held
//   confined wait                       opens a listener on 127.0.0.1, prints `ready` and waits
#include "../../hazards/hazard.h"
#include <sys/auxv.h>

static int mapped(void) {
    char line[1024];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) found |= strstr(line, "libtcptune.so") != NULL;
    if (maps) fclose(maps);
    return found;
}

static void show(void) {
    char profile[256] = "?";
    int fd = open("/proc/self/attr/current", O_RDONLY);
    ssize_t got = fd < 0 ? 0 : read(fd, profile, sizeof profile - 1);
    if (got > 0) profile[strcspn(profile, "\n")] = 0;
    close(fd);
    printf("%s, library %s, AT_SECURE %lu\n", profile, mapped() ? "yes" : "no", getauxval(AT_SECURE));
}

static long data_segments(int fd) {
    struct { struct tcp_info info; char more[256]; } all = {0};
    socklen_t size = sizeof all;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &all, &size)) return -1;
    uint32_t sent;
    memcpy(&sent, (char *)&all + 156, sizeof sent); // tcpi_data_segs_out, which older headers lack
    return sent;
}

static void traffic(void) {
    int pair[2], on = -1, late = 0;
    socklen_t size = sizeof on;
    long before = 0;
    tcp_pair(pair);
    // As the kernel has it, and not as the library tells.
    syscall(SYS_getsockopt, pair[0], IPPROTO_TCP, TCP_NODELAY, &on, &size);
    for (int round = 0; round < 80; round++) {
        if (round == 60) before = data_segments(pair[0]);
        double start = now();
        teach(pair[0], pair[1], 1);
        late += now() - start > 0.15; // a retransmission timeout
    }
    long sent = data_segments(pair[0]) - before;
    printf("TCP_NODELAY %s, the first of two writes %s%s\n", on < 0 ? "not told" : on ? "on" : "off",
           before < 0 ? "not told" : sent <= 30 ? "held" : "sent", late > 3 ? ", late" : "");
}

int main(int count, char **words) {
    begin(60);
    const char *way = count > 1 ? words[1] : "";
    if (!strcmp(way, "under") && count > 3) {
        char order[256];
        alarm(0);
        int fd = open("/proc/self/attr/apparmor/exec", O_WRONLY); // Linux 5.8
        if (fd < 0) fd = MUST(open("/proc/self/attr/exec", O_WRONLY));
        MUST(write(fd, order, (size_t)snprintf(order, sizeof order, "exec %s", words[2])));
        close(fd);
        execvp(words[3], words + 3);
    } else if (!strcmp(way, "exec") && count > 2) {
        alarm(0);
        execv(words[2], words + 2);
        printf("%s\n", errname(errno));
    } else if (!strcmp(way, "show")) {
        show();
    } else if (!strcmp(way, "traffic")) {
        traffic();
    } else if (!strcmp(way, "wait")) {
        struct sockaddr_in address;
        tcp_listen(&address, 8);
        printf("ready\n");
        pause();
    } else {
        return 2;
    }
    return 0;
}
