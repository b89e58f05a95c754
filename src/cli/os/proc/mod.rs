//! What /proc tells. Nothing else of the command reads it, so that each of its formats is known in one place.

mod blocked;
mod confinement;
mod descriptors;
mod entry;
mod family;
mod machine;
mod maps;
mod network;
mod spaces;
mod start;
mod stat;
mod status;

pub use blocked::reads_from;
pub use confinement::confinement;
pub use descriptors::{descriptor, descriptors, own_descriptor, sockets};
pub use entry::{SELF, all, bytes, entry, executable, exists, has_ended, inside, text};
pub use family::{children, with_descendants};
pub use machine::{Yama, congestion_control, counter, counters, ephemeral_ports, load, yama};
pub use maps::{files, inode, mapped_path};
pub use network::{is_listened_on, listeners};
pub use spaces::{Space, number as space_number, shares};
pub use start::{AT_SECURE, arguments, auxiliary, command_line, environment};
pub use stat::{Stat, TICK};
pub use status::Status;
