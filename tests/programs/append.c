/*
 * Appends mails to an IMAP mailbox the way many clients do: write(literal), write(CRLF), read.
 *
 * append PORT USER PASSWORD COUNT
 *
 * The second write waits for the acknowledgement of the first (Nagle), which the server delays. Prints one line:
 * `COUNT mails in SECONDS s: RATE/s`. Sets no socket option.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAIL = 2400 };

static int server;

static void say(const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = write(server, bytes, length);
		if (sent < 0)
			err(1, "write");
		bytes += sent;
		length -= (size_t)sent;
	}
}

/* Reads lines until one begins with this. */
static void expect(const char *begin)
{
	static char buffer[65536];
	static size_t held;
	for (;;) {
		char *end;
		while (held && (end = memchr(buffer, '\n', held))) {
			size_t length = (size_t)(end - buffer) + 1;
			int found = !strncmp(buffer, begin, strlen(begin));
			if (!found && strncmp(buffer, "* ", 2))
				errx(1, "expected %s, got %.*s", begin, (int)length, buffer);
			memmove(buffer, buffer + length, held - length);
			held -= length;
			if (found)
				return;
		}
		ssize_t got = read(server, buffer + held, sizeof buffer - held);
		if (got <= 0)
			err(1, "read");
		held += (size_t)got;
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: append PORT USER PASSWORD COUNT");
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	to.sin_port = htons((unsigned short)atoi(argv[1]));
	int count = atoi(argv[4]);
	char line[256], mail[MAIL];
	memset(mail, 'x', sizeof mail);
	memcpy(mail, "Subject: appended\r\n\r\n", 21);
	memcpy(mail + MAIL - 2, "\r\n", 2);

	server = socket(AF_INET, SOCK_STREAM, 0);
	if (server < 0 || connect(server, (struct sockaddr *)&to, sizeof to))
		err(1, "connect");
	expect("* OK");
	say(line, (size_t)snprintf(line, sizeof line, "a LOGIN %s %s\r\n", argv[2], argv[3]));
	expect("a OK");

	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < count; i++) {
		say(line, (size_t)snprintf(line, sizeof line, "b APPEND INBOX {%d}\r\n", MAIL));
		expect("+ ");
		say(mail, sizeof mail);
		say("\r\n", 2);
		expect("b OK");
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	say("c LOGOUT\r\n", 10);
	expect("c OK");
	double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("%d mails in %.3f s: %.1f/s\n", count, seconds, count / seconds);
	return 0;
}
