//! What the wheel brings for Python (src/python): the module starts a program anew with the library, and only where that helps;
//! `python3 -m tcptune` is the command; the command finds the library in the package.
//!
//! The package is put together here as `pip install --target` leaves it. `scripts/check wheel` builds and installs the wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cli::{as_nobody, c_program, cleaned, copy_of_command, ended, is_root, set_mode};
use crate::support::{ScratchDir, library};

/// A directory for PYTHONPATH.
struct Site {
    scratch: ScratchDir,
}

impl Site {
    fn new() -> Self {
        let scratch = ScratchDir::new("python");
        let package = scratch.join("tcptune");
        std::fs::create_dir(&package).expect("a package");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/python/tcptune");
        for entry in std::fs::read_dir(sources).expect("the module") {
            let file = entry.expect("an entry").path();
            if file.extension().is_some_and(|extension| extension == "py") {
                std::fs::copy(&file, package.join(file.file_name().expect("a name"))).expect("a copy");
            }
        }
        std::fs::copy(library(), package.join("libtcptune.so")).expect("a copy of the library");
        copy_of_command(&scratch.join("bin"));
        Self { scratch }
    }

    fn library(&self) -> PathBuf {
        self.scratch.join("tcptune/libtcptune.so")
    }

    /// Debian's own Python, in a directory of its own: `-m` and `-c` look there for modules.
    fn python(&self, arguments: &[&str]) -> Command {
        self.program("/usr/bin/python3", arguments)
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = cleaned(Command::new(name));
        command
            .env("PYTHONPATH", self.scratch.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("PYTHONUNBUFFERED");
        command.current_dir(self.scratch.path()).args(arguments);
        command
    }

    fn said(&self, arguments: &[&str]) -> String {
        let (code, out, err) = ended(&mut self.python(arguments));
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}: {out}");
        out
    }
}

/// Prints who it is before it is started anew, and after.
const TELL: &str = "import os, sys
def tell(word):
    flags = (sys.flags.optimize, sys.flags.dev_mode, sys.warnoptions, sys._xoptions)
    print(word, os.getpid(), sys.argv, flags, os.environ.get('KEPT'), os.getcwd())
tell('begun')
import tcptune
result = tcptune.reexec()
tell('done')
print(result is True, tcptune.is_loaded(), tcptune.reexec() is True, os.environ.get('LD_PRELOAD'))
";

#[test]
fn a_program_is_started_anew_once_and_as_it_was() {
    let site = Site::new();
    site.scratch.file("told.py", TELL);
    let flags = ["-O", "-X", "dev", "-W", "error::ImportWarning"];
    let ways: [(&[&str], &str); 3] = [(&["told.py"], "told.py"), (&["-m", "told"], "told.py"), (&["-c", TELL], "-c")];
    for (way, name) in ways {
        let words = [&flags[..], way, &["a b", "", "-c", "ü"]].concat();
        let mut python = site.python(&words);
        let (code, out, err) = ended(python.env("KEPT", "x\ny").env("LANG", "C.UTF-8"));
        assert_eq!((code, err.as_str()), (0, ""), "{way:?}: {out}");
        let lines: Vec<&str> = out.lines().collect();
        let [begun, _, again, _, done, _, last] = lines[..] else { panic!("{way:?}: {out}") };
        assert_eq!(begun, again, "{way:?}");
        assert_eq!(begun.replacen("begun", "done", 1), done, "{way:?}");
        assert!(begun.contains(name) && begun.contains("'a b', '', '-c', 'ü']"), "{begun}");
        assert!(begun.contains("(1, True, ['default', 'error::ImportWarning'], {'dev': True})"), "{begun}");
        assert_eq!(last, format!("True True True {}", site.library().display()), "{way:?}");
    }
}

#[test]
fn with_the_library_nothing_is_started_anew() {
    let site = Site::new();
    site.scratch.file("told.py", TELL);
    let (code, out, _) = ended(site.python(&["told.py"]).env("LD_PRELOAD", library()));
    assert_eq!((code, out.matches("begun").count()), (0, 1), "{out}");
    assert!(out.contains("True True True"), "{out}");
}

#[test]
fn what_else_is_preloaded_stays() {
    let site = Site::new();
    let other = c_program(&site.scratch, "other.so", "int other;", "gcc", &["-shared", "-fPIC"]);
    let program = "import tcptune, os; tcptune.reexec(); print(os.environ['LD_PRELOAD'])";
    let (code, out, err) = ended(site.python(&["-c", program]).env("LD_PRELOAD", &other));
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, format!("{}:{}\n", site.library().display(), other.display()));
}

/// The result where nothing is done: false, with a reason.
fn refused(command: &mut Command, reason: &str) {
    let (code, out, err) = ended(command);
    assert!(code == 0, "{out}{err}");
    assert_eq!(out.matches("begun").count(), 1, "{out}");
    let last = out.lines().last().unwrap_or_default();
    assert!(last.starts_with("False ") && last.contains(reason), "`{reason}`: {out}");
}

const TRY: &str = "print('begun')\nimport tcptune\nwhy = tcptune.reexec()\nprint(bool(why), why.reason)\n";

#[test]
fn where_it_cannot_help_nothing_is_done_and_why_is_told() {
    let site = Site::new();
    let with = |before: &str| format!("{before}\n{TRY}");
    let program = |text: &str| site.python(&["-c", text]);
    refused(program(TRY).env("TCPTUNE_SET", "nonsense"), "a setting is invalid");
    refused(program(TRY).env("LD_PRELOAD", "/nonexistent/libtcptune.so"), "the loader has not loaded it");
    refused(&mut program(&with("import sys; sys.platform = 'darwin'")), "is for Linux");
    refused(&mut program(&with("import sys; sys.executable = '/bin/sh'")), "Python is part of another program");
    let thread = "import threading, time; threading.Thread(target=time.sleep, args=[2], daemon=True).start()";
    refused(&mut program(&with(thread)), "there are other threads");
    site.scratch.file("try.py", TRY);
    refused(&mut site.program("sh", &["-c", "exec /usr/bin/python3 - <try.py"]), "standard input");
    site.scratch.file("moved.py", with("import os; os.chdir('/')"));
    refused(&mut site.python(&["moved.py"]), "call reexec before the directory is changed");
    // Last: what the wheel brought is gone.
    std::fs::write(site.library(), "no library").expect("it can be written");
    refused(&mut program(TRY), "not an ELF file");
    std::fs::remove_file(site.library()).expect("it can be removed");
    refused(&mut program(TRY), "install tcptune from a wheel");
}

/// A static program stands for a static Python: the command is asked about the process, and its word is heeded.
#[test]
fn a_process_that_the_library_cannot_reach_is_left_alone() {
    let site = Site::new();
    let source = "#include <signal.h>\n#include <sys/prctl.h>\n#include <unistd.h>\n
                  int main(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); pause(); }";
    let program = c_program(&site.scratch, "still", source, "gcc", &["-static"]);
    let start =
        format!("import os, subprocess\np = subprocess.Popen(['{}'])\nos.getpid = lambda: p.pid", program.display());
    refused(&mut site.python(&["-c", &format!("{start}\n{TRY}p.kill()")]), "static");
}

#[test]
fn a_python_with_privileges_is_left_alone() {
    if !is_root() {
        return;
    }
    let site = Site::new();
    set_mode(site.scratch.path(), 0o755);
    let python = site.scratch.join("bin/python3");
    std::fs::copy("/usr/bin/python3", &python).expect("a copy of Python");
    let status = Command::new("setcap").arg("cap_net_raw+ep").arg(&python).status().expect("libcap2-bin is installed");
    assert!(status.success());
    let mut command = cleaned(Command::new(&python));
    command.env("PYTHONPATH", site.scratch.path()).env("PYTHONDONTWRITEBYTECODE", "1").args(["-c", TRY]);
    refused(as_nobody(&mut command), "set-id or file capabilities");
}

#[test]
fn the_module_is_the_command() {
    let site = Site::new();
    let run = ["run", "--", "sh", "-c", "grep SigIgn /proc/self/status; echo \"$LD_PRELOAD\"; exit 7"];
    let by_python = ended(&mut site.python(&[&["-m", "tcptune"][..], &run].concat()));
    // Python ignores SIGPIPE and SIGXFSZ: the program behind it must not.
    let direct = ended(cleaned(Command::new(site.scratch.join("bin/tcptune"))).args(run));
    assert_eq!(by_python, direct);
    assert!(direct.0 == 7 && direct.1.ends_with(&format!("\n{}\n", site.library().display())), "{direct:?}");
    assert!(site.said(&["-m", "tcptune", "--version"]).starts_with("tcptune "));
}

#[test]
fn the_command_finds_the_library_in_its_package() {
    let scratch = ScratchDir::new("package");
    let command = copy_of_command(&scratch.join("bin"));
    for place in ["lib64/python3.13/site-packages", "lib/python3.11/dist-packages", "."] {
        let package = scratch.join(place).join("tcptune");
        std::fs::create_dir_all(&package).expect("a package");
        let file = package.join("libtcptune.so");
        std::fs::copy(library(), &file).expect("a copy of the library");
        let (code, out, err) =
            ended(cleaned(Command::new(&command)).args(["run", "--", "sh", "-c", "echo \"$LD_PRELOAD\""]));
        let found = std::fs::canonicalize(out.trim_end()).expect("a file");
        assert_eq!((code, err.as_str()), (0, ""), "{place}");
        assert_eq!(found, std::fs::canonicalize(&file).expect("it is there"), "{place}");
        std::fs::remove_file(&file).expect("it can be removed");
    }
}
