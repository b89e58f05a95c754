//! The preloaded library that the target `calls` drives reports what code it reaches to libFuzzer, which is in the program.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-bin=calls=-Wl,--export-dynamic-symbol=__sanitizer_cov_*");
}
