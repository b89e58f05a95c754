//! Writes a file whole or not at all: beside it first, then in its place. Who reads it meanwhile gets the one before.

use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::errors::Failure;

#[expect(clippy::cast_possible_wrap, reason = "flags")]
pub fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    // Not a name that node_exporter reads, and the same one each time, so that none is left behind for long.
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or_else(|| Failure::own(format!("`{}` is no name of a file", path.display())))?);
    name.push(".new");
    let beside = path.with_file_name(name);
    let written = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(mode).custom_flags(OFlags::NOFOLLOW.bits() as i32);
        let mut file = options.open(&beside)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().map_err(|error| {
        let _ = fs::remove_file(&beside);
        Failure::unwritable(path, &error)
    })
}
