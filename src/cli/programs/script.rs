//! Follows `#!` lines to the program that the kernel really starts, `env PROGRAM` and `env -S …` included.
//!
//! Reads the first line only, runs nothing.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::search;
use crate::errors::{CANNOT_EXECUTE, Failure, plain};

/// One step on the way from what was asked for to what is started.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    pub file: PathBuf,
    /// How it leads on, in words.
    pub how: String,
}

/// Where the way ends.
#[derive(Debug)]
pub struct Followed {
    pub program: PathBuf,
    pub steps: Vec<Step>,
    /// Set when a line on the way takes LD_PRELOAD out of the environment.
    pub loses_preload: Option<String>,
}

/// What the kernel reads of a file to tell how to start it (BINPRM_BUF_SIZE).
const LINE: usize = 256;
/// The kernel gives up after a few interpreters of interpreters.
const DEEPEST: usize = 5;

pub fn follow(first: &Path) -> Result<Followed, Failure> {
    let mut followed = Followed { program: first.to_owned(), steps: Vec::new(), loses_preload: None };
    for _ in 0..=DEEPEST {
        let head = head(&followed.program)?;
        if head.starts_with(b"\x7fELF") {
            return Ok(followed);
        }
        step(&mut followed, &head)?;
    }
    Err(cannot(first, "its interpreter lines lead on and on"))
}

fn step(followed: &mut Followed, head: &[u8]) -> Result<(), Failure> {
    let file = followed.program.clone();
    let Some(rest) = head.strip_prefix(b"#!") else {
        if head.contains(&0) {
            return Err(cannot(&file, "is neither an ELF program nor a script"));
        }
        // The kernel refuses such a file; execvp(3) and every shell then give it to sh.
        followed.steps.push(Step { file, how: "no interpreter line: run by /bin/sh".to_owned() });
        return enter(followed, PathBuf::from("/bin/sh"));
    };
    let line = rest.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.trim_ascii();
    // The kernel splits once only: the interpreter, and all the rest as one argument.
    let end = line.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(line.len());
    let (interpreter, argument) = (&line[..end], line[end..].trim_ascii());
    if interpreter.is_empty() {
        return Err(cannot(&file, "its #! line names no interpreter"));
    }
    let shown: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).collect();
    followed.steps.push(Step { file: file.clone(), how: format!("script: #!{shown}") });
    let interpreter = PathBuf::from(OsStr::from_bytes(interpreter));
    if interpreter.file_name() != Some(OsStr::new("env")) {
        return enter(followed, interpreter);
    }
    let asked = Env::parse(argument);
    if followed.loses_preload.is_none() {
        followed.loses_preload = asked.loses_preload;
    }
    match asked.program {
        Some(name) => {
            let path = std::env::var_os("PATH");
            let found = search::program(OsStr::from_bytes(&name), path.as_deref())
                .map_err(|f| cannot(&file, format!("its interpreter is missing: {}", f.message)))?;
            enter(followed, found)
        }
        None => enter(followed, interpreter),
    }
}

fn enter(followed: &mut Followed, next: PathBuf) -> Result<(), Failure> {
    if !next.exists() {
        let script = &followed.program;
        return Err(cannot(script, format!("its interpreter `{}` does not exist", next.display())));
    }
    followed.program = next;
    Ok(())
}

fn cannot(file: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(CANNOT_EXECUTE, format!("`{}`: {why}", file.display()))
}

fn head(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::with_capacity(LINE);
    std::fs::File::open(file)
        .and_then(|f| f.take(LINE as u64).read_to_end(&mut head))
        .map_err(|e| cannot(file, format!("cannot be read: {}", plain(&e))))?;
    Ok(head)
}

/// The part of env(1)'s command line that matters here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Env {
    program: Option<Vec<u8>>,
    loses_preload: Option<String>,
}

impl Env {
    /// `argument` is everything after the interpreter, which the kernel hands over as one word.
    fn parse(argument: &[u8]) -> Self {
        let split = [&b"-S"[..], b"-vS", b"--split-string=", b"--split-string"].into_iter();
        let split = split.filter_map(|flag| argument.strip_prefix(flag)).next();
        let words: Vec<&[u8]> = match split {
            Some(rest) => rest.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect(),
            None => vec![argument].into_iter().filter(|w| !w.is_empty()).collect(),
        };
        let mut found = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word {
                b"-i" | b"-" | b"--ignore-environment" => {
                    found.loses_preload = Some("its #! line clears the environment (env -i)".to_owned());
                }
                b"-u" | b"--unset" => {
                    if words.next() == Some(b"LD_PRELOAD") {
                        found.loses_preload = Some("its #! line unsets LD_PRELOAD".to_owned());
                    }
                }
                b"-C" | b"--chdir" => drop(words.next()),
                _ if word.starts_with(b"LD_PRELOAD=") => {
                    found.loses_preload = Some("its #! line replaces LD_PRELOAD".to_owned());
                }
                _ if word.starts_with(b"-") || word.contains(&b'=') => {}
                _ => {
                    found.program = Some(word.iter().copied().filter(|b| !matches!(b, b'"' | b'\'')).collect());
                    break;
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Env;

    fn program(argument: &str) -> Option<String> {
        Env::parse(argument.as_bytes()).program.map(|p| String::from_utf8(p).expect("a test's own text"))
    }

    #[test]
    fn env_takes_one_word_unless_told_to_split() {
        assert_eq!(program("python3").as_deref(), Some("python3"));
        assert_eq!(program("-S python3 -u").as_deref(), Some("python3"));
        assert_eq!(program("-SPYTHONUTF8=1 python3 -u").as_deref(), Some("python3"));
        assert_eq!(program("-S -u HOME -C / python3").as_deref(), Some("python3"));
        // Without -S the kernel's single argument is one name, blanks and all.
        assert_eq!(program("python3 -u").as_deref(), Some("python3 -u"));
        assert_eq!(program(""), None);
    }

    #[test]
    fn env_can_take_the_preload_away() {
        for line in ["-S -i python3", "-S -u LD_PRELOAD python3", "-S LD_PRELOAD=other.so python3"] {
            let parsed = Env::parse(line.as_bytes());
            assert!(parsed.loses_preload.is_some(), "{line}");
            assert_eq!(parsed.program.as_deref(), Some(&b"python3"[..]), "{line}");
        }
        assert_eq!(Env::parse(b"-S -u HOME python3").loses_preload, None);
    }
}
