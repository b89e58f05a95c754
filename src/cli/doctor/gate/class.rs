//! What `--fail-on` can name: a kind of finding as `--json` calls it, all stalls, or that nothing could be told. Pure.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

use crate::stalls::finding::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// nagle, cork and peer
    Stall,
    Nagle,
    Cork,
    Peer,
    Paced,
    Flood,
    Runts,
    Held,
    /// It could not be told whether there is anything
    Unknown,
}

impl Class {
    /// What fails where nothing is said: all that is worth an exit status.
    pub const USUAL: [Self; 4] = [Self::Stall, Self::Paced, Self::Flood, Self::Held];

    pub const fn has(self, kind: Kind) -> bool {
        match self {
            Self::Stall => matches!(kind, Kind::Nagle | Kind::Cork | Kind::Peer),
            Self::Nagle => matches!(kind, Kind::Nagle),
            Self::Cork => matches!(kind, Kind::Cork),
            Self::Peer => matches!(kind, Kind::Peer),
            Self::Paced => matches!(kind, Kind::Paced),
            Self::Flood => matches!(kind, Kind::Flood),
            Self::Runts => matches!(kind, Kind::Runts),
            Self::Held => matches!(kind, Kind::Held),
            Self::Unknown => false,
        }
    }

    /// As it is typed.
    pub fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Class;
    use crate::stalls::finding::Kind;

    const KINDS: [Kind; 7] = [Kind::Nagle, Kind::Cork, Kind::Paced, Kind::Peer, Kind::Flood, Kind::Runts, Kind::Held];

    #[test]
    fn what_usually_fails_is_what_is_worth_an_exit_status() {
        for kind in KINDS {
            assert_eq!(Class::USUAL.iter().any(|class| class.has(kind)), kind.is_grave(), "{kind:?}");
        }
    }

    #[test]
    fn each_kind_has_a_class_of_its_name() {
        use clap::ValueEnum;
        for kind in KINDS {
            let own = Class::value_variants().iter().find(|class| class.word() == kind.word()).expect("a class");
            assert!(own.has(kind) && KINDS.iter().filter(|other| own.has(**other)).count() == 1, "{kind:?}");
        }
    }
}
