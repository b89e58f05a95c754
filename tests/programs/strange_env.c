/*
 * Executes a program with an environment that no shell would make, and with no arguments at all, not even a name.
 *
 * strange_env LIBRARY|- PROGRAM
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char preload[4096] = "LD_PRELOAD=", huge[100000];
	if (argc != 3)
		errx(2, "usage: strange_env LIBRARY|- PROGRAM");
	snprintf(preload + 11, sizeof preload - 11, "%s", strcmp(argv[1], "-") ? argv[1] : "");
	memset(huge, 'x', sizeof huge - 1);
	memcpy(huge, "HUGE=", 5);
	char *environment[] = {
		"NOTHING_TO_SEPARATE", "=", "==", "=TCPTUNE=off", "", "\377\376=\200\201", huge, preload,
		"TCPTUNE", "TCPTUNE_", "TCPTUNE_\377=\377", "TCPTUNE_NODELAY", "TCPTUNE_SET", "TCPTUNEX=bogus",
		"tcptune_nodelay=bogus", "XTCPTUNE_NODELAY=bogus", "TCPTUNE_NOT_A_SETTING=bogus", "TCPTUNE_RULES=", "TCPTUNE_SET=",
		NULL,
	};
	char *arguments[] = {NULL};
	execve(argv[2], arguments, environment);
	err(1, "%s", argv[2]);
}
