//! Links that somebody else made where root writes: at the name of a file, at names that were once used beside it, on the way to
//! it, and exchanged while it is written. Nothing outside is written, emptied, read or removed.

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::cli::{NOBODY, ended, is_root, set_mode, tcptune};
use crate::support::{Guard, ScratchDir, library};

const INSIDE: &str = "usr/lib/x86_64-linux-gnu/libtcptune.so";
const DROPINS: &str = "etc/systemd/system/legacyd.service.d";

/// An image, and beside it a directory of the machine's with a file that is not to change.
struct Trap {
    image: ScratchDir,
    outside: ScratchDir,
}

impl Trap {
    fn new() -> Self {
        let trap = Self { image: ScratchDir::new("trap"), outside: ScratchDir::new("outside") };
        trap.inside("usr/lib/systemd/system/legacyd.service", "[Service]\nExecStart=/usr/sbin/legacyd\n");
        trap.inside("usr/sbin/legacyd", fs::read("/bin/true").expect("a program"));
        trap.inside(INSIDE, fs::read(library()).expect("built"));
        fs::create_dir_all(trap.image.join(DROPINS)).expect("ours");
        fs::write(trap.precious(), "precious").expect("ours");
        trap
    }

    fn inside(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.image.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("ours");
        fs::write(path, content).expect("ours");
    }

    fn precious(&self) -> PathBuf {
        self.outside.join("precious")
    }

    fn systemd(&self, action: &str) -> (i32, String, String) {
        ended(tcptune().args(["systemd", action, "--root"]).arg(self.image.path()).arg("legacyd"))
    }

    #[track_caller]
    fn expect_untouched(&self) {
        let names: Vec<_> =
            fs::read_dir(self.outside.path()).expect("it").map(|e| e.expect("it").file_name()).collect();
        assert_eq!(names, ["precious"], "written outside of the image");
        assert_eq!(fs::read_to_string(self.precious()).expect("there"), "precious");
    }
}

#[test]
fn names_of_drop_ins() {
    // What install writes beside the drop-in is not known beforehand; this was its name once.
    for name in ["50-tcptune.tcptune-new", "50-tcptune.conf", "50-tcptune.env", "zzz-tcptune.conf"] {
        let trap = Trap::new();
        let link = trap.image.join(DROPINS).join(name);
        symlink(trap.precious(), &link).expect("ours");
        let (code, out, err) = trap.systemd("install");
        trap.expect_untouched();
        if name == "50-tcptune.tcptune-new" {
            assert_eq!(code, 0, "{out}{err}");
        } else {
            assert!(code == 125 && err.contains("is a symbolic link"), "{name}: {code} {out}{err}");
        }
        assert_eq!(fs::read_link(link).expect("it stays"), trap.precious());
        let (_, out, err) = trap.systemd("remove");
        trap.expect_untouched();
        assert!(!out.contains("precious") && !err.contains("\"precious\""), "{out}{err}");
    }
}

#[test]
fn a_link_that_looks_like_ours_is_neither_read_nor_removed() {
    let trap = Trap::new();
    let (code, out, err) = trap.systemd("install");
    assert_eq!(code, 0, "{out}{err}");
    let ours = trap.image.join(DROPINS).join("50-tcptune.conf");
    let moved = trap.outside.join("precious");
    fs::rename(&ours, &moved).expect("ours");
    let before = fs::read(&moved).expect("it");
    symlink(&moved, &ours).expect("ours");
    let (code, _, err) = trap.systemd("remove");
    assert!(code == 125 && err.contains("is a symbolic link"), "{err}");
    assert_eq!(fs::read(&moved).expect("it"), before);
    assert!(ours.is_symlink());
}

#[test]
fn directories_on_the_way() {
    for part in ["etc", "etc/systemd", "etc/systemd/system", DROPINS] {
        // Absolute, and out of it by as many steps as one likes.
        for up in ["", "../../../../../../../../.."] {
            let trap = Trap::new();
            let place = trap.image.join(part);
            fs::remove_dir_all(&place).expect("ours");
            let target = PathBuf::from(format!("{up}{}", trap.outside.path().display()));
            symlink(&target, &place).expect("ours");
            let (code, out, err) = trap.systemd("install");
            trap.expect_untouched();
            // The link leads to the image's own directory of that name.
            assert_eq!(code, 0, "{part} -> {}: {out}{err}", target.display());
            let own =
                trap.image.join(trap.outside.path().strip_prefix("/").expect("absolute").to_str().expect("plain"));
            assert!(own.is_dir(), "{part}: {out}");
            let (code, out, err) = trap.systemd("remove");
            assert_eq!(code, 0, "{part}: {out}{err}");
            trap.expect_untouched();
        }
    }
}

#[test]
fn the_library_and_the_units_are_those_of_the_image() {
    let trap = Trap::new();
    // Only outside of the image there is such a library.
    let library = trap.image.join(INSIDE);
    fs::remove_file(&library).expect("ours");
    symlink(crate::support::library(), &library).expect("ours");
    let (code, out, err) = trap.systemd("install");
    assert!(code == 125 && err.contains("libtcptune.so is not in the image"), "{out}{err}");
    // A pipe in place of a unit's file is not waited for.
    let unit = trap.image.join("usr/lib/systemd/system/legacyd.service");
    fs::remove_file(&unit).expect("ours");
    assert!(Command::new("mkfifo").arg(&unit).status().expect("mkfifo(1)").success());
    let begin = Instant::now();
    let mut show = Guard::spawn(
        tcptune().args(["systemd", "show", "--root"]).arg(trap.image.path()).arg("legacyd").stderr(Stdio::null()),
    );
    assert_eq!(show.wait(Duration::from_secs(20)).code(), Some(125), "after {:?}", begin.elapsed());
}

#[test]
fn a_directory_that_is_exchanged_for_a_link_all_the_time() {
    let trap = Trap::new();
    let (place, link) = (trap.image.join(DROPINS), trap.image.join("etc/systemd/system/link"));
    symlink(trap.outside.path(), &link).expect("ours");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                exchange(&place, &link);
            }
        });
        // Whichever it finds, it writes inside or says why not.
        let end = Instant::now() + Duration::from_secs(10);
        for action in ["install", "remove"].into_iter().cycle().take(100) {
            let (code, out, err) = trap.systemd(action);
            assert!([0, 125].contains(&code), "{code} {out}{err}");
            if Instant::now() > end {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    trap.expect_untouched();
}

fn exchange(one: &Path, other: &Path) {
    // `remove` may just have taken the directory away.
    if renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_err() {
        let _ = fs::create_dir(one);
    }
}

/// Every command that writes a file by a name that it was given: what stands before that name. What is written ends at once.
fn writers(stats: &Path) -> Vec<(&'static str, Command)> {
    let writer = |arguments: &[&str]| {
        let mut command = tcptune();
        command.args(arguments);
        command
    };
    let mut textfile = writer(&["export"]);
    textfile.arg(stats).arg("--textfile");
    let library = library();
    let library = library.to_str().expect("plain");
    let doctor = writer(&["doctor", "--output"]);
    let csv = writer(&["ab", "--library", library, "-n", "5", "--warmup", "0", "--export"]);
    vec![("textfile", textfile), ("doctor", doctor), ("ab", csv)]
}

/// Runs it with this file to write.
fn written(name: &str, mut command: Command, file: &Path) -> (i32, String, String) {
    match name {
        "doctor" => command.arg(file).args(["--", "true"]),
        "ab" => command.arg(format!("json={}", file.display())).args(["--", "true"]),
        _ => command.arg(file),
    };
    ended(&mut command)
}

#[test]
fn results_go_to_the_directory_that_was_named() {
    if !is_root() {
        eprintln!("only root can be led astray: not tested");
        return;
    }
    let stats = ScratchDir::new("stats");
    for (name, _) in writers(stats.path()) {
        let command = || writers(stats.path()).into_iter().find(|(other, _)| *other == name).expect("it").1;
        let (theirs, outside) = (ScratchDir::new("theirs"), ScratchDir::new("outside"));
        set_mode(theirs.path(), 0o777);
        std::os::unix::fs::chown(theirs.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        let precious = outside.file("precious", "precious");
        let link = |name: &str, target: &Path| {
            let link = theirs.join(name);
            symlink(target, &link).expect("ours");
            lchown(&link, Some(NOBODY), Some(NOBODY)).expect("root may");
            link
        };
        // At the name itself, at one that was used beside it once, and on the way.
        let (code, out, err) = written(name, command(), &link("result", &precious));
        assert!(code == 125 && err.contains("is a link of user 65534"), "{name}: {code} {out}{err}");
        link(".x.prom.new", &precious);
        let (_, out, err) = written(name, command(), &theirs.join("x.prom"));
        assert!(theirs.join("x.prom").is_file(), "{name}: {out}{err}");
        let (code, out, err) = written(name, command(), &link("way", outside.path()).join("result"));
        assert!(code == 125 && err.contains("`way` is a link of user 65534"), "{name}: {code} {out}{err}");
        assert_eq!(fs::read_to_string(&precious).expect("there"), "precious", "{name}");
        assert_eq!(fs::read_dir(outside.path()).expect("it").count(), 1, "{name}");
        // Somebody's pipe is not waited for.
        let pipe = theirs.join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo(1)").success());
        lchown(&pipe, Some(NOBODY), Some(NOBODY)).expect("root may");
        let (code, _, err) = written(name, command(), &pipe);
        assert!(code == 125 && err.contains("is a pipe of user 65534"), "{name}: {err}");
        // A hard link to another's file is taken away from it, not written through.
        let hard = theirs.join("hard");
        fs::hard_link(&precious, &hard).expect("root may");
        let (_, out, err) = written(name, command(), &hard);
        assert_eq!(fs::read_to_string(&precious).expect("there"), "precious", "{name}: {out}{err}");
        // Links of root's own are followed, and what is no file is written to as it is.
        symlink(outside.path(), theirs.join("own")).expect("root's");
        written(name, command(), &theirs.join("own/result"));
        assert!(outside.join("result").is_file(), "{name}");
        let (_, out, err) = written(name, command(), Path::new("/dev/stdout"));
        assert!(!out.is_empty() && Path::new("/dev/stdout").is_symlink(), "{name}: {out}{err}");
        let left = fs::read_dir(theirs.path()).expect("it").map(|entry| entry.expect("it").file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(".tcptune-")).collect();
        assert!(left.is_empty(), "{name}: {left:?}");
    }
}

#[test]
fn sums_of_ended_processes_are_believed_from_root_only() {
    if !is_root() {
        eprintln!("only root can be led astray: not tested");
        return;
    }
    let scratch = ScratchDir::new("ended");
    let theirs = scratch.file("ended.json", r#"{"version":1,"removed":[],"programs":{},"series":[]}"#);
    lchown(&theirs, Some(NOBODY), Some(NOBODY)).expect("root may");
    let (code, _, err) = ended(tcptune().args(["export", "--ended"]).arg(&theirs).arg(scratch.path()));
    assert!(code == 125 && err.contains("belongs to user 65534"), "{err}");
}

#[test]
fn manual_pages_replace_links() {
    let (pages, outside) = (ScratchDir::new("pages"), ScratchDir::new("outside"));
    let precious = outside.file("precious", "precious");
    symlink(&precious, pages.join("tcptune.1")).expect("ours");
    let (code, _, err) = ended(tcptune().args(["generate", "man"]).arg(pages.path()));
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(&precious).expect("there"), "precious");
    assert!(!pages.join("tcptune.1").is_symlink() && pages.join("tcptune-run.1").is_file());
}

#[test]
fn records_of_attach_are_not_read_through_links() {
    let (state, outside) = (ScratchDir::new("state"), ScratchDir::new("outside"));
    set_mode(state.path(), 0o700);
    let precious = outside.file("precious", r#"{"sockets":{}}"#);
    let script = "import socket\ns = socket.socket()\nprint(open('/proc/self/stat').read().rsplit(')')[1].split()[19], \
                  flush=True); input()";
    let mut command = Command::new("python3");
    let mut program = Guard::spawn(command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()));
    let start = program.first_line(Duration::from_secs(30));
    symlink(&precious, state.join(&format!("{}-{start}.json", program.pid()))).expect("ours");
    let (code, _, err) = ended(tcptune().args(["attach", "--state"]).arg(state.path()).arg(program.pid().to_string()));
    assert!(code == 125 && err.contains("is a symbolic link"), "{code} {err}");
    assert_eq!(fs::read_to_string(&precious).expect("there"), r#"{"sockets":{}}"#);
}
