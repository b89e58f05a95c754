//! Link options of libtcptune.so. They make the file independent of its host: no NEEDED entry, no start files, so that one
//! file serves glibc of any age and musl; and cheap to map: three segments,
//! of which a process with neither settings nor rare calls touches two (layout.ld). And `cfg(machine_code)`: the quick paths are
//! those for this machine, not the portable ones in Rust, which TCPTUNE_PORTABLE=1 asks for while building.

use std::env;

fn main() {
    println!("cargo:rustc-check-cfg=cfg(machine_code)");
    println!("cargo:rerun-if-env-changed=TCPTUNE_PORTABLE");
    if env::var_os("TCPTUNE_PORTABLE").is_none() && env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64")
    {
        println!("cargo:rustc-cfg=machine_code");
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=layout.ld");
    let here = env!("CARGO_MANIFEST_DIR");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-T,{here}/layout.ld");
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
