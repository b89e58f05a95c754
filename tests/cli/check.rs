//! `tcptune check` on programs, scripts, processes and damaged files. Where a verdict can be put to the test it is: the program
//! is started with a library that says when it was loaded.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cli::{
    NOBODY, as_nobody, c_program, cleaned, copy_of_command, ended, is_root, report, script, set_mode, tcptune, verdict,
};
use crate::support::{ScratchDir, finish, text};
use serde_json::Value;

const HELLO: &str = "int main(void) { return 0; }";
const NETWORKER: &str = "#include <sys/socket.h>\n#include <unistd.h>\n\
                         int main(void) { int fd = socket(AF_INET, SOCK_STREAM, 0); return listen(fd, 1) + 1; }";

/// A program, and a library that is seen when it is loaded.
struct Bench {
    scratch: ScratchDir,
    witness: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let scratch = ScratchDir::new("check");
        set_mode(scratch.path(), 0o755);
        // No C library function: it must load into programs of any C library.
        let source = "__attribute__((constructor)) static void here(void) {\n\
                      #if defined(__x86_64__)\n\
                      long n; __asm__ volatile(\"syscall\" : \"=a\"(n) : \"a\"(1), \"D\"(2), \"S\"(\"loaded\\n\"), \"d\"(7) : \"rcx\", \"r11\", \"memory\");\n\
                      #else\n\
                      extern long write(int, const void *, unsigned long); (void)!write(2, \"loaded\\n\", 7);\n\
                      #endif\n}";
        let witness = c_program(&scratch, "witness.so", source, "gcc", &["-shared", "-fPIC", "-nostdlib"]);
        Bench { scratch, witness }
    }

    fn c(&self, name: &str, source: &str, compiler: &str, flags: &[&str]) -> PathBuf {
        c_program(&self.scratch, name, source, compiler, flags)
    }

    /// Does a preload reach it in truth?
    fn reached(&self, program: &Path, nobody: bool) -> bool {
        let mut command = cleaned(Command::new(program));
        command.env("LD_PRELOAD", &self.witness);
        if nobody {
            as_nobody(&mut command);
        }
        text(&finish(&mut command).stderr).contains("loaded\n")
    }

    /// The verdict and the truth, which must agree.
    fn agreed(&self, program: &Path) -> (Value, bool) {
        let (report, code) = report(program);
        let reached = self.reached(program, false);
        assert_eq!(code, i32::from(!reached), "{}: {report:#}", program.display());
        assert_eq!(report["verdict"]["reachable"], reached);
        (report, reached)
    }
}

#[test]
fn of_a_script_that_is_no_program_what_runs_it_is_named() {
    let scratch = ScratchDir::new("script");
    std::fs::write(scratch.join("upload.py"), "print(1)\n").expect("ours");
    let (code, _, err) = ended(tcptune().arg("check").arg(scratch.join("upload.py")));
    assert!(
        code == 126 && err.ends_with("upload.py`: is a script that another program runs: try `python3`\n"),
        "{err}"
    );
    let (code, _, err) = ended(tcptune().args(["check", "upload.py"]).current_dir(scratch.path()));
    assert!(
        code == 127 && err.contains("not found in PATH; the script here is run by another program: try `python3`"),
        "{err}"
    );
}

#[test]
fn a_dynamic_program_is_reachable() {
    let bench = Bench::new();
    let (report, reached) = bench.agreed(&bench.c("dynamic", NETWORKER, "gcc", &[]));
    assert!(reached);
    assert_eq!(report["elf"]["linking"], "dynamic");
    assert_eq!(report["elf"]["platform"]["bits"], usize::BITS);
    assert_eq!(report["c_library"]["family"], "glibc");
    assert_eq!(report["symbols"]["socket_calls"], serde_json::json!(["listen", "socket"]));
    let hooked = report["symbols"]["hooked"].as_array().expect("a list");
    for (name, meaning) in [("socket", "makes a socket"), ("listen", "lets a socket accept connections")] {
        let page = format!("{name}(2)");
        let row = serde_json::json!({"name": name, "family": "connection", "page": page, "meaning": meaning});
        assert!(hooked.contains(&row), "{hooked:#?}");
    }
    let version = report["c_library"]["version"].as_str().expect("a version");
    let said = text(&finish(Command::new("getconf").arg("GNU_LIBC_VERSION")).stdout);
    assert_eq!(said.trim(), format!("glibc {version}"));
    // Which symbol versions a program asks for is known to be 2.34 at most for these few calls.
    let floor = report["elf"]["glibc_floor"].as_str().expect("a floor");
    assert!(floor.starts_with("2."), "{floor}");
    let (code, words) = verdict(bench.scratch.join("dynamic"));
    assert_eq!((code, words.lines().count()), (0, 1), "{words}");
    assert!(words.starts_with("reachable by LD_PRELOAD"), "{words}");
}

#[test]
fn static_programs_are_not() {
    let bench = Bench::new();
    for (name, flag, linking) in [("fixed", "-static", "static"), ("moving", "-static-pie", "static-pie")] {
        let (report, reached) = bench.agreed(&bench.c(name, HELLO, "gcc", &[flag]));
        assert!(!reached);
        assert_eq!(report["elf"]["linking"], linking);
        assert_eq!(report["c_library"], Value::Null);
        let (code, words) = verdict(bench.scratch.join(name));
        assert_eq!(code, 1);
        assert!(words.starts_with("not reachable by LD_PRELOAD: it is a ") && words.contains("\n  - "), "{words}");
    }
}

#[test]
fn a_musl_program_is_reachable() {
    let bench = Bench::new();
    let (report, reached) = bench.agreed(&bench.c("musl", NETWORKER, "musl-gcc", &[]));
    assert!(reached);
    assert_eq!(report["c_library"]["family"], "musl");
    assert!(report["c_library"]["version"].as_str().is_some_and(|v| v.starts_with("1.")), "{report:#}");
    let (report, reached) = bench.agreed(&bench.c("musl-static", NETWORKER, "musl-gcc", &["-static"]));
    assert!(!reached);
    assert_eq!(report["elf"]["linking"], "static");
}

#[test]
fn setuid_and_setgid_count_where_they_change_something() {
    if !is_root() {
        eprintln!("only root can make files of another user: not tested");
        return;
    }
    let bench = Bench::new();
    for (name, mode) in [("setuid", 0o4755), ("setgid", 0o2755)] {
        let program = bench.c(name, HELLO, "gcc", &[]);
        set_mode(&program, mode);
        let (report, reached) = bench.agreed(&program);
        assert!(reached, "ours already");
        assert!(report["notes"].to_string().contains("change nothing for you"), "{report:#}");
        std::os::unix::fs::chown(&program, Some(NOBODY), Some(NOBODY)).expect("root may");
        // chown takes the bits away.
        set_mode(&program, mode);
        let (report, reached) = bench.agreed(&program);
        assert!(!reached, "{name}");
        assert_eq!(report["privileges"][name], NOBODY);
        assert!(verdict(&program).1.contains(&format!("it is {name} to ")));
    }
}

#[test]
fn file_capabilities_count_for_ordinary_users() {
    if !is_root() {
        eprintln!("only root can give file capabilities: not tested");
        return;
    }
    let bench = Bench::new();
    let program = bench.c("capable", HELLO, "gcc", &[]);
    let given = finish(Command::new("setcap").arg("cap_net_raw+ep").arg(&program));
    assert!(given.status.success(), "setcap: {}", text(&given.stderr));
    let (report, reached) = bench.agreed(&program);
    assert!(reached, "root gains nothing from them");
    assert_eq!(report["privileges"]["capabilities"], serde_json::json!(["cap_net_raw"]));
    // The same question from a user to whom they give something.
    let copy = copy_of_command(&bench.scratch.join("bin"));
    set_mode(copy.parent().expect("bin"), 0o755);
    let mut command = cleaned(Command::new(copy));
    let (code, out, err) = ended(as_nobody(command.arg("check").arg(&program)));
    assert_eq!(code, i32::from(!bench.reached(&program, true)), "{out}{err}");
    assert!(code == 1 && out.contains("file capabilities (cap_net_raw): the loader ignores LD_PRELOAD"), "{out}");
}

#[test]
fn scripts_are_followed() {
    let bench = Bench::new();
    let dynamic = bench.c("dynamic", HELLO, "gcc", &[]).display().to_string();
    let fixed = bench.c("fixed", HELLO, "gcc", &["-static"]).display().to_string();
    for (name, line, reachable, ends_at) in [
        ("direct", format!("#!{dynamic}\n"), true, &dynamic),
        ("blank", format!("#! {dynamic} -x \n"), true, &dynamic),
        ("to-static", format!("#!{fixed} with arguments\n"), false, &fixed),
        ("by-env", format!("#!/usr/bin/env {dynamic}\n"), true, &dynamic),
        ("env-split", format!("#!/usr/bin/env -S A=1 -u B {dynamic} -u -x\n"), true, &dynamic),
        ("env-clears", format!("#!/usr/bin/env -S -i {dynamic}\n"), false, &dynamic),
        ("env-unsets", format!("#!/usr/bin/env -S -u LD_PRELOAD {dynamic}\n"), false, &dynamic),
    ] {
        let file = script(&bench.scratch, name, &line);
        let (report, code) = report(&file);
        assert_eq!(code, i32::from(!reachable), "{name}: {report:#}");
        assert_eq!(report["program"], **ends_at, "{name}");
        assert_eq!(report["steps"].as_array().map(Vec::len), Some(1), "{name}");
    }
    // A script whose interpreter is a script, and one without an interpreter line.
    let outer = script(&bench.scratch, "outer", format!("#!{}\n", bench.scratch.join("direct").display()));
    let (outer, code) = report(outer);
    assert_eq!((code, outer["steps"].as_array().map(Vec::len)), (0, Some(2)));
    let (bare, code) = report(script(&bench.scratch, "bare", "echo hello\n"));
    assert_eq!((code, &bare["steps"][0]["how"]), (0, &Value::from("no interpreter line: run by /bin/sh")));
    let (shell, code) = report(script(&bench.scratch, "shell", "#!/bin/sh\n"));
    assert_eq!((code, &shell["steps"][0]["how"]), (0, &Value::from("script: #!/bin/sh")));
}

#[test]
fn scripts_that_lead_nowhere_are_126() {
    let scratch = ScratchDir::new("check");
    let round = scratch.join("round");
    for (name, line, words) in [
        ("lost", "#!/nonexistent/interpreter\n".to_owned(), "does not exist"),
        ("unnamed", "#!\n".to_owned(), "names no interpreter"),
        ("env-lost", "#!/usr/bin/env no-such-interpreter\n".to_owned(), "not found in PATH"),
        ("env-words", "#!/usr/bin/env sh -x\n".to_owned(), "not found in PATH"),
        ("round", format!("#!{}\n", round.display()), "lead on and on"),
    ] {
        let file = script(&scratch, name, line);
        let (code, out, err) = ended(tcptune().arg("check").arg(file));
        assert_eq!((code, out.as_str()), (126, ""), "{name}: {err}");
        assert!(err.contains(words) && err.lines().count() == 1, "{name}: {err}");
    }
}

#[test]
fn what_is_no_program_gets_one_line() {
    let scratch = ScratchDir::new("check");
    let data = script(&scratch, "data", b"\x00\x01\x02");
    let fifo = scratch.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    for (target, expected) in [
        ("/nonexistent/program", 127),
        ("no-such-program-anywhere", 127),
        ("", 127),
        ("4194305", 127), // above the kernel's largest pid
        ("99999999999999999999", 127),
        ("/", 126),
        ("/etc/passwd", 126),
        (data.to_str().expect("text"), 126),
        (fifo.to_str().expect("text"), 126),
    ] {
        let (code, out, err) = ended(tcptune().args(["check", target]));
        assert_eq!((code, out.as_str()), (expected, ""), "{target}: {err}");
        assert!(err.starts_with("tcptune: ") && err.lines().count() == 1, "{target}: {err}");
    }
    assert_eq!(ended(tcptune().arg("check")).0, 125);
    assert_eq!(ended(tcptune().args(["check", "--jsn", "true"])).0, 125);
}

#[test]
fn objects_and_libraries_are_not_programs() {
    let bench = Bench::new();
    for (name, flags, words) in
        [("object", &["-c"][..], "not a program"), ("lib.so", &["-shared", "-fPIC"][..], "a shared library")]
    {
        let file = bench.c(name, HELLO, "gcc", flags);
        set_mode(&file, 0o755);
        let (code, said) = verdict(&file);
        assert!(code == 1 && said.contains(words), "{said}");
    }
}

#[test]
fn damaged_files_are_survived() {
    let bench = Bench::new();
    let bytes = std::fs::read(bench.c("whole", NETWORKER, "gcc", &[])).expect("just built");
    let file = script(&bench.scratch, "damaged", b"");
    let try_bytes = |what: &str, bytes: &[u8]| {
        std::fs::write(&file, bytes).expect("ours");
        // `ended` fails on a death by signal.
        let (code, out, err) = ended(tcptune().arg("check").arg(&file));
        assert!([0, 1, 126].contains(&code), "{what}: {code} {err}");
        assert!(err.lines().count() <= 1 && (code == 126) == out.is_empty(), "{what}: {code}\n{out}{err}");
        code
    };
    for length in [0, 1, 4, 16, 63, 64, 100, 500, 1000, 3000, 5000, bytes.len() - 1] {
        try_bytes(&format!("cut to {length}"), &bytes[..length.min(bytes.len())]);
    }
    assert_eq!(try_bytes("cut headers", &bytes[..200]), 126);
    // A fixed sequence of changes in the headers, where all offsets and sizes are.
    let mut state = 12345_u32;
    for round in 0..120 {
        let mut changed = bytes.clone();
        for _ in 0..8 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = 4 + state as usize / 7 % 1200;
            changed[place] = (state >> 24) as u8;
        }
        try_bytes(&format!("round {round}"), &changed);
    }
}

#[test]
fn programs_for_elsewhere_are_told() {
    let bench = Bench::new();
    let program = bench.c("foreign", HELLO, "gcc", &[]);
    let mut bytes = std::fs::read(&program).expect("just built");
    bytes[18] = if cfg!(target_arch = "s390x") { 62 } else { 22 }; // e_machine: s390
    std::fs::write(&program, bytes).expect("ours");
    let (code, words) = verdict(&program);
    assert!(code == 1 && words.contains("the library is 64-bit"), "{words}");
    let lost = bench.c("lost", HELLO, "gcc", &["-Wl,--dynamic-linker=/nonexistent/ld-linux.so.9"]);
    let (code, words) = verdict(lost);
    assert!(code == 1 && words.contains("/nonexistent/ld-linux.so.9 does not exist here"), "{words}");
}

#[test]
fn output_that_cannot_be_written_is_told() {
    for arguments in
        [&["check", "/bin/sh"][..], &["env"], &["generate", "settings"], &["generate", "completions", "bash"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let output = tcptune().args(arguments).stdout(full).output().expect("starts");
        assert_eq!(output.status.code(), Some(125), "{arguments:?}");
        assert_eq!(
            text(&output.stderr),
            "tcptune: not all of the output could be written to stdout: No space left on device\n",
            "{arguments:?}"
        );
    }
}

#[test]
fn go_programs_are_recognised() {
    let bench = Bench::new();
    // The linker of Go marks every program with this section, dynamic ones too.
    let source = "__attribute__((section(\".go.buildinfo\"), used)) static const char info[] = \"\\xff Go buildinf:\";\n\
                  int main(void) { return 0; }";
    for flags in [&[][..], &["-static"]] {
        let program = bench.c("go", source, "gcc", flags);
        let (code, words) = verdict(&program);
        assert!(code == 1 && words.contains("Go program"), "{words}");
    }
}

#[test]
fn static_rust_programs_are_recognised() {
    let bench = Bench::new();
    let source = bench.scratch.file("program.rs", "fn main() {}");
    let program = bench.scratch.join("program");
    let mut compiler = Command::new("rustc");
    compiler.args(["-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"]).arg(&program).arg(source);
    let built = finish(&mut compiler);
    assert!(built.status.success(), "{}", text(&built.stderr));
    let (report, reached) = bench.agreed(&program);
    assert!(!reached);
    assert_eq!(report["elf"]["rust"], true);
    assert!(report["verdict"]["reason"].to_string().contains("static-pie Rust program"), "{report:#}");
}

#[test]
fn names_that_the_program_defines_itself_are_told() {
    let bench = Bench::new();
    let source = "#include <sys/socket.h>\n\
                  int listen(int fd, int n) { return fd + n; }\n\
                  int main(void) { return listen(socket(AF_INET, SOCK_STREAM, 0), 1) == 0; }";
    let (report, code) = report(bench.c("own", source, "gcc", &["-rdynamic"]));
    assert_eq!((code, &report["symbols"]["defined"]), (0, &serde_json::json!(["listen"])));
    assert!(report["notes"].to_string().contains("defines listen itself"));
}

#[test]
fn a_program_without_sockets_is_told() {
    let bench = Bench::new();
    let (quiet, code) = report(bench.c("quiet", HELLO, "gcc", &[]));
    assert_eq!(code, 0);
    assert!(quiet["notes"].to_string().contains("there is nothing to tune"), "{quiet:#}");
    // One level down: its library does the talking.
    let talker = bench.c(
        "libtalker.so",
        "#include <sys/socket.h>\nint talk(void){return socket(1,1,0);}",
        "gcc",
        &["-shared", "-fPIC"],
    );
    let directory = talker.parent().expect("scratch").display().to_string();
    let source = "int talk(void); int main(void) { return talk() < 0; }";
    let flags = [&format!("-L{directory}"), "-ltalker", "-Wl,-rpath,$ORIGIN"];
    let (through, _) = report(bench.c("through", source, "gcc", &flags));
    assert_eq!(through["symbols"]["libraries"], serde_json::json!(["libtalker.so"]), "{through:#}");
}

#[test]
fn sudo_and_the_like_are_known() {
    let bench = Bench::new();
    let (code, words) = verdict(bench.c("sudo", HELLO, "gcc", &[]));
    assert!(code == 1 && words.contains("sudo tcptune run"), "{words}");
}

#[test]
fn names_from_a_file_cannot_write_to_the_terminal() {
    let bench = Bench::new();
    let file = script(&bench.scratch, "escape", "#!/bin/sh \x1b[31mred\n");
    let (_, out, _) = ended(tcptune().arg("check").arg(file));
    assert!(!out.contains('\x1b'), "{out:?}");
    let mut named = tcptune();
    named.arg0("tcptune");
    let (code, _, err) = ended(named.args(["check", "/nonexistent/a\nb"]));
    assert!(code == 127 && err.lines().count() == 1, "{err:?}");
}
