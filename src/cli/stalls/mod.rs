//! What keeps connections waiting, as the kernel shows it: looks at them again and again, follows each over time, adds up what
//! was seen by service, and judges it. Touches nothing.

mod answers;
pub mod budget;
mod choice;
pub mod evidence;
pub mod finding;
pub mod follower;
mod hidden;
mod hold;
pub mod host;
mod kind;
pub mod owners;
pub mod paced;
mod peer;
pub mod pooled;
pub mod program;
mod sample;
mod side;
mod spaces;
pub mod starts;
mod suspect;
pub mod track;
pub mod waits;
pub mod watch;
