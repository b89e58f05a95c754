//! What the dynamic symbols of a program say: which socket calls it makes, and which of them the library stands in for.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::calls::{self, Hooked};
use crate::os::elf::{self, Linking};
use crate::programs::facts::Collected;
use crate::programs::search;

#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Symbols {
    /// Socket calls that the program imports.
    pub socket_calls: Vec<String>,
    /// Calls that it imports and the library stands in for, by family.
    pub hooked: Vec<Hooked>,
    /// Names that the library stands in for, but which the program defines itself.
    pub defined: Vec<String>,
    /// Libraries it names that import socket calls (one level deep, the C library left out).
    pub libraries: Vec<String>,
    pub dlopen: bool,
    pub php: bool,
}

impl Symbols {
    /// `interposed`: the names that the library stands in for.
    pub fn of(found: &Collected, interposed: &BTreeSet<String>) -> Self {
        let elf = &found.elf;
        let socket = calls::on_sockets();
        let name = found.program.file_name().map_or(&b""[..], OsStrExt::as_bytes);
        Self {
            socket_calls: calls::present(&elf.imports, &socket),
            hooked: calls::hooked(&elf.imports, interposed),
            defined: calls::present(&elf.exports, interposed),
            libraries: if elf.linking == Linking::Dynamic { networking_libraries(found, &socket) } else { Vec::new() },
            dlopen: ["dlopen", "dlmopen"].iter().any(|&call| elf.imports.contains(call)),
            php: name.starts_with(b"php") && elf.exports.iter().any(|e| e.starts_with("zend_")),
        }
    }
}

/// Which of the libraries it names import socket calls. The C library itself is left out: it implements them.
fn networking_libraries(found: &Collected, socket: &BTreeSet<String>) -> Vec<String> {
    let interpreter = found.elf.interpreter.as_deref().map(Path::new);
    let origin = found.program.parent().map(|p| p.display().to_string()).unwrap_or_default();
    let mut directories: Vec<PathBuf> = Vec::new();
    for entry in found.elf.runpath.as_deref().unwrap_or_default().split(':').filter(|e| !e.is_empty()) {
        directories.push(entry.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin).into());
    }
    directories.extend(search::library_directories(interpreter));
    let own = |name: &str| name.starts_with("libc.") || name.starts_with("ld-");
    let imports_socket_calls = |name: &&String| {
        let file = directories.iter().map(|d| d.join(name)).find(|f| f.is_file());
        let library = file.and_then(|f| elf::read(&f).ok());
        library.is_some_and(|l| !calls::present(&l.imports, socket).is_empty())
    };
    found.elf.needed.iter().filter(|n| !own(n)).filter(imports_socket_calls).cloned().collect()
}
