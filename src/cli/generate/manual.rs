//! The man pages: NAME to SUBCOMMANDS by clap_mangen, from the definition of the command line; exit statuses and examples from
//! what the help has of them, in sections of their own. Examples are not filled: a command line stays one line.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::help::Help;
use crate::os::files::Directory;

/// A page for a command and for each below it. `typed`: how it is called after `tcptune`.
pub fn write(command: &Command, typed: &str, helps: &[(&str, &Help)], pages: &Directory) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let name = below.get_name();
        write(below, &if typed.is_empty() { name.to_owned() } else { format!("{typed} {name}") }, helps, pages)?;
    }
    // What only the long help has is in the page too.
    let whole = command.clone().mut_args(|argument| argument.hide_short_help(false));
    let page = Man::new(whole).source(concat!("tcptune ", env!("CARGO_PKG_VERSION"))).manual("User Commands");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    if command.get_arguments().next().is_some() {
        page.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        page.render_subcommands_section(&mut text)?;
    }
    // A page below one that has these sections is as that one: `tcptune generate man`.
    let of_parent = || typed.split_once(' ').and_then(|(parent, _)| find(helps, parent));
    if let Some(help) = find(helps, typed).or_else(of_parent) {
        sections(help, &mut text)?;
    }
    if command.get_version().is_some() {
        page.render_version_section(&mut text)?;
    }
    pages.replace(page.get_filename(), &text, None)
}

fn find<'h>(helps: &[(&str, &'h Help)], typed: &str) -> Option<&'h Help> {
    helps.iter().find(|(name, _)| *name == typed).map(|(_, help)| *help)
}

fn sections(help: &Help, text: &mut impl Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in help.exit {
        roff.control("TP", ["6"]);
        roff.text([bold(*status)]);
        roff.text([roman(*meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (command, meaning) in help.examples {
        roff.control("PP", []);
        if !meaning.is_empty() {
            roff.text([roman(format!("{}:", capitalized(meaning).trim_end_matches(['?', '.'])))]);
        }
        roff.control("RS", ["4"]);
        roff.control("nf", []);
        roff.text([bold(*command)]);
        roff.control("fi", []);
        roff.control("RE", []);
    }
    roff.to_writer(text)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
