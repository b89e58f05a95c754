//! The library's settings as this command takes them: from the environment, and as options of subcommands.

mod flags;
mod reading;

pub use flags::SettingFlags;
pub use reading::{
    Pair, Reading, describe, describe_rule, effective, environment, is_ours, put, read, value, variable,
};
