//! Any text as what /proc tells of a process: its name, words, environment, mappings and descriptors are the process's own to
//! choose. It is read or passed over; names can be shown; and nothing is found that is not in it.

#[path = "../../../../src/cli/os/proc/descriptors.rs"]
#[allow(dead_code)]
mod descriptors;
#[path = "../../../../src/cli/os/proc/entry.rs"]
#[allow(dead_code)]
mod entry;
#[path = "../../../../src/cli/os/proc/maps.rs"]
#[allow(dead_code)]
mod maps;
#[path = "../../../../src/cli/os/proc/network.rs"]
#[allow(dead_code)]
mod network;
#[path = "../../../../src/cli/os/proc/start.rs"]
#[allow(dead_code)]
mod start;
#[path = "../../../../src/cli/os/proc/stat.rs"]
#[allow(dead_code)]
mod stat;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(stat) = stat::Stat::parse(&text) {
        assert!(!stat.name.chars().any(char::is_control), "{:?}", stat.name);
    }
    // With a process's name as it likes, the rest is still the kernel's.
    let name: String = text.chars().take(15).collect();
    let line = format!("4711 ({name}) S 17 {}8154 0 0\n", "0 ".repeat(17));
    let stat = stat::Stat::parse(&line).expect("the kernel's line");
    assert_eq!((stat.parent, stat.start, stat.zombie), (17, 8154, false), "{line}");

    let files = maps::files(input);
    assert!(files.iter().all(|file| contains(input, file.as_os_str().as_bytes()) && file.is_absolute()));
    text.lines()
        .filter_map(maps::inode)
        .for_each(|inode| assert!(text.contains(&inode.to_string()) || text.contains('+')));
    let variables = start::pairs(input);
    assert!(variables.iter().all(|(name, _)| !name.as_bytes().contains(&b'=')));
    let length: usize = variables.iter().map(|(name, value)| name.len() + value.len() + 1).sum();
    assert!(length <= input.len());
    start::of_vector(input, start::AT_SECURE);
    for port in [0, 80, 0xffff] {
        assert!(network::of_table(&text, port).len() <= text.lines().count());
    }
    let link = descriptors::socket_inode(Path::new(OsStr::from_bytes(input)));
    assert!(link.is_none() || input.starts_with(b"socket:["));
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}
