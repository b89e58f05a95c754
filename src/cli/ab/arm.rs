//! The two arms: with which settings each runs, what it is called, and the environment that makes it so.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use tcptune_policy::VARIABLES;

use crate::errors::Failure;
use crate::programs::preload;
use crate::settings::{self, Pair, put};

/// The word for an arm without the library.
const NONE: &str = "none";
/// Longer names would break the tables.
const LONGEST_NAME: usize = 24;

/// One way to run the command.
#[derive(Clone, Debug)]
pub struct Arm {
    /// What it is called in tables and sentences.
    pub name: String,
    /// What it is, in full.
    pub description: String,
    pub environment: Vec<Pair>,
}

/// Baseline and candidate, from what was given with `--vs` and `--setting`. Without either: without the library, and with it.
pub fn both(vs: &[OsString], setting: &[OsString], library: &Path) -> Result<[Arm; 2], Failure> {
    let base = settings::environment();
    let none = [OsString::from(NONE)];
    let baseline = one("--vs", if vs.is_empty() { &none } else { vs }, &base, library)?;
    let candidate = one("--setting", setting, &base, library)?;
    let mut arms = [baseline, candidate];
    for (arm, role) in arms.iter_mut().zip(["baseline", "candidate"]) {
        if arm.name.chars().count() > LONGEST_NAME {
            arm.name = role.to_owned();
        }
    }
    if arms[0].name == arms[1].name {
        for (arm, letter) in arms.iter_mut().zip(["A", "B"]) {
            arm.name = format!("{} {letter}", arm.name);
        }
    }
    Ok(arms)
}

fn one(option: &str, given: &[OsString], base: &[Pair], library: &Path) -> Result<Arm, Failure> {
    if given.iter().any(|setting| setting == NONE) {
        if given.len() > 1 {
            return Err(Failure::own(format!(
                "`{option} {NONE}` means no library: no other {option} can stand beside it"
            )));
        }
        let (name, description) = ("plain".to_owned(), "without the library".to_owned());
        return Ok(Arm { name, description, environment: untouched(base) });
    }
    let mut environment = base.to_vec();
    let mut words = Vec::new();
    for setting in given {
        let (name, value) = pair(option, setting)?;
        let shown = settings::variable(OsStr::new(&name)).map(|row| short(row.name));
        words.push(format!("{}={}", shown.unwrap_or_else(|| name.clone()), value.display()));
        put(&mut environment, &name, value);
    }
    let reading = settings::read(&environment);
    if let Some(wrong) = reading.faults.first() {
        let given = given.iter().find(|setting| pair(option, setting).is_ok_and(|(name, _)| name == wrong.variable));
        return Err(match given {
            Some(setting) => Failure::of_option(option, setting, &wrong.what),
            None => Failure::own(&wrong.line),
        });
    }
    preload::add(&mut environment, library);
    let name = if words.is_empty() { "tcptune".to_owned() } else { words.join(" ") };
    let description = format!("with the library: {}", settings::describe(&reading.settings.base));
    Ok(Arm { name, description, environment })
}

/// `cork=off`, `TCPTUNE_CORK=off`, or any variable of the environment in capitals.
fn pair(option: &str, setting: &OsStr) -> Result<(String, OsString), Failure> {
    let mut parts = setting.as_bytes().splitn(2, |&b| b == b'=');
    let (name, value) = (parts.next().unwrap_or_default(), parts.next());
    let name = std::str::from_utf8(name).unwrap_or_default();
    let (Some(value), false) = (value, name.is_empty()) else {
        let why = format!("allowed is NAME=VALUE, as in cork=off, or {NONE} for no library");
        return Err(Failure::of_option(option, setting, why));
    };
    let value = OsString::from_vec(value.to_vec());
    let known = VARIABLES.iter().find(|row| name == row.name || name == short(row.name));
    match known {
        Some(row) => Ok((row.name.to_owned(), value)),
        None if name.to_ascii_uppercase() == name && !settings::is_ours(OsStr::new(name)) => {
            Ok((name.to_owned(), value))
        }
        None => {
            let names: Vec<String> = VARIABLES.iter().map(|row| short(row.name)).collect();
            let names = names.join(", ");
            let why = format!("there is no setting `{name}`; allowed are {names}, and other variables in capitals");
            Err(Failure::of_option(option, setting, why))
        }
    }
}

/// `cork` for `TCPTUNE_CORK`, and `tcptune` for the one that has nothing behind.
fn short(variable: &str) -> String {
    variable.strip_prefix("TCPTUNE_").unwrap_or(variable).to_ascii_lowercase()
}

/// The environment as it would be without tcptune. Off even where the library comes from /etc/ld.so.preload.
pub fn untouched(base: &[Pair]) -> Vec<Pair> {
    let mut environment: Vec<Pair> = base.iter().filter(|(name, _)| !settings::is_ours(name)).cloned().collect();
    put(&mut environment, "TCPTUNE", "off".into());
    preload::remove(&mut environment);
    environment
}

#[cfg(test)]
mod tests {
    use super::{Arm, both, pair};
    use std::ffi::{OsStr, OsString};
    use std::path::Path;

    fn arms(vs: &[&str], setting: &[&str]) -> Result<[Arm; 2], String> {
        let words = |given: &[&str]| given.iter().map(OsString::from).collect::<Vec<_>>();
        both(&words(vs), &words(setting), Path::new("/lib/libtcptune.so")).map_err(|failure| failure.message)
    }

    fn value<'a>(arm: &'a Arm, name: &str) -> Option<&'a str> {
        arm.environment.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.to_str())
    }

    #[test]
    fn without_and_with_the_library_is_what_is_compared_if_nothing_is_said() {
        let [plain, tuned] = arms(&[], &[]).expect("valid");
        assert_eq!((plain.name.as_str(), tuned.name.as_str()), ("plain", "tcptune"));
        assert_eq!((value(&plain, "TCPTUNE"), value(&plain, "LD_PRELOAD")), (Some("off"), None));
        assert_eq!((value(&tuned, "TCPTUNE"), value(&tuned, "LD_PRELOAD")), (None, Some("/lib/libtcptune.so")));
    }

    #[test]
    fn settings_go_to_their_arm() {
        let [vs, setting] =
            arms(&["cork=off", "TCPTUNE_NODELAY=force"], &["rules=port=143 off", "GODEBUG=x=1"]).expect("valid");
        assert_eq!(vs.name, "cork=off nodelay=force");
        assert_eq!((value(&vs, "TCPTUNE_CORK"), value(&vs, "TCPTUNE_NODELAY")), (Some("off"), Some("force")));
        assert_eq!((value(&setting, "TCPTUNE_CORK"), value(&setting, "TCPTUNE_RULES")), (None, Some("port=143 off")));
        assert_eq!((value(&setting, "GODEBUG"), value(&vs, "GODEBUG")), (Some("x=1"), None));
        assert_eq!(setting.name, "candidate");
    }

    #[test]
    fn equal_arms_have_two_names() {
        let [a, b] = arms(&["cork=off"], &["cork=off"]).expect("valid");
        assert_eq!((a.name.as_str(), b.name.as_str()), ("cork=off A", "cork=off B"));
        let [a, b] = arms(&[], &["none"]).expect("valid");
        assert_eq!((a.name.as_str(), b.name.as_str()), ("plain A", "plain B"));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |setting: &[&str]| arms(&[], setting).expect_err("invalid");
        assert!(said(&["cork"]).starts_with("--setting cork: allowed is NAME=VALUE"));
        assert!(said(&["crok=off"]).contains("there is no setting `crok`; allowed are tcptune, nodelay, cork"));
        assert!(said(&["TCPTUNE_CROK=off"]).contains("there is no setting `TCPTUNE_CROK`"));
        assert!(said(&["none", "cork=off"]).contains("`--setting none` means no library"));
        assert_eq!(said(&["cork=maybe"]), "--setting cork=maybe: allowed is auto or off");
        assert!(pair("--vs", OsStr::new("=x")).is_err());
    }
}
