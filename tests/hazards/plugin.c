// A plug-in that uses sockets; deepbind.c loads it. With RTLD_DEEPBIND its calls reach no interposer.
#include "hazard.h"

__attribute__((constructor)) static void loaded(void) {
    int pair[2];
    tcp_pair(pair);
    write(pair[0], "in a constructor", 16);
    close(pair[0]), close(pair[1]);
}
__attribute__((destructor)) static void unloaded(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    close(fd);
}

void plugin_pair(int pair[2]) { tcp_pair(pair); }
void plugin_teach(int pair[2]) { teach(pair[0], pair[1], 10); }
long plugin_write(int fd, const char *bytes, size_t length) { return write(fd, bytes, length); }
long plugin_read(int fd, char *bytes, size_t length) { return read(fd, bytes, length); }
int plugin_close(int fd) { return close(fd); }
