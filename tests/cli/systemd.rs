//! `tcptune systemd` on images: no systemd runs, so every line that is written can be compared. The tests with a real one
//! are tests/real/systemd_units.rs and systemd_hindrances.rs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::support::cli::{ended, tcptune};
use crate::support::{ScratchDir, library};

const INSIDE: &str = "/usr/lib/x86_64-linux-gnu/libtcptune.so";

/// A tree with the library, a program and a unit.
struct Image(ScratchDir);

impl Image {
    fn new(unit: &str) -> Self {
        let image = Self(ScratchDir::new("image"));
        image.write("usr/lib/systemd/system/legacyd.service", unit);
        image.write("usr/sbin/legacyd", fs::read("/bin/true").expect("a program"));
        image.write(&INSIDE[1..], fs::read(library()).expect("built"));
        image
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    fn write(&self, inside: &str, content: impl AsRef<[u8]>) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("a directory")).expect("ours");
        fs::write(path, content).expect("ours");
    }

    fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|e| panic!("{inside}: {e}"))
    }

    fn systemd(&self, arguments: &[&str]) -> (i32, String, String) {
        let (action, rest) = arguments.split_first().expect("an action");
        ended(tcptune().args(["systemd", action, "--root"]).arg(self.0.path()).args(rest))
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.systemd(arguments);
        assert!(code == 0, "{arguments:?}: {code} {out}{err}");
        out
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, words: &str) {
        let (found, out, err) = self.systemd(arguments);
        assert!(found == code && err.contains(words), "{arguments:?}: {found} {out}{err}");
    }

    /// Files and directories, links not followed.
    fn listing(&self) -> Vec<PathBuf> {
        let mut found = vec![self.0.path().to_owned()];
        let mut next = 0;
        while let Some(path) = found.get(next).cloned() {
            next += 1;
            if path.is_dir() && !path.is_symlink() {
                found.extend(fs::read_dir(path).expect("ours").map(|entry| entry.expect("ours").path()));
            }
        }
        found.sort();
        found
    }
}

const PLAIN: &str = "[Service]\nExecStart=/usr/sbin/legacyd\n";
const DROPIN: &str = "etc/systemd/system/legacyd.service.d/50-tcptune.conf";

#[test]
fn the_drop_in_word_for_word() {
    let image =
        Image::new("[Service]\nExecStart=/usr/sbin/legacyd --x\nEnvironment='LD_PRELOAD=/opt/%p/a.so b.so' A=1\n");
    fs::create_dir_all(image.path("etc/systemd/system")).expect("ours");
    let before = image.listing();
    let given = ["--set", "keepalive=60/10/5", "--rule", "port=143 cork=off", "--rule", "port=144 off", "legacyd"];
    let shown = image.done(&[&["install", "--dry-run"][..], &given].concat());
    assert_eq!(image.listing(), before);
    image.done(&[&["install"][..], &given].concat());
    let text = format!(
        "# Written by `tcptune systemd install`; `tcptune systemd remove` takes it back.\n\
         # The directory was made for it.\n\
         [Service]\n\
         Environment=\"LD_PRELOAD={INSIDE}:/opt/%p/a.so:b.so\"\n\
         Environment=\"TCPTUNE_SET=keepalive=60/10/5\"\n\
         Environment=\"TCPTUNE_RULES=port=143 cork=off; port=144 off\"\n"
    );
    let mut lines: Vec<&str> = text.lines().collect();
    lines[3..].sort_unstable();
    let written = image.read(DROPIN);
    let mut found: Vec<&str> = written.lines().collect();
    found[3..].sort_unstable();
    assert_eq!(found, lines);
    assert!(written.lines().all(|line| shown.contains(line)), "{shown}");
    // A second time changes nothing, other settings replace these.
    let out = image.done(&[&["install"][..], &given].concat());
    assert!(out.contains("is as it should be"), "{out}");
    image.done(&["install", "legacyd.service"]);
    assert_eq!(image.read(DROPIN).lines().count(), 4);
    let out = image.done(&["show", "legacyd"]);
    assert!(out.contains(DROPIN) && out.contains("/opt/%p/a.so"), "{out}");
    image.done(&["remove", "legacyd"]);
    assert_eq!(image.listing(), before);
    assert!(image.done(&["remove", "legacyd"]).contains("nothing of tcptune is installed for legacyd.service"));
}

#[test]
fn a_directory_for_counts_is_made_by_systemd_where_the_service_could_not_write() {
    let lines = |unit: &str, stats: &str| {
        let image = Image::new(unit);
        image.write("etc/passwd", "root:x:0:0::/:/bin/sh\nlegacy:x:990:990::/:/bin/false\n");
        let (code, out, err) = image.systemd(&["install", "--stats", stats, "legacyd"]);
        assert!([0, 1].contains(&code), "{out}{err}");
        if code == 0 { Ok(image.read(DROPIN)) } else { Err(err) }
    };
    let user = "[Service]\nExecStart=/usr/sbin/legacyd\nUser=legacy\n";
    let text = lines(user, "/run/tcptune/legacyd").expect("written");
    assert!(text.contains("\nRuntimeDirectory=tcptune/legacyd\nRuntimeDirectoryPreserve=yes\n"), "{text}");
    assert!(text.contains("\"TCPTUNE_STATS=/run/tcptune/legacyd\""), "{text}");
    let text = lines(&format!("{user}DynamicUser=yes\n"), "/run/tcptune/legacyd").expect("written");
    assert!(text.contains("RuntimeDirectory=tcptune/legacyd\n") && !text.contains("Preserve"), "{text}");
    let text = lines(&format!("{user}RuntimeDirectory=legacyd\n"), "/run/legacyd").expect("written");
    assert!(!text.contains("RuntimeDirectory"), "{text}");
    let text = lines(PLAIN, "/run/tcptune").expect("written");
    assert!(text.contains("RuntimeDirectory=tcptune\n"), "{text}");
    for stats in ["/run/tcptune", "/var/lib/tcptune"] {
        let err = lines(user, stats).expect_err("refused");
        let words = format!("--stats {stats}: User=legacy may not write there");
        assert!(err.contains(&words) && err.contains("give --stats /run/tcptune/legacyd, which"), "{err}");
    }
}

#[test]
fn specifiers_and_quotes() {
    let image = Image::new(PLAIN);
    image.write("opt/100%/libtcptune.so", fs::read(library()).expect("built"));
    image.done(&["install", "--library", "/opt/100%/libtcptune.so", "--only", "a\"b\\*", "legacyd"]);
    let text = image.read(DROPIN);
    assert!(text.contains("\"LD_PRELOAD=/opt/100%%/libtcptune.so\""), "{text}");
    assert!(text.contains("\"TCPTUNE_ONLY=a\\\"b\\\\*\""), "{text}");
}

#[test]
fn environment_files_and_later_drop_ins_are_outdone() {
    let unit =
        "[Service]\nExecStart=/usr/sbin/legacyd\nEnvironmentFile=-/etc/default/none\nEnvironmentFile=/etc/default/%N\n";
    let image = Image::new(unit);
    image.write("etc/default/legacyd", "LD_PRELOAD='/opt/a b.so' # no comment\n");
    image.write(
        "etc/systemd/system/legacyd.service.d/90-more.conf",
        "[Service]\nEnvironmentFile=/etc/default/legacyd\n",
    );
    let before = image.listing();
    let out = image.done(&["install", "--nodelay", "force", "legacyd"]);
    let directory = "etc/systemd/system/legacyd.service.d";
    assert!(out.contains("zzz-tcptune.conf"), "{out}");
    let text = image.read(&format!("{directory}/zzz-tcptune.conf"));
    assert!(text.ends_with(&format!("[Service]\nEnvironmentFile=/{directory}/50-tcptune.env\n")), "{text}");
    let text = image.read(&format!("{directory}/50-tcptune.env"));
    assert!(
        text.contains(&format!("LD_PRELOAD=\"{INSIDE}:/opt/a:b.so#:no:comment\"\nTCPTUNE_NODELAY=\"force\"\n")),
        "{text}"
    );
    // It has gone from there: an ordinary drop-in is enough, and what was needed before goes.
    image.write("etc/default/legacyd", "A=1\n");
    image.done(&["install", "legacyd"]);
    assert!(image.path(DROPIN).exists() && !image.path(&format!("{directory}/50-tcptune.env")).exists());
    image.done(&["remove", "legacyd"]);
    assert_eq!(image.listing(), before);
    image.write(&format!("{directory}/zzzz.conf"), "[Service]\nEnvironment=\n");
    image.refused(&["install", "legacyd"], 125, "zzzz.conf` sets LD_PRELOAD behind every drop-in of ours");
}

#[test]
fn sockets_and_scripts_of_the_old_kind() {
    let image = Image::new(PLAIN);
    image.write("usr/lib/systemd/system/legacyd.socket", "[Socket]\nListenStream=143\n");
    let (code, _, err) = image.systemd(&["install", "--dry-run", "legacyd"]);
    assert!(code == 0 && err.contains("`legacyd.socket` listens for it"), "{err}");
    image.done(&["install", "--socket", "legacyd"]);
    let text = image.read("etc/systemd/system/legacyd.socket.d/50-tcptune.conf");
    assert!(text.ends_with("[Socket]\nNoDelay=yes\n"), "{text}");
    assert!(!image.path("etc/systemd/system/legacyd.service.d").exists());
    image.done(&["remove", "legacyd"]);
    assert!(!image.path("etc/systemd/system/legacyd.socket.d").exists());
    image.write("etc/init.d/oldd", "#!/bin/sh\n");
    image.done(&["install", "oldd"]);
    assert!(image.path("etc/systemd/system/oldd.service.d/50-tcptune.conf").exists());
}

#[test]
fn links_of_an_image_lead_to_its_own_files() {
    let image = Image::new(PLAIN);
    let outside = ScratchDir::new("outside");
    fs::create_dir_all(image.path("etc")).expect("ours");
    symlink(outside.path(), image.path("etc/systemd")).expect("ours");
    image.done(&["install", "legacyd"]);
    assert_eq!(fs::read_dir(outside.path()).expect("ours").count(), 0, "written outside of the image");
    image.done(&["remove", "legacyd"]);
}

#[test]
fn refusals() {
    let image = Image::new(PLAIN);
    for (arguments, code, words) in [
        (&["install", "none"][..], 127, "there is no unit `none.service` in the image"),
        (&["remove", "none"], 127, "there is no unit"),
        (&["show", "none"], 127, "there is no unit"),
        (&["install", "--library", "lib.so", "legacyd"], 125, "allowed is an absolute path"),
        (&["install", "--library", "/lib/none.so", "legacyd"], 125, "--library /lib/none.so: is not in the image"),
        (&["install", "--library", "/usr/sbin/legacyd", "legacyd"], 125, "allowed is a shared object"),
        (&["install", "--nodelay", "maybe", "legacyd"], 125, "--nodelay maybe: "),
        (&["install", "--restart", "legacyd"], 125, "allowed is either this or"),
        (&["install", "--user", "legacyd"], 125, "allowed is either this or"),
        (&["install", "legacyd.target"], 127, "there is no unit"),
        (&["install", ""], 125, "name is empty"),
        (&["install", "/usr/lib/systemd/system/legacyd.service"], 125, "is a path"),
    ] {
        image.refused(arguments, code, words);
    }
    // One that the unit has already, and that would switch everything off.
    image.write("etc/systemd/system/legacyd.service.d/a.conf", "[Service]\nEnvironment=TCPTUNE_CORK=perhaps\n");
    image.refused(&["install", "legacyd"], 125, "TCPTUNE_CORK");
    fs::remove_file(image.path("etc/systemd/system/legacyd.service.d/a.conf")).expect("ours");
    fs::remove_file(image.path(&INSIDE[1..])).expect("ours");
    image.refused(&["install", "legacyd"], 125, "libtcptune.so is not in the image");
    let (code, _, err) = ended(tcptune().args(["systemd", "install", "--root", "/nonexistent", "legacyd"]));
    assert!(code == 125 && err.contains("--root /nonexistent: No such file"), "{err}");
}
