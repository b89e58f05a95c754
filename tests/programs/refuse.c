/*
 * Runs a program as on a kernel that lacks some socket options: setting them fails with ENOPROTOOPT.
 *
 * refuse LEVEL:NAME[,LEVEL:NAME...] PROGRAM [ARGUMENT...]
 *
 * By a seccomp filter that is there before the program starts, so nothing in the program can know of it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter filter[64];
static unsigned short length;

static void add(struct sock_filter instruction)
{
	filter[length++] = instruction;
}

static void load(size_t offset)
{
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

/* Goes on where it is this value, else skips so many instructions. */
static void expect(unsigned value, unsigned char skip)
{
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
}

int main(int count, char **arguments)
{
	if (count < 3)
		errx(2, "usage: refuse LEVEL:NAME[,LEVEL:NAME...] PROGRAM [ARGUMENT...]");
	for (char *option = strtok(arguments[1], ","); option; option = strtok(NULL, ",")) {
		unsigned level, name;
		if (sscanf(option, "%u:%u", &level, &name) != 2 || length > 50)
			errx(2, "`%s` is no LEVEL:NAME", option);
		load(offsetof(struct seccomp_data, nr));
		expect(SYS_setsockopt, 5);
		/* The lower half of an argument, on a little-endian machine. */
		load(offsetof(struct seccomp_data, args[1]));
		expect(level, 3);
		load(offsetof(struct seccomp_data, args[2]));
		expect(name, 1);
		add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT));
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	struct sock_fprog program = {length, filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		err(1, "seccomp");
	execvp(arguments[2], arguments + 2);
	err(127, "%s", arguments[2]);
}
