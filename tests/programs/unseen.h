/*
 * System calls as a static program or Go makes them: no preloaded library sees them. Gives what the kernel gives, a
 * negative number for an error.
 */
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((unused)) static long unseen(long number, long a, long b, long c, long d, long e, long f)
{
#ifdef __x86_64__
	long result;
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;
	register long sixth __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
			 : "rcx", "r11", "memory");
	return result;
#else
	return syscall(number, a, b, c, d, e, f); /* a library that hooks syscall() sees this one, and forwards it */
#endif
}
