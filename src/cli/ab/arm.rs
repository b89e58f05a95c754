//! The arms: what each runs with which settings, what it is called, and the environment that makes it so.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use tcptune_policy::VARIABLES;

use super::schedule::{MOST_ARMS, Side};
use super::written::Written;
use crate::errors::Failure;
use crate::programs::preload;
use crate::settings::{self, Pair, put};

/// The word for an arm without the library.
const NONE: &str = "none";
/// Longer names would break the tables.
const LONGEST_NAME: usize = 24;

/// One of the ways that are compared.
#[derive(Clone, Debug)]
pub struct Arm {
    /// What it is called in tables and sentences.
    pub name: String,
    /// What it is, in full.
    pub description: String,
    pub environment: Vec<Pair>,
    /// Ready to be executed.
    pub command: Vec<OsString>,
    /// For a shell, before each run.
    pub prepare: Option<String>,
    /// It has the library.
    pub tuned: bool,
}

/// Baseline and candidate, from what was given with `--vs` and `--setting`. Without either: without the library, and with it.
pub fn both(
    vs: &[OsString],
    setting: &[OsString],
    command: &[OsString],
    prepare: Option<&String>,
    library: &Path,
) -> Result<Vec<Arm>, Failure> {
    let base = settings::environment();
    let none = [OsString::from(NONE)];
    let baseline = one("--vs", if vs.is_empty() { &none } else { vs }, &base, library)?;
    let candidate = one("--setting", setting, &base, library)?;
    let mut arms = vec![baseline, candidate];
    for (arm, role) in arms.iter_mut().zip(["baseline", "candidate"]) {
        if arm.name.chars().count() > LONGEST_NAME {
            arm.name = role.to_owned();
        }
        arm.command = command.to_vec();
        arm.prepare = prepare.cloned();
    }
    tell_apart(&mut arms);
    Ok(arms)
}

/// Arms with a command each, the first the baseline. `prepare`: one for all, or one for each. `library`: called if an arm has a
/// setting of the library's.
pub fn several(
    written: Vec<Written>,
    prepare: &[String],
    library: impl Fn() -> Result<PathBuf, Failure>,
) -> Result<Vec<Arm>, Failure> {
    let count = written.len();
    if !(2..=MOST_ARMS).contains(&count) {
        return Err(Failure::own(format!(
            "allowed are 2 to {MOST_ARMS} commands to compare, and given {}",
            if count == 1 { "is 1".to_owned() } else { format!("are {count}") }
        )));
    }
    if prepare.len() > 1 && prepare.len() != count {
        return Err(Failure::own(format!(
            "--prepare is given {} times: allowed is once for all {count} commands, or once for each",
            prepare.len()
        )));
    }
    let base = settings::environment();
    let mut arms = Vec::new();
    for (at, arm) in written.into_iter().enumerate() {
        let Written { name, line, settings: given, command } = arm;
        let ours = |setting: &OsString| pair(BEFORE, setting).is_ok_and(|(name, _)| settings::is_ours(name.as_ref()));
        let mut arm = if given.iter().any(ours) {
            one(BEFORE, &given, &base, &library()?)?
        } else {
            let mut environment = untouched(&base);
            for setting in &given {
                let (name, value) = pair(BEFORE, setting)?;
                put(&mut environment, &name, value);
            }
            Arm { environment, ..plain(&base) }
        };
        arm.description = match arm.tuned {
            true => format!("{line} ({})", arm.description),
            false => line.clone(),
        };
        arm.name = cut(&name.unwrap_or(line));
        arm.command = command;
        arm.prepare = prepare.get(if prepare.len() > 1 { at } else { 0 }).cloned();
        arms.push(arm);
    }
    tell_apart(&mut arms);
    Ok(arms)
}

/// Adds the baseline again, to see how much it differs from itself.
pub fn again(arms: &mut Vec<Arm>) -> Side {
    let mut again = arms[0].clone();
    again.description = format!("{} again, for the noise", again.name);
    again.name = format!("{} again", again.name);
    arms.push(again);
    Side::all(arms.len()).last().unwrap_or(Side::BASELINE)
}

/// What mistakes in settings before a command are said of.
const BEFORE: &str = "before the command:";

fn cut(name: &str) -> String {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.chars().count() <= LONGEST_NAME {
        return name;
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

/// Equal names get letters.
fn tell_apart(arms: &mut [Arm]) {
    let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
    for (arm, name) in arms.iter_mut().zip(&names) {
        if names.iter().filter(|other| *other == name).count() > 1 {
            arm.name.push(' ');
        }
    }
    for name in names {
        let doubled = format!("{name} ");
        for (arm, letter) in arms.iter_mut().filter(|arm| arm.name == doubled).zip('A'..) {
            arm.name.push(letter);
        }
    }
}

fn plain(base: &[Pair]) -> Arm {
    Arm {
        name: "plain".to_owned(),
        description: "without the library".to_owned(),
        environment: untouched(base),
        command: Vec::new(),
        prepare: None,
        tuned: false,
    }
}

fn one(option: &str, given: &[OsString], base: &[Pair], library: &Path) -> Result<Arm, Failure> {
    if given.iter().any(|setting| setting == NONE) {
        if given.len() > 1 {
            return Err(Failure::own(format!(
                "`{option} {NONE}` means no library: no other {option} can stand beside it"
            )));
        }
        return Ok(plain(base));
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
    Ok(Arm { name, description, environment, command: Vec::new(), prepare: None, tuned: true })
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
    use super::{Arm, LONGEST_NAME, both, pair, several};
    use crate::ab::written::operand;
    use std::ffi::{OsStr, OsString};
    use std::path::Path;

    fn arms(vs: &[&str], setting: &[&str]) -> Result<[Arm; 2], String> {
        let words = |given: &[&str]| given.iter().map(OsString::from).collect::<Vec<_>>();
        let both = both(&words(vs), &words(setting), &["true".into()], None, Path::new("/lib/libtcptune.so"));
        both.map(|arms| arms.try_into().expect("two")).map_err(|failure| failure.message)
    }

    fn commands(lines: &[&str], prepare: &[&str]) -> Result<Vec<Arm>, String> {
        let written = lines.iter().map(|line| operand(line, None).expect("words")).collect();
        let prepare: Vec<String> = prepare.iter().map(|&script| script.to_owned()).collect();
        several(written, &prepare, || Ok("/lib/libtcptune.so".into())).map_err(|failure| failure.message)
    }

    #[test]
    fn only_an_arm_with_a_setting_of_the_library_has_it() {
        let found = commands(&["./old", "X=1 ./new", "tcptune=on ./new", "cork=off X=2 ./new"], &[]).expect("valid");
        let tuned: Vec<bool> = found.iter().map(|arm| arm.tuned).collect();
        assert_eq!(tuned, [false, false, true, true]);
        let preloads: Vec<_> = found.iter().map(|arm| value(arm, "LD_PRELOAD")).collect();
        assert_eq!(preloads, [None, None, Some("/lib/libtcptune.so"), Some("/lib/libtcptune.so")]);
        assert_eq!((value(&found[1], "X"), value(&found[3], "X")), (Some("1"), Some("2")));
        assert_eq!((value(&found[0], "TCPTUNE"), value(&found[2], "TCPTUNE")), (Some("off"), Some("on")));
        assert_eq!((found[3].name.as_str(), found[3].command[0].to_str()), ("cork=off X=2 ./new", Some("./new")));
    }

    #[test]
    fn commands_have_names_of_their_own() {
        let long = format!("./client {}", "x".repeat(40));
        let found = commands(&[&long, &long, "./a", "./a", "./a"], &[]).expect("valid");
        let names: Vec<&str> = found.iter().map(|arm| arm.name.as_str()).collect();
        assert!(names[0].ends_with("… A") && names[1].ends_with("… B"), "{names:?}");
        assert_eq!((names[0].chars().count(), &names[2..]), (LONGEST_NAME + 2, &["./a A", "./a B", "./a C"][..]));
    }

    #[test]
    fn preparations_are_for_all_or_for_each() {
        let of = |found: Vec<Arm>| found.into_iter().map(|arm| arm.prepare.unwrap_or_default()).collect::<Vec<_>>();
        assert_eq!(of(commands(&["a", "b", "c"], &["x"]).expect("valid")), ["x", "x", "x"]);
        assert_eq!(of(commands(&["a", "b", "c"], &["x", "y", "z"]).expect("valid")), ["x", "y", "z"]);
        assert_eq!(of(commands(&["a", "b"], &[]).expect("valid")), ["", ""]);
        let said = commands(&["a", "b", "c"], &["x", "y"]).expect_err("invalid");
        assert_eq!(said, "--prepare is given 2 times: allowed is once for all 3 commands, or once for each");
        assert!(commands(&["a"; 9], &[]).expect_err("invalid").contains("allowed are 2 to 8"));
        let said = commands(&["a", "crok=off b"], &[]).expect_err("invalid");
        assert!(said.starts_with("before the command: crok=off: there is no setting `crok`"), "{said}");
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
