//! Files in directories that others may write. Who runs the command as root must not be led elsewhere by a link, be made to wait
//! by a pipe, or have a file emptied that somebody else named. So a directory is opened once and kept, files are made in it under
//! names that nobody knows beforehand, never through a link, and take their place whole.
//!
//! - [`Target`]: a file that the command line names for a result.
//! - [`Tree`]: the machine's files, or those of an image, in which links lead nowhere else.
//! - [`Directory`]: an open directory, for those who keep several files in it.

mod directory;
mod read;
mod target;
mod tree;
mod walk;

pub use directory::Directory;
pub use target::Target;
pub use tree::Tree;
