//! Names of units as systemctl(1) takes them: the kind may be left out, odd characters are escaped, `name@` is a template.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::errors::Failure;

const KINDS: [&str; 11] =
    ["service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"];
/// The kernel's limit for a file's name, which is systemd's for a unit.
const LONGEST: usize = 255;

/// A valid name with its kind: `legacyd.service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// What was given, completed and escaped.
    pub fn parse(given: &OsStr) -> Result<Self, Failure> {
        let shown = given.to_string_lossy();
        if given.is_empty() {
            return Err(Failure::own("the unit's name is empty"));
        }
        if shown.contains('/') {
            return Err(Failure::own(format!(
                "`{shown}` is a path: give the name of a unit, as `systemctl status` takes it"
            )));
        }
        let mut text = escaped(given.as_bytes());
        let known = text.rsplit_once('.').is_some_and(|(_, kind)| KINDS.contains(&kind));
        if !known {
            text.push_str(".service");
        }
        let name = Self(text);
        if name.0.len() > LONGEST || name.prefix().is_empty() {
            return Err(Failure::own(format!("`{shown}` cannot be the name of a unit")));
        }
        Ok(name)
    }

    /// A name that systemd has given.
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// `service`, `socket` …
    pub fn kind(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, kind)| kind)
    }

    /// Without the kind.
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(self.0.as_str(), |(stem, _)| stem)
    }

    /// What is before `@`, or all.
    pub fn prefix(&self) -> &str {
        self.stem().split_once('@').map_or(self.stem(), |(prefix, _)| prefix)
    }

    /// What is behind `@`: empty for a template.
    pub fn instance(&self) -> Option<&str> {
        self.stem().split_once('@').map(|(_, instance)| instance)
    }

    pub fn is_template(&self) -> bool {
        self.instance() == Some("")
    }

    /// `name@.service` for `name@instance.service`.
    pub fn template(&self) -> Option<String> {
        self.instance().filter(|instance| !instance.is_empty())?;
        Some(format!("{}@.{}", self.prefix(), self.kind()))
    }

    /// Some instance of a template, under which systemd can be asked what instances get.
    pub fn any_instance(&self) -> String {
        if self.is_template() { format!("{}@tcptune.{}", self.prefix(), self.kind()) } else { self.0.clone() }
    }

    /// Text of a unit file with the specifiers that are made of the name (systemd.unit(5)). None: it has others.
    pub fn expand(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match rest.next()? {
                '%' => out.push('%'),
                'n' => out.push_str(&self.0),
                'N' => out.push_str(self.stem()),
                'p' => out.push_str(self.prefix()),
                // Only `%I` would have to be unescaped.
                'i' => out.push_str(self.instance().unwrap_or_default()),
                'I' if !self.instance().unwrap_or_default().contains(['\\', '-']) => {
                    out.push_str(self.instance().unwrap_or_default());
                }
                _ => return None,
            }
        }
        Some(out)
    }
}

fn escaped(given: &[u8]) -> String {
    let mut text = String::new();
    for &byte in given {
        if byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Name;

    fn name(given: &str) -> Name {
        Name::parse(given.as_ref()).unwrap_or_else(|f| panic!("{given}: {}", f.message))
    }

    #[test]
    fn names_as_systemctl_takes_them() {
        for (given, meant) in [
            ("nginx", "nginx.service"),
            ("nginx.service", "nginx.service"),
            ("php8.2-fpm", "php8.2-fpm.service"),
            ("web.socket", "web.socket"),
            ("job@a b", "job@a\\x20b.service"),
            ("caf\u{e9}", "caf\\xc3\\xa9.service"),
            ("dev-disk\\x2d1", "dev-disk\\x2d1.service"),
        ] {
            assert_eq!(name(given).text(), meant);
        }
        for refused in ["", "/etc/systemd/system/nginx.service", ".service", "@x", &"n".repeat(300)] {
            assert_eq!(Name::parse(refused.as_ref()).err().map(|f| f.code), Some(125), "{refused}");
        }
    }

    #[test]
    fn templates_and_instances() {
        assert!(name("job@").is_template() && name("job@.service").template().is_none());
        let one = name("job@a.b");
        assert_eq!((one.instance(), one.prefix(), one.kind()), (Some("a.b"), "job", "service"));
        assert_eq!(one.template().as_deref(), Some("job@.service"));
        assert_eq!(name("job@").any_instance(), "job@tcptune.service");
        assert_eq!(name("nginx").instance(), None);
    }

    #[test]
    fn specifiers_of_the_name() {
        let one = name("job@east");
        assert_eq!(one.expand("/etc/%p/%i-%n%%").as_deref(), Some("/etc/job/east-job@east.service%"));
        assert_eq!(one.expand("%h/x"), None);
    }
}
