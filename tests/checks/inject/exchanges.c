// As exchanges.py, for an image that has nothing but the C library.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void serve(int listener) {
	int connection = accept(listener, NULL, NULL);
	char buffer[1000];
	for (ssize_t got; (got = read(connection, buffer, sizeof buffer)) > 0;)
		if (buffer[got - 1] == '\n' && write(connection, "ok\n", 3) != 3)
			_exit(1);
	_exit(0);
}

int main(void) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1))
		return perror("listen"), 1;
	if (fork() == 0)
		serve(listener);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (void *)&address, sizeof address))
		return perror("connect"), 1;
	char piece[300], answer[100];
	memset(piece, 'x', sizeof piece);
	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int number = 0; number < 20; number++)
		if (write(client, piece, sizeof piece) < 0 || write(client, "\n", 1) < 0 || read(client, answer, sizeof answer) <= 0)
			return perror("exchange"), 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.2f ms each\n", ((end.tv_sec - begin.tv_sec) * 1e3 + (end.tv_nsec - begin.tv_nsec) / 1e6) / 20);
	FILE *maps = fopen("/proc/self/maps", "r");
	for (char line[4096]; maps && fgets(line, sizeof line, maps);)
		if (strstr(line, "tcptune") && strstr(line, "r-x"))
			fputs(strchr(line, '/'), stdout);
	return 0;
}
