//! Names of the C library's functions that matter to a socket: the hooks, by their table, and what programs with sockets call
//! besides.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use tcptune_policy::hooks::{HOOKS, Hook, Subject};

/// Calls on sockets that are no hooks: nothing depends on them.
const OTHERS: [&str; 3] = ["bind", "getpeername", "getsockname"];

/// A call that the library stands in for, and what it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Hooked {
    pub name: &'static str,
    pub family: &'static str,
    /// What happens in calls of this family.
    #[serde(skip)]
    pub heading: &'static str,
    pub page: &'static str,
    pub meaning: &'static str,
}

/// A program that imports none of these does no networking of its own (write and read alone say nothing). Names of all
/// machines: those of another one are not imported here.
pub fn on_sockets() -> BTreeSet<String> {
    let hooks = HOOKS.iter().filter(|hook| hook.subject == Subject::Sockets).map(|hook| hook.name);
    hooks.chain(OTHERS).map(str::to_owned).collect()
}

/// What the library of a machine with so many bits stands in for; used when no library file is there to be asked.
pub fn interposed(bits: u8) -> BTreeSet<String> {
    HOOKS.iter().filter(|hook| hook.exists(bits.into())).map(|hook| hook.name.to_owned()).collect()
}

/// Those of `imports` that are in `interposed`, explained, by family.
pub fn hooked(imports: &BTreeSet<String>, interposed: &BTreeSet<String>) -> Vec<Hooked> {
    let explained = |hook: &Hook| Hooked {
        name: hook.name,
        family: hook.family.name(),
        heading: hook.family.heading(),
        page: hook.page,
        meaning: hook.meaning,
    };
    let is_hooked = |hook: &&Hook| imports.contains(hook.name) && interposed.contains(hook.name);
    HOOKS.iter().filter(is_hooked).map(explained).collect()
}

/// The names of `among` that are in `symbols`, sorted.
pub fn present(symbols: &BTreeSet<String>, among: &BTreeSet<String>) -> Vec<String> {
    symbols.intersection(among).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_32_bit_programs_are_hooked_there_alone() {
        let (narrow, wide) = (interposed(32), interposed(64));
        assert!(wide.is_subset(&narrow) && wide.contains("write"));
        assert!(narrow.contains("__sendmsg64") && !wide.contains("__sendmsg64"));
        assert!(on_sockets().contains("__sendmsg64"));
    }

    #[test]
    fn write_and_read_say_nothing_about_sockets() {
        let calls = on_sockets();
        assert!(["bind", "socket", "recv", "__recv_chk", "sendfile64"].iter().all(|&call| calls.contains(call)));
        assert!(["write", "read", "__read_chk", "close", "poll"].iter().all(|&call| !calls.contains(call)));
    }

    #[test]
    fn imports_are_explained_where_the_library_has_them() {
        let imports = ["bind", "write", "connect", "__sendmsg64"].map(str::to_owned).into();
        let hooked = hooked(&imports, &interposed(64));
        let said: Vec<(&str, &str)> = hooked.iter().map(|call| (call.name, call.family)).collect();
        assert_eq!(said, [("connect", "connection"), ("write", "send")]);
    }
}
