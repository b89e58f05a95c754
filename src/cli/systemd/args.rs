//! The command line of `tcptune systemd`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::help::Help;
use crate::settings::SettingFlags;

const EXIT: &[(&str, &str)] = &[
    ("0", "done; verify: the library is in every process"),
    ("1", "no: something stands in the way, or the unit is not tuned"),
    ("125", "wrong use, or tcptune itself failed"),
    ("126", "no permission"),
    ("127", "no such unit"),
];

pub const HELP: Help = Help {
    exit: EXIT,
    examples: &[
        ("tcptune systemd install --restart legacyd", "add it, restart, undo on failure"),
        ("tcptune systemd verify legacyd", "is it in every process?"),
        ("tcptune systemd remove --restart legacyd", "as if it had never been there"),
        ("tcptune systemd install --socket legacyd", "NoDelay=yes in its socket unit"),
        ("tcptune systemd install --root /srv/image legacyd", ""),
    ],
    first: 3,
};

pub const INSTALL: Help = Help {
    exit: EXIT,
    examples: &[
        ("tcptune systemd install legacyd", "takes effect at its next start"),
        ("tcptune systemd install --restart legacyd", "now; undone if it does not start"),
        ("tcptune systemd install --nodelay force legacyd", ""),
        ("tcptune systemd install --root /srv/image legacyd", ""),
    ],
    first: 3,
};

pub const SHOW: Help = Help { exit: EXIT, examples: &[("tcptune systemd show legacyd", "")], first: 1 };
pub const VERIFY: Help = Help {
    exit: EXIT,
    examples: &[("tcptune systemd verify legacyd", ""), ("tcptune systemd verify --json legacyd", "")],
    first: 2,
};
pub const REMOVE: Help = Help {
    exit: EXIT,
    examples: &[("tcptune systemd remove legacyd", ""), ("tcptune systemd remove --restart legacyd", "")],
    first: 2,
};

/// Preload the library into a systemd service, verify it, remove it
///
/// Everything is done in a drop-in next to the unit, 50-tcptune.conf: the unit itself is never changed, and `remove` leaves
/// nothing behind. A service is restarted only on request.
#[derive(Debug, Args)]
#[command(subcommand_required = true, after_help = HELP.short(), after_long_help = HELP.long())]
pub struct SystemdArgs {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    Install(InstallArgs),
    Show(ShowArgs),
    Verify(VerifyArgs),
    Remove(RemoveArgs),
}

/// Which unit, and whose.
#[derive(Debug, Args)]
pub struct Place {
    /// The unit: a service, a template (name@), an instance of one, or a socket
    #[arg(value_name = "UNIT", value_hint = ValueHint::Other)]
    pub unit: OsString,
    /// The unit belongs to the user's own systemd manager
    #[arg(long)]
    pub user: bool,
}

/// Where the files are.
#[derive(Debug, Args)]
pub struct Files {
    /// Change the image in this directory; needs no running systemd
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "user")]
    pub root: Option<PathBuf>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Write the drop-in and reload systemd
///
/// Prepends the library to the unit's own LD_PRELOAD, wherever that is set, and writes the given settings. Refuses if anything
/// would keep the library out or harm the service; `show` lists that too. Installing again replaces the settings.
#[derive(Debug, Args)]
#[command(after_help = INSTALL.short(), after_long_help = INSTALL.long())]
pub struct InstallArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub files: Files,
    /// Restart a running unit; undo everything if it fails to start
    #[arg(long, conflicts_with = "root")]
    pub restart: bool,
    /// Only until the next boot (in /run)
    #[arg(long, conflicts_with = "root")]
    pub runtime: bool,
    /// Set NoDelay=yes in its socket units, without the library
    #[arg(long, conflicts_with = "library")]
    pub socket: bool,
    /// Write the drop-in whatever stands in the way
    #[arg(long)]
    pub force: bool,
    /// Preload this library, not the one next to this command or the installed one; with --root its path inside the image
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub library: Option<PathBuf>,
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// Show what is installed, its effect, and what stands in the way
#[derive(Debug, Args)]
#[command(after_help = SHOW.short(), after_long_help = SHOW.long())]
pub struct ShowArgs {
    #[command(flatten)]
    pub place: Place,
    /// Look into the image in this directory; needs no running systemd
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "user")]
    pub root: Option<PathBuf>,
    /// Judge for this library, not the one next to this command or the installed one; with --root its path inside the image
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
}

/// Check each process of the running unit: is the library loaded, which sockets are tuned, and if not, why
#[derive(Debug, Args)]
#[command(after_help = VERIFY.short(), after_long_help = VERIFY.long())]
pub struct VerifyArgs {
    #[command(flatten)]
    pub place: Place,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// Remove what install wrote, and reload systemd
#[derive(Debug, Args)]
#[command(after_help = REMOVE.short(), after_long_help = REMOVE.long())]
pub struct RemoveArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub files: Files,
    /// Restart a running unit
    #[arg(long, conflicts_with = "root")]
    pub restart: bool,
}
