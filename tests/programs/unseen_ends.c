/*
 * Ends that no hook sees, or that looked harmless: is the last message late, or lost?
 *
 * unseen_ends MODE ROUNDS
 *
 * Each round opens a connection, earns trust there with exchanges of two calls and an answer, and then sends one message more,
 * as if another would follow. What happens then is MODE:
 *
 *   fclose    input is unread, and fclose(3) closes the descriptor
 *   closed    input is unread, and the descriptor is closed by a raw system call
 *   empty     sendmmsg(2) sends an empty message, and the thread pauses
 *   parked    the message was another thread's, which never enters a hook again
 *
 * Prints in how many rounds the message came more than 20 ms late, and in how many it never came. The other end is a process
 * that hooks do not see.
 */
#define _GNU_SOURCE
#include "unseen.h"
#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 256, EXCHANGES = 40, PIECE = 50 };

/* Microseconds at which a round's last message was sent and came; 0: it did not. */
static struct {
	long sent[ROUNDS], came[ROUNDS];
} *times;
static int connection, listener;
static struct sockaddr_in address;
static char piece[PIECE];

static long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

static void pause_unseen(long milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	unseen(SYS_nanosleep, (long)&time, 0, 0, 0, 0, 0);
}

/* The other end: answers each exchange with two bytes, of which one stays unread after the last, and notes when the message
 * behind it came. */
static void other_end(int rounds)
{
	for (int round = 0; round < rounds; round++) {
		long fd = unseen(SYS_accept4, listener, 0, 0, 0, 0, 0), got, have = 0;
		char in[4 * PIECE];
		while ((got = unseen(SYS_read, fd, (long)in, sizeof in, 0, 0, 0)) > 0) {
			for (long before = have / (2 * PIECE), after = (have += got) / (2 * PIECE); before < after; before++)
				unseen(SYS_write, fd, (long)"ab", before < EXCHANGES - 1 ? 1 : 2, 0, 0, 0);
			if (have == (2 * EXCHANGES + 1) * PIECE)
				times->came[round] = now();
		}
		unseen(SYS_close, fd, 0, 0, 0, 0, 0);
	}
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static void say(void)
{
	if (write(connection, piece, PIECE) != PIECE)
		err(1, "write");
}

static void *say_and_park(void *round)
{
	times->sent[(long)round] = now();
	say();
	for (;;)
		pause_unseen(1000);
	return NULL;
}

static void play(const char *mode, long round)
{
	char answer;
	connection = socket(AF_INET, SOCK_STREAM, 0);
	if (connection < 0 || connect(connection, (void *)&address, sizeof address))
		err(1, "connect");
	for (int done = 0; done < EXCHANGES; done++) {
		say(), say();
		if (recv(connection, &answer, 1, 0) != 1)
			err(1, "recv");
	}
	pthread_t thread;
	times->sent[round] = now();
	if (strcmp(mode, "parked"))
		say();
	else if (pthread_create(&thread, NULL, say_and_park, (void *)round))
		errx(1, "pthread_create");
	if (!strcmp(mode, "fclose")) {
		fclose(fdopen(connection, "w"));
	} else if (!strcmp(mode, "closed")) {
		unseen(SYS_close, connection, 0, 0, 0, 0, 0);
	} else {
		struct mmsghdr empty = {0};
		if (!strcmp(mode, "empty") && sendmmsg(connection, &empty, 1, 0) != 1)
			err(1, "sendmmsg");
		pause_unseen(100);
		unseen(SYS_close, connection, 0, 0, 0, 0, 0);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc == 3 ? atoi(argv[2]) : 0;
	if (rounds < 1 || rounds > ROUNDS)
		errx(2, "a mode and a number of rounds");
	socklen_t length = sizeof address;
	times = mmap(NULL, sizeof *times, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = (int)unseen(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
	if (times == MAP_FAILED || bind(listener, (void *)&address, length) || listen(listener, 8) ||
	    getsockname(listener, (void *)&address, &length))
		err(1, "listener");
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	if (!fork())
		other_end(rounds);
	for (long round = 0; round < rounds; round++)
		play(argv[1], round);
	pause_unseen(400);
	int late = 0, lost = 0;
	for (int round = 0; round < rounds; round++) {
		lost += !times->came[round];
		late += times->came[round] && times->came[round] - times->sent[round] > 20000;
	}
	printf("late %d, lost %d\n", late, lost);
	return 0;
}
