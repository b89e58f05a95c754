//! The command line of `tcptune complete`, which the completion scripts call.

use std::ffi::OsString;

use clap::Args;

use crate::values::number;

/// Print what can stand at a place of a command line, one a line, with what it means behind a tab.
#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// Which word is completed, counted from 0
    #[arg(value_parser = number(0..=65_535_usize))]
    pub index: usize,
    /// The words, `tcptune` included
    #[arg(last = true)]
    pub words: Vec<OsString>,
}
