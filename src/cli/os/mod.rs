//! What the command asks of the system: processes in /proc and by pidfd, sockets, the kernel's list of connections, files of
//! programs; and how it writes files where others may write. Tells what is there; what it means is for those who ask.

pub mod borrowed;
pub mod clock;
pub mod elf;
pub mod ending;
pub mod files;
pub mod fork;
pub mod kernel;
pub mod netlink;
pub mod option;
pub mod proc;
pub mod process;
pub mod refusal;
pub mod socket;
pub mod target;
pub mod tcp_info;
pub mod timers;
