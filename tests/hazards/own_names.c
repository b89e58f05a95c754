// A program with functions of its own called accept, closefrom and poll, as rblsmtpd, openssh and others have; they are
// exported (-rdynamic), have other arguments, and end the program's run when somebody else calls them.
// Hazard: the library's own calls bind to the executable's names.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static int allowed; // how many calls of our own are under way

#define OWN(name)                                                                                                      \
    if (!allowed) {                                                                                                    \
        static const char text[] = "somebody else called " name "\n";                                                  \
        syscall(SYS_write, 1, text, sizeof text - 1);                                                                  \
        _exit(66);                                                                                                     \
    }

#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
int closefrom_calls, poll_calls;
void closefrom(int lowest) { OWN("closefrom"); closefrom_calls += lowest; }
int poll(void *a, unsigned long b, int c) { OWN("poll"); (void)a, (void)b, (void)c; poll_calls++; return 42; }
long sendfile(const char *why) { OWN("sendfile"); return (long)strlen(why); }
int own_getsockopt(void) __asm__("getsockopt");
int own_getsockopt(void) { OWN("getsockopt"); return 7; }
int own_setsockopt(void) __asm__("setsockopt");
int own_setsockopt(void) { OWN("setsockopt"); return 8; }
long own_clock(void) __asm__("clock_gettime");
long own_clock(void) { OWN("clock_gettime"); return 9; }
int dup3(double x) { OWN("dup3"); return (int)x; }

int main(void) {
    allowed = 1;
    closefrom(3);
    printf("poll %d sendfile %ld dup3 %d\n", poll(0, 0, 0), sendfile("four"), dup3(5.5));
    printf("options %d %d clock %ld\n", own_getsockopt(), own_setsockopt(), own_clock());
    allowed = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, size);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&address, &size);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, size)) return 1;
    int server = accept(listener, NULL, NULL);
    char text[32];
    for (int i = 0; i < 12; i++) {
        write(client, "he", 2);
        write(client, "ad", 2);
        recv(server, text, 4, MSG_WAITALL);
        write(server, "x", 1);
        read(client, text, 1);
    }
    int copy = dup2(client, 50);
    close(client);
    printf("copy %d, write %zd\n", copy, write(copy, "tail", 4));
    printf("recv %zd\n", recv(server, text, 4, MSG_WAITALL));
    shutdown(copy, SHUT_WR);
    printf("end %zd\n", read(server, text, 4));
    return 0;
}
