//! The first instructions of the counting functions, which serve simple connections to the end: in machine code where that is
//! written, because the compiler makes half as many more; elsewhere in Rust.

#[cfg(machine_code)]
#[macro_use]
mod x86_64;
#[cfg(not(machine_code))]
#[macro_use]
mod portable;
