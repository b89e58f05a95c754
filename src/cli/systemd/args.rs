//! The command line of `systemd`. Man pages and completions are made from it too.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::settings::SettingFlags;

/// Put the library on a systemd service, prove that it took effect, take it off again
///
/// Everything is done by a drop-in file beside the unit, 50-tcptune.conf: the unit itself is never touched, and `remove`
/// leaves nothing behind. A service is restarted only if that is asked for.
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    after_help = "Exit status:\n  \
        0    done; verify: the library is in every process\n  \
        1    no: something stands in the way, or the unit is not tuned\n  \
        125  wrong use, or tcptune itself failed\n  \
        126  no permission\n  \
        127  there is no such unit\n\n\
        Examples:\n  \
        tcptune systemd install --restart legacyd    put it on, restart; undone by itself if that fails\n  \
        tcptune systemd verify legacyd               is it in every process, which sockets are tuned\n  \
        tcptune systemd remove --restart legacyd     as if it had never been there\n  \
        tcptune systemd install --socket legacyd     NoDelay=yes in its socket unit instead\n  \
        tcptune systemd install --root /srv/image legacyd"
)]
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
    /// The unit: a service, a template (name@) or one instance of it, or a socket
    #[arg(value_name = "UNIT", value_hint = ValueHint::Other)]
    pub unit: OsString,
    /// A unit of the calling user's own manager
    #[arg(long)]
    pub user: bool,
}

/// Where the files are.
#[derive(Debug, Args)]
pub struct Files {
    /// In the image in this directory, without a running systemd
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "user")]
    pub root: Option<PathBuf>,
    /// Change nothing, only show what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Write the drop-in, and let systemd read it
///
/// Puts the library in front of the unit's own LD_PRELOAD, wherever that is set, and writes the given settings. Refused
/// when something is seen that would keep the library out or harm the service; `show` lists that too. Doing it again
/// replaces the settings.
#[derive(Debug, Args)]
pub struct InstallArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub files: Files,
    /// Restart the unit if it runs; if it does not come up again, all is put back
    #[arg(long, conflicts_with = "root")]
    pub restart: bool,
    /// Only until the machine restarts (in /run)
    #[arg(long, conflicts_with = "root")]
    pub runtime: bool,
    /// Instead of the library: NoDelay=yes in the socket units that start this service
    #[arg(long, conflicts_with = "library")]
    pub socket: bool,
    /// Write it whatever stands in the way
    #[arg(long)]
    pub force: bool,
    /// The library to load, instead of the one beside this command or the installed one; with --root its path in there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// Show what is installed, what it comes to, and what stands in the way
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub place: Place,
    /// In the image in this directory, without a running systemd
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "user")]
    pub root: Option<PathBuf>,
    /// The library to judge for, instead of the one beside this command or the installed one; with --root its path in there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
}

/// Look into each process of the running unit: is the library in it, which sockets are tuned, and if not, why not
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub place: Place,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// Remove what install has written, and let systemd read that
#[derive(Debug, Args)]
pub struct RemoveArgs {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub files: Files,
    /// Restart the unit if it runs
    #[arg(long, conflicts_with = "root")]
    pub restart: bool,
}
