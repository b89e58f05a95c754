//! Real servers, clients, sandboxes and units with the library. One file per subject.

mod host;
mod http;
mod install;
mod sandboxes;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod systemd_hindrances;
mod systemd_units;
