/*
 * Both ends of a connection in one process: bursts of two writes, each with an answer.
 *
 * bursts COUNT [sets]    sets: makes one setsockopt of its own first, as most servers do
 *
 * Without TCP_NODELAY the second write of each burst waits 40 ms (Nagle).
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	int count = argc > 1 ? atoi(argv[1]) : 0, one = 1, done = 0;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	if (argc > 2 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one))
		err(1, "setsockopt");
	if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &size) || connect(client, (struct sockaddr *)&at, size))
		err(1, "connection");
	int server = accept(listener, NULL, NULL);
	for (; done < count; done++) {
		char text[64] = "";
		if (write(client, text, 40) != 40 || write(client, text, 2) != 2)
			err(1, "write");
		for (ssize_t got, left = 42; left; left -= got)
			if ((got = read(server, text, (size_t)left)) <= 0)
				err(1, "read");
		if (write(server, text, 1) != 1 || read(client, text, 1) != 1)
			err(1, "answer");
	}
	printf("%d bursts\n", done);
	return 0;
}
