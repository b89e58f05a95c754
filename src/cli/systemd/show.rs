//! `tcptune systemd show`: what is installed for a unit, what its environment comes to, and what stands in the way.

use super::args::ShowArgs;
use super::environment::{self, Origin};
use super::hindrance;
use super::place::Site;
use crate::errors::{Failure, NO, OK};
use crate::output::{BAD, BOLD, FAINT, NOTE, line, styled, wrapped};
use crate::settings;

/// The width of the labels.
const LABEL: usize = 18;
const WIDTH: usize = 78;

pub fn command(args: &ShowArgs) -> Result<u8, Failure> {
    let site = Site::new(&args.place, args.root.as_deref())?;
    let unit = site.unit()?;
    let name = unit.name.text();
    let state = match site.tree.root() {
        Some(root) => format!("in the image {}", root.display()),
        None => format!("{} ({})", unit.state.get("ActiveState"), unit.state.get("SubState")),
    };
    line(&styled(BOLD, format_args!("{name}: {state}")));
    let files = site.found(name)?;
    if files.is_empty() {
        row("installed", "no");
    }
    for file in &files {
        row("installed", &site.tree.shown(&file.path).display().to_string());
        file.text.lines().filter(|text| !text.starts_with('#')).for_each(|text| row("", text));
    }
    if unit.state.get("NeedDaemonReload") == "yes" {
        row("not read yet", "the files were changed: `systemctl daemon-reload`");
    }
    if unit.name.kind() == "socket" {
        row("NoDelay", unit.values("Socket", "NoDelay").pop().unwrap_or("no"));
        return Ok(OK);
    }
    let environment = environment::of(&unit, true);
    for variable in &environment.variables {
        if variable.name == "LD_PRELOAD" || settings::is_ours(variable.name.as_ref()) {
            let (Origin::Unit(path) | Origin::File(path)) = &variable.origin;
            let origin = styled(FAINT, format_args!("(from {})", path.display()));
            row(&variable.name, &format!("{} {origin}", variable.value));
        }
    }
    for socket in unit.sockets(site.manager()) {
        let nodelay = socket.values("Socket", "NoDelay").pop().unwrap_or("no").to_owned();
        row("socket unit", &format!("{}: NoDelay={nodelay}", socket.name.text()));
    }
    let library = match site.library(args.library.as_deref()) {
        Ok(library) => library,
        Err(failure) => {
            row(&styled(BAD, "stands in the way"), &failure.message);
            return Ok(NO);
        }
    };
    let found = hindrance::look(&unit, &library, &environment);
    found.hindrances.iter().for_each(|text| row(&styled(BAD, "stands in the way"), text));
    found.notes.iter().for_each(|text| row(&styled(NOTE, "note"), text));
    Ok(if found.hindrances.is_empty() { OK } else { NO })
}

fn row(label: &str, text: &str) {
    let plain = anstream::adapter::strip_str(label).to_string();
    let space = " ".repeat(LABEL.saturating_sub(plain.len()).max(1));
    line(&format!("  {label}{space}{}", wrapped(text, WIDTH - LABEL, LABEL + 2)));
}
