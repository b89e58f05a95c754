//! Any file as an ELF file: it is read or refused with a reason, and what is shown of it is printable.

#[path = "../../../../src/cli/os/elf.rs"]
#[allow(dead_code)]
mod reader;

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;

pub fn check(input: &[u8]) {
    let mut file = File::from(rustix::fs::memfd_create("elf", rustix::fs::MemfdFlags::CLOEXEC).expect("memory"));
    file.write_all(input).expect("memory");
    match reader::read(format!("/proc/self/fd/{}", file.as_raw_fd()).as_ref()) {
        Ok(found) => {
            let texts = [&found.interpreter, &found.glibc_floor];
            let texts = texts.into_iter().flatten().chain(&found.needed);
            texts.for_each(|text| assert!(!text.chars().any(char::is_control), "{text:?}"));
            assert!(found.imports.len() + found.exports.len() <= input.len());
        }
        Err(why) => assert!(!why.is_empty()),
    }
}
