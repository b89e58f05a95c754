// Calls 28 hooked functions once each, with arguments that each refuses at once; without an argument: none of them (bind.sh).
// (Not connect and listen, with which the library looks once whether the process is under a filter.)
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	(void)arguments;
	if (count < 2)
		return 0;
	int no = -1;
	long result = 0;
	result += read(no, 0, 0) + write(no, 0, 0) + readv(no, 0, 0) + writev(no, 0, 0);
	result += send(no, 0, 0, 0) + sendto(no, 0, 0, 0, 0, 0) + sendmsg(no, 0, 0) + sendmmsg(no, 0, 0, 0);
	result += recv(no, 0, 0, 0) + recvfrom(no, 0, 0, 0, 0, 0) + recvmsg(no, 0, 0) + recvmmsg(no, 0, 0, 0, 0);
	result += sendfile(no, no, 0, 0) + splice(no, 0, no, 0, 0, 0);
	result += accept(no, 0, 0) + accept4(no, 0, 0, 0);
	result += close(no) + shutdown(no, 0) + dup(no) + dup2(no, no) + dup3(no, no, 0);
	result += setsockopt(no, 0, 0, 0, 0) + getsockopt(no, 0, 0, 0, 0);
	result += poll(0, 0, 0) + epoll_wait(no, 0, 0, 0) + sched_yield() + waitpid(no, 0, WNOHANG) + prctl(no, 0, 0, 0, 0);
	return result > 0;
}
