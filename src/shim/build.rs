//! Link options of libtcptune.so. They make the file independent of its host: without a NEEDED entry and start files,
//! one file serves glibc of any age and musl. And they make it cheap to map: it has four segments, of which a process
//! without TCP sockets and settings touches two (layout.ld).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=layout.ld");
    println!("cargo:rerun-if-env-changed=TCPTUNE_SYMBOLS");
    if std::env::var_os("TCPTUNE_SYMBOLS").is_none() {
        // A package with a profile of its own does not inherit `strip` from the workspace's profile.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--strip-all");
    }
    let here = env!("CARGO_MANIFEST_DIR");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-T,{here}/layout.ld");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("x86_64") {
        // Every `ret` of the library goes back to its `call`, in its assembly too (arch/x86_64.rs).
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,shstk");
    }
    for option in [
        "-nostartfiles",
        "-nodefaultlibs",
        "-Wl,-z,noseparate-code",
        "-Wl,-z,norelro",
        "-Wl,--hash-style=gnu",
        "-Wl,--build-id=none",
        "-Wl,--as-needed",
        "-Wl,-soname,libtcptune.so",
    ] {
        println!("cargo:rustc-cdylib-link-arg={option}");
    }
}
