//! The command, each subcommand as its users call it. One file for each; what compares times is in tests/timed.

mod attach;
mod bpf;
mod check;
mod check_process;
mod complete;
mod delack;
mod demo;
mod detach;
mod doctor;
mod doctor_capture;
mod doctor_capture_live;
mod doctor_capture_lost;
mod doctor_command;
mod doctor_doubt;
mod doctor_host;
mod doctor_words;
mod env;
mod errors;
mod export;
mod export_host;
mod export_listen;
mod generate;
mod help;
mod hostile_counters;
mod layout;
mod links;
mod ls;
mod report;
mod run;
mod signals;
mod supervise;
#[path = "../support/mod.rs"]
mod support;
mod systemd;
mod top;
