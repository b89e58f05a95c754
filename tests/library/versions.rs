//! A library that the program needs has a function of a hooked name under a version of its own, and means something else by
//! it. The dynamic linker does not take it for libc's, and neither may the library.

use crate::support::{Mode, ScratchDir, finish, text};
use std::path::Path;
use std::process::Command;

/// Sends a byte to itself over a socket pair by each call, and prints what came.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
int main(void) {
    int pair[2];
    char got = '-';
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
    printf("send %zd ", send(pair[0], "a", 1, 0));
    printf("read %zd ", read(pair[1], &got, 1));
    printf("%c\n", got);
    return 0;
}
"#;
/// What it is linked with has neither; what it is started with has both, the second in two versions.
const LINKED: &str = "int unrelated(void) { return 0; }";
const STARTED: &str = r#"
#include <sys/types.h>
int unrelated(void) { return 0; }
ssize_t send(int letter, const void *box, size_t stamps, int flags) { (void)letter, (void)box, (void)flags; return -(ssize_t)stamps - 6; }
ssize_t read_old(int page, void *book, size_t lines) { (void)page, (void)book, (void)lines; return -8; }
ssize_t read_new(int page, void *book, size_t lines) { (void)page, (void)book, (void)lines; return -9; }
__asm__(".symver read_old, read@POST_1");
__asm__(".symver read_new, read@@POST_2");
"#;
const VERSIONS: &str = "POST_1 { global: send; read; unrelated; local: *; }; POST_2 { global: read; } POST_1;";

fn gcc(arguments: &[&str], directory: &Path) {
    let built =
        Command::new("gcc").args(arguments).current_dir(directory).output().expect("gcc starts (scripts/setup)");
    assert!(built.status.success(), "{arguments:?}: {}", text(&built.stderr));
}

#[test]
fn a_name_under_a_version_of_its_own_is_not_libcs() {
    let scratch = ScratchDir::new("versions");
    scratch.file("program.c", PROGRAM);
    scratch.file("linked.c", LINKED);
    scratch.file("started.c", STARTED);
    scratch.file("post.map", VERSIONS);
    let shared = ["-shared", "-fPIC", "-Wl,-soname,libpost.so", "-o", "libpost.so"];
    gcc(&[&shared[..], &["linked.c"]].concat(), scratch.path());
    gcc(&["-Wl,--no-as-needed", "-o", "program", "libpost.so", "program.c", "-Wl,-rpath,$ORIGIN"], scratch.path());
    gcc(&[&shared[..], &["-Wl,--version-script,post.map", "started.c"]].concat(), scratch.path());

    let [plain, preloaded] = Mode::BOTH.map(|mode| finish(&mut mode.command(scratch.join("program"))).expect());
    assert_eq!(plain, "send 1 read 1 a\n", "the dynamic linker's choice");
    assert_eq!(preloaded, plain);
}
