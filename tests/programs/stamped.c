/*
 * Exchanges over a connection to a listener of its own, in one thread: a call of 100 bytes, its time stamp, which the kernel
 * gives together with the data (and headers) that it stamped, and an answer of 1 byte.
 *
 * stamped EXCHANGES
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t stamp(int fd, int many)
{
	char data[512], control[512];
	struct iovec part = {data, sizeof data};
	struct mmsghdr one = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}};
	struct pollfd p = {fd, 0, 0};
	if (poll(&p, 1, 5000) != 1)
		errx(1, "no time stamp");
	if (many)
		return recvmmsg(fd, &one, 1, MSG_ERRQUEUE, NULL) == 1 ? (ssize_t)one.msg_len : -1;
	return recvmsg(fd, &one.msg_hdr, MSG_ERRQUEUE);
}

int main(int count, char **arguments)
{
	char data[100] = {0}, answer = 'a';
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof address;
	if (count != 2 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1))
		err(1, "listen");
	getsockname(listener, (struct sockaddr *)&address, &size);
	if (connect(client, (struct sockaddr *)&address, size))
		err(1, "connect");
	int server = accept(listener, NULL, NULL);
	if (setsockopt(client, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags))
		err(1, "SO_TIMESTAMPING");
	for (int i = 0; i < atoi(arguments[1]); i++) {
		if (send(client, data, sizeof data, 0) != sizeof data || stamp(client, i % 2) < (ssize_t)sizeof data)
			err(1, "a call and its time stamp");
		if (recv(server, data, sizeof data, MSG_WAITALL) != sizeof data || write(server, &answer, 1) != 1)
			err(1, "an answer");
		if (recv(client, &answer, 1, 0) != 1)
			err(1, "no answer");
	}
	close(client), close(server), close(listener);
	return 0;
}
