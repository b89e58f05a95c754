//! Lines of a script: what is told of where a thread of it was while a stall lasted.

use schemars::JsonSchema;
use serde::Serialize;

/// A call of a function of the script, or of a module that it uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Line {
    /// As Python names it: relative to the directory that the script was started in, where it was started so.
    pub file: String,
    /// Where in the file this call was.
    pub line: Option<u32>,
    pub function: String,
    /// It is neither of Python's own library nor of an installed package.
    pub own: bool,
}

/// A line that sends, found in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Write {
    /// The number of the frame whose function it is in.
    pub frame: usize,
    pub line: u32,
    pub text: String,
}

/// Where a thread waited.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Place {
    /// The innermost call first.
    pub frames: Vec<Line>,
    /// The number of the innermost frame that is the script's own.
    pub own_frame: Option<usize>,
    /// Where the script itself waits: the last line before that which sends. It was read in the source, not observed.
    pub write: Option<Write>,
}

/// Looks that found the same.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Same {
    pub looks: u64,
    /// How many threads were seen there.
    pub threads: usize,
    #[serde(flatten)]
    pub place: Place,
}

/// Where the threads that made the calls behind a finding were while these waited.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Script {
    pub looks: u64,
    /// The commonest first.
    pub places: Vec<Same>,
}

impl Script {
    /// The script's own line that sent, or else that waited, at the commonest place: its file, its number and its function.
    pub fn own_line(&self) -> Option<(&str, Option<u32>, &str)> {
        let place = &self.places.first()?.place;
        let frame = |number: usize| place.frames.get(number);
        match &place.write {
            Some(write) => frame(write.frame).map(|own| (own.file.as_str(), Some(write.line), own.function.as_str())),
            None => frame(place.own_frame?).map(|own| (own.file.as_str(), own.line, own.function.as_str())),
        }
    }
}

/// What lies below these directories is not the script's own.
const INSTALLED: [&str; 3] = ["/site-packages/", "/dist-packages/", "/lib/python"];

/// Is a file the script's own, and not one of Python's or of a package?
pub fn is_own(file: &str) -> bool {
    // Modules that are part of the interpreter are called `<frozen os>`.
    !file.is_empty() && !file.starts_with("<frozen") && !INSTALLED.iter().any(|part| file.contains(part))
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn pythons_and_packages_files_are_not_the_scripts_own() {
        for own in ["client.py", "/home/lib/client.py", "<stdin>", "<string>", "/opt/python/client.py"] {
            assert!(is_own(own), "{own}");
        }
        for other in [
            "/usr/lib/python3.11/imaplib.py",
            "/opt/python/3.8/lib/python3.8/smtplib.py",
            "/home/me/venv/lib/python3.12/site-packages/redis/client.py",
            "/usr/lib/python3/dist-packages/urllib3/connection.py",
            "<frozen runpy>",
            "",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
