/* A library that is preloaded behind ours and answers two calls itself, and, with -DPROGRAM, the program that asks. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef PROGRAM
int main(void)
{
    printf("listen %d, pause %d, getpid %d\n", listen(-1, 1), pause(), getpid() > 0);
    return 0;
}
#else
int listen(int fd, int backlog)
{
    return fd == -1 ? 76 + backlog : -1;
}
int pause(void)
{
    return 78;
}
#endif
