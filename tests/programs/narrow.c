/* A 32-bit program that needs neither a 32-bit C library nor its headers: connects to the port in its first argument and ends
 * with 10 and TCP_NODELAY (10 or 11), or with 1 where something failed. Built with -m32 -static -nostdlib -ffreestanding. */

static int call(int number, int a, int b, int c, int d, int e)
{
	int result;
	/* The fifth argument goes in edi; none of these calls has a sixth. */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return result;
}

enum { EXIT = 1, SOCKET = 359, CONNECT = 362, GETSOCKOPT = 365 };

__attribute__((used)) static void run(int *stack)
{
	const char *digits = stack[0] > 1 ? (const char *)stack[2] : "";
	unsigned port = 0;
	while (*digits)
		port = port * 10 + (unsigned)(*digits++ - '0');
	/* struct sockaddr_in of 127.0.0.1, byte by byte. */
	unsigned char address[16] = {2, 0, port >> 8, port, 127, 0, 0, 1};
	int value = -1, length = sizeof value;
	int fd = call(SOCKET, 2, 1, 0, 0, 0);
	int failed = call(CONNECT, fd, (int)address, sizeof address, 0, 0);
	failed |= call(GETSOCKOPT, fd, 6, 1, (int)&value, (int)&length);
	call(EXIT, failed ? 1 : 10 + value, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %esp, %eax\npush %eax\ncall run\n");
