//! Link options of libtcptune.so. They make the file independent of its host: no NEEDED entry, no start files, so that one
//! file serves glibc of any age and musl; and cheap to map: two segments instead of four (docs/decisions/0001).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for option in [
        "-nostartfiles",
        "-nodefaultlibs",
        // Two segments: each further one is a mmap and a page fault in every program that is started.
        "-Wl,-z,noseparate-code",
        "-Wl,--no-rosegment",
        "-Wl,-z,norelro",
        "-Wl,--hash-style=gnu",
        "-Wl,--build-id=none",
        "-Wl,--as-needed",
        "-Wl,-soname,libtcptune.so",
    ] {
        println!("cargo:rustc-cdylib-link-arg={option}");
    }
}
