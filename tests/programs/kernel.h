/*
 * TCP_NODELAY of a socket as the kernel has it (a raw system call, which no interposer sees) and as libc's getsockopt
 * shows it to the program. -1 stands for an error.
 */
#pragma once
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

__attribute__((unused)) static int kernel_nodelay(int fd)
{
	int value = -1;
	socklen_t length = sizeof value;
	return syscall(SYS_getsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &value, &length) ? -1 : value;
}

__attribute__((unused)) static int libc_nodelay(int fd)
{
	int value = -1;
	socklen_t length = sizeof value;
	return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length) ? -1 : value;
}

__attribute__((unused)) static int set_nodelay(int fd, int value)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

/* Leaves a mark in an strace log: a write that fails and does nothing. */
__attribute__((unused)) static void mark(const char *name)
{
	char text[64] = "mark: ";
	strncat(text, name, sizeof text - 8);
	if (write(-1, text, strlen(text)) != -1)
		_exit(99);
}
