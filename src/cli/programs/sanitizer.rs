//! AddressSanitizer's shared runtime: it must be the first library of its program, and ends it where another is preloaded.

use std::ffi::OsStr;

/// What makes it run behind others. (`ASAN_OPTIONS`, options with `:` between.)
pub const VARIABLE: &str = "ASAN_OPTIONS";
const UNORDERED: &str = "verify_asan_link_order=0";
/// What to do, for those who start the program.
pub const ADVICE: &str = "start it with ASAN_OPTIONS=verify_asan_link_order=0 in its environment, or link the runtime into it: gcc \
                          -static-libasan, clang without -shared-libasan";

/// The runtime among a program's libraries, if it would not start behind a preloaded one. `options`: ASAN_OPTIONS as the program
/// gets them.
pub fn refusing<'n>(needed: &'n [String], options: Option<&OsStr>) -> Option<&'n str> {
    let is = |name: &&String| name.starts_with("libasan.so") || name.starts_with("libclang_rt.asan");
    let unordered = options.is_some_and(|list| {
        list.to_string_lossy()
            .split(|c: char| matches!(c, ':' | ',') || c.is_whitespace())
            .any(|option| option == UNORDERED)
    });
    needed.iter().find(is).map(String::as_str).filter(|_| !unordered)
}

#[cfg(test)]
mod tests {
    use super::refusing;
    use std::ffi::OsStr;

    #[test]
    fn is_known_by_its_names_and_silenced_by_its_option() {
        let needed = |name: &str| ["libm.so.6".to_owned(), name.to_owned(), "libc.so.6".to_owned()];
        assert_eq!(refusing(&needed("libasan.so.8"), None), Some("libasan.so.8"));
        assert_eq!(refusing(&needed("libclang_rt.asan-x86_64.so"), None), Some("libclang_rt.asan-x86_64.so"));
        assert_eq!(refusing(&needed("libubsan.so.1"), None), None);
        let with = |options: &str| refusing(&needed("libasan.so.8"), Some(OsStr::new(options))).is_some();
        assert!(with("detect_leaks=0") && with("verify_asan_link_order=1"));
        assert!(!with("verify_asan_link_order=0") && !with("detect_leaks=0:verify_asan_link_order=0"));
    }
}
