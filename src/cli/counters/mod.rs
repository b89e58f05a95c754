//! What the library has counted: reads the files of a directory (TCPTUNE_STATS), whose layout is in `tcptune_policy::counters`.
//! Writes nothing there but one word, which tells a process to stop (word.rs). Whatever stands in a file, reading it is safe: a
//! file is copied, never mapped, and every number is checked.
//!
//! ```ignore
//! let found = counters::read(directory)?;              // Err: the directory cannot be read at all
//! found.problems                                       // a line for each file that was left out
//! for process in &found.processes {                    // process.running, .program, .settings …
//!     for service in &process.services {               // service.to_string(): "127.0.0.1:143", "port 80"
//!         service.arm(Arm::Tuned).get(Counter::Stalls) // times (Unit::Ticks) are already nanoseconds here
//!     }
//! }
//! counters::services(&found.processes)                 // the same services of all processes added up
//! ```

mod alive;
mod arm;
mod clock;
mod directory;
mod file;
mod histogram;
mod name;
mod place;
mod process;
mod samples;
mod scratch;
mod service;
mod word;

pub use arm::ArmCounts;
pub use directory::{Found, read};
pub use histogram::Histogram;
pub use name::name;
pub use place::{directory, usable};
pub use process::{Process, services};
pub use samples::{Module, Sample};
pub use scratch::Scratch;
pub use service::{Direction, Service};
pub use word::Word;
