//! Units of systemd as they are: their names, their files, what the running systemd says of them, their processes. Changes
//! nothing but by what systemctl is told to do.

pub mod filter;
pub mod home;
pub mod image;
pub mod manager;
pub mod name;
pub mod names;
pub mod processes;
pub mod unit;
pub mod unitfile;
