/*
 * Starts a program under a seccomp filter, as sandboxing launchers do.
 *
 * jail only N[,N...] PROGRAM [ARGUMENT...]     every system call but these kills it
 * jail without N[,N...] PROGRAM [ARGUMENT...]  these fail with EPERM
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: jail only|without N[,N...] PROGRAM [ARGUMENT...]");
	static struct sock_filter rules[BPF_MAXINSNS];
	unsigned short length = 0;
	unsigned other = SECCOMP_RET_KILL_PROCESS, listed = SECCOMP_RET_ALLOW;
	if (!strcmp(argv[1], "without"))
		other = SECCOMP_RET_ALLOW, listed = SECCOMP_RET_ERRNO | EPERM;
	rules[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (char *number = strtok(argv[2], ","); number; number = strtok(NULL, ",")) {
		rules[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(number), 0, 1);
		rules[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed);
	}
	rules[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, other);
	struct sock_fprog filter = {.len = length, .filter = rules};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(1, "no_new_privs");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		err(1, "filter");
	execv(argv[3], argv + 3);
	err(1, "%s", argv[3]);
}
