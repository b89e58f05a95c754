//! What a drop-in must say: the library in front of what the unit has, and the settings, where nothing outranks them.

use std::path::Path;

use super::args::InstallArgs;
use super::dropin::{self, DropIn};
use super::environment::{self, Environment, Origin};
use super::hindrance;
use super::place::Site;
use super::stats;
use crate::errors::{Failure, NO, say};
use crate::programs::library::Library;
use crate::programs::{confined, preload};
use crate::settings;
use crate::units::filter;
use crate::units::unit::OURS;
use crate::units::unit::Unit;

/// A unit and what is to be written for it.
pub struct Work {
    pub unit: Unit,
    pub dropin: DropIn,
    /// To be told.
    pub notes: Vec<String>,
}

/// Settings that the library would refuse, the unit's own among them.
pub fn faulty(args: &InstallArgs, unit: &Unit) -> Option<String> {
    let mut pairs: Vec<settings::Pair> = Vec::new();
    for variable in environment::of(unit, false).variables {
        let given = args.settings.given.iter().any(|(row, _)| row.name == variable.name);
        if !given && settings::is_ours(variable.name.as_ref()) {
            let value = match &variable.origin {
                Origin::Unit(_) => unit.name.expand(&variable.value).unwrap_or(variable.value),
                Origin::File(_) => variable.value,
            };
            pairs.push((variable.name.into(), value.into()));
        }
    }
    pairs.extend(args.settings.given.iter().map(|(row, value)| (row.name.into(), value.clone())));
    let reading = settings::read(&pairs);
    reading.unknown.iter().for_each(say);
    let wrong = reading.faults.first()?;
    Some(args.settings.named(wrong, reading.faults.len() - 1))
}

/// NoDelay=yes for a socket unit.
pub fn socket(site: &Site, unit: Unit, args: &InstallArgs) -> Result<Work, Failure> {
    let name = unit.name.text();
    if !args.settings.given.is_empty() || args.library.is_some() {
        return Err(Failure::own(format!(
            "`{name}` is a socket: it takes NoDelay=yes, and neither settings nor a library"
        )));
    }
    if !unit.listens_on_tcp() {
        return Err(Failure::new(NO, format!("`{name}` listens on no TCP address: there is nothing to tune")));
    }
    let dropin = DropIn {
        directory: site.directory(name, args.runtime)?,
        name: OURS[0],
        body: "[Socket]\nNoDelay=yes\n".to_owned(),
        variables: None,
    };
    Ok(Work { unit, dropin, notes: Vec::new() })
}

pub fn service(site: &Site, unit: Unit, args: &InstallArgs) -> Result<Work, Failure> {
    let library = site.library(args.library.as_deref())?;
    let environment = environment::of(&unit, false);
    let found = hindrance::look(&unit, &library, &environment);
    let mut notes = found.notes;
    if !found.hindrances.is_empty() && !args.force {
        let all = found.hindrances.join("; ");
        return Err(Failure::new(
            NO,
            format!("nothing was written for `{}`: {all} (--force writes it)", unit.name.text()),
        ));
    }
    notes.extend(found.hindrances);
    for socket in unit.sockets(site.manager()) {
        if !socket.is_on("Socket", "NoDelay") {
            notes.push(format!(
                "`{}` listens for it: NoDelay=yes there does without the library: `tcptune systemd install --socket {}`",
                socket.name.text(),
                unit.name.text()
            ));
        }
    }
    let dropin = text(site, &unit, args, &library, &environment)?;
    Ok(Work { unit, dropin, notes })
}

/// What the drop-in of a service says.
fn text(
    site: &Site,
    unit: &Unit,
    args: &InstallArgs,
    library: &Library,
    environment: &Environment,
) -> Result<DropIn, Failure> {
    let mut given: Vec<(&str, &str)> = args
        .settings
        .given
        .iter()
        .map(|(row, value)| Ok((row.name, utf8(row.name, value)?)))
        .collect::<Result<_, Failure>>()?;
    let seccomp = confined::SETTING;
    let is_set = given.iter().any(|(name, _)| *name == seccomp) || environment.get(seccomp).is_some();
    if filter::installs_filter(unit) && filter::filtered(unit).is_none() && !is_set {
        given.push((seccomp, "all"));
    }
    let mut names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
    names.push(preload::VARIABLE);
    let existing = environment.get(preload::VARIABLE);
    let of_manager = match (existing, site.manager()) {
        (None, Some(manager)) => manager.variable(preload::VARIABLE)?,
        _ => None,
    };
    let file = utf8("--library", library.file.as_os_str())?;
    let list = |library: &str, existing: &str| {
        let joined = preload::with_ours(Path::new(library), Some(existing.as_ref()));
        joined.to_string_lossy().into_owned()
    };
    // EnvironmentFile= outranks Environment=: what one sets can only be changed by another behind it.
    let outranked = names
        .iter()
        .any(|name| environment.get(name).is_some_and(|variable| matches!(variable.origin, Origin::File(_))));
    let name = position(unit, &names)?;
    let directory = site.directory(unit.name.text(), args.runtime)?;
    let stats = args.settings.stats().map(|directory| stats::lines(unit, utf8("--stats", directory)?));
    let made = stats.transpose()?.unwrap_or_default();
    let mut dropin = DropIn { directory, name, body: format!("[Service]\n{made}"), variables: None };
    if outranked {
        let before = match existing {
            Some(variable) if matches!(variable.origin, Origin::File(_)) => variable.value.clone(),
            Some(variable) => unit.name.expand(&variable.value).ok_or_else(|| {
                let (name, value) = (unit.name.text(), &variable.value);
                Failure::own(format!(
                    "`{name}` has LD_PRELOAD={value}, with a specifier that only systemd knows: write the path out there first"
                ))
            })?,
            None => of_manager.unwrap_or_default(),
        };
        let mut variables = dropin::variable(preload::VARIABLE, &list(file, &before));
        given.iter().for_each(|(name, value)| variables.push_str(&dropin::variable(name, value)));
        dropin.variables = Some(variables);
        let path = site.base(args.runtime)?.join(format!("{}.d", unit.name.text()));
        let path = path.join(dropin.variables_path().file_name().unwrap_or_default());
        dropin.body.push_str(&format!("EnvironmentFile={}\n", dropin::literal(&path.to_string_lossy())));
    } else {
        let before = match existing {
            Some(variable) => variable.value.clone(),
            None => dropin::literal(&of_manager.unwrap_or_default()),
        };
        dropin.body.push_str(&dropin::environment(preload::VARIABLE, &list(&dropin::literal(file), &before)));
        for (name, value) in given {
            dropin.body.push_str(&dropin::environment(name, &dropin::literal(value)));
        }
    }
    Ok(dropin)
}

/// The name under which the drop-in is read behind everything that would undo it.
fn position(unit: &Unit, variables: &[&str]) -> Result<&'static str, Failure> {
    let mut deciding = None;
    for name in OURS {
        match environment::decided_behind(unit, name, variables) {
            None => return Ok(name),
            path => deciding = path,
        }
    }
    let path = deciding.unwrap_or(Path::new("")).display();
    Err(Failure::own(format!(
        "`{path}` sets {} behind every drop-in of ours: give it a name before `{}`",
        variables.join(" or "),
        OURS[1]
    )))
}

fn utf8<'v>(name: &str, value: &'v (impl AsRef<std::ffi::OsStr> + ?Sized)) -> Result<&'v str, Failure> {
    let value = value.as_ref();
    value.to_str().ok_or_else(|| {
        Failure::own(format!("{name}={}: is not UTF-8, which a unit file must be", value.to_string_lossy()))
    })
}
