//! A machine for `tcptune-engine` that is nothing but memory: a kernel that keeps data back as Linux does and notes every system
//! call of the library, a clock that the test moves, and threads that are numbers. On it run programs whose calls go to the
//! library as the hooks make them.
//!
//! Must not know how the library decides: it knows what the library may do.

pub mod hooks;
mod kernel;
mod machine;
pub mod program;
pub mod promise;

pub use kernel::{Done, Kernel, Piece, Socket, kernel};
pub use machine::{Simulated, THREADS, pointer};
