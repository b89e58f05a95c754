// A plug-in loaded normally, with RTLD_DEEPBIND (as PHP loads its extensions), and with dlmopen (its own C library): its
// sockets and the program's are mixed; then dlclose and again.
// Hazard: one side's calls are seen and the other's are not; the library must be right with half the story.
#include "hazard.h"
#include <dlfcn.h>

static void mix(void *plugin) {
    void (*make)(int *) = (void (*)(int *))dlsym(plugin, "plugin_pair");
    void (*learn)(int *) = (void (*)(int *))dlsym(plugin, "plugin_teach");
    long (*put)(int, const char *, size_t) = (long (*)(int, const char *, size_t))dlsym(plugin, "plugin_write");
    long (*take)(int, char *, size_t) = (long (*)(int, char *, size_t))dlsym(plugin, "plugin_read");
    int (*end)(int) = (int (*)(int))dlsym(plugin, "plugin_close");
    int pair[2], mine[2];
    char text[64];
    make(pair);
    learn(pair);
    teach(pair[0], pair[1], 10);
    SHOW(write(pair[0], "seen ", 5));
    SHOW(put(pair[0], "unseen", 6)); // the other side goes on with the burst
    SHOW(read_fully(pair[1], text, 11));
    SHOW(put(pair[0], "unseen ", 7));
    SHOW(write(pair[0], "seen", 4));
    SHOW(read_fully(pair[1], text, 11));
    SHOW(end(pair[0])); // closed unseen, its number taken by another kind of socket
    int udp = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    MUST(bind(udp, (struct sockaddr *)&address, size));
    getsockname(udp, (struct sockaddr *)&address, &size);
    MUST(connect(udp, (struct sockaddr *)&address, size));
    SHOW(write(udp, "one", 3));
    SHOW(write(udp, "two", 3));
    SHOW(read(udp, text, sizeof text));
    SHOW(read(udp, text, sizeof text));
    SHOW(close(udp));
    SHOW(close(pair[1]));
    tcp_pair(mine);
    teach(mine[0], mine[1], 10);
    SHOW(write(mine[0], "held?", 5));
    printf("arrives %d\n", take(mine[1], text, 5) == 5);
    SHOW(end(mine[0]));
    SHOW(read(mine[1], text, 1));
    SHOW(close(mine[1]));
}

int main(int count, char **arguments) {
    begin(30);
    if (count < 2) return 2;
    static const int flags[] = {RTLD_NOW, RTLD_NOW | RTLD_DEEPBIND, RTLD_LAZY | RTLD_GLOBAL, RTLD_LAZY | RTLD_DEEPBIND};
    for (int i = 0; i < COUNT(flags); i++) {
        printf("--- flags %x\n", flags[i]);
        void *plugin = dlopen(arguments[1], flags[i]);
        if (!plugin) {
            printf("dlopen: %s\n", dlerror());
            continue;
        }
        mix(plugin);
        SHOW(dlclose(plugin));
    }
    printf("--- another namespace\n");
    void *plugin = dlmopen(LM_ID_NEWLM, arguments[1], RTLD_NOW);
    if (plugin) {
        mix(plugin);
        SHOW(dlclose(plugin));
    }
    // libc's own functions, found by name past every interposer
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    long (*put)(int, const void *, size_t) = (long (*)(int, const void *, size_t))dlsym(libc, "write");
    int (*end)(int) = (int (*)(int))dlsym(libc, "close");
    int pair[2];
    char text[16];
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    SHOW(write(pair[0], "abc", 3));
    SHOW(put(pair[0], "def", 3));
    SHOW(end(pair[0]));
    SHOW(read_fully(pair[1], text, sizeof text));
    int number = MUST(open("/dev/null", O_WRONLY));
    printf("same number %d\n", number == pair[0]);
    SHOW(write(number, "file", 4));
    SHOW(dlclose(libc));
    return 0;
}
