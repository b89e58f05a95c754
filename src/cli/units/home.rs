//! Where a process is at home: in a systemd service, or in a container, as its control group says.

use super::processes::group;
use crate::os::proc;
use crate::output::printable;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    Service(String),
    /// The beginning of the container's number, or its name.
    Container(String),
}

/// So many digits of a container's number are shown, as `docker ps` does.
const SHOWN: usize = 12;
/// A number is at least as long as this, in hexadecimal digits.
const NUMBER: usize = 32;

impl Home {
    pub fn name(&self) -> &str {
        let (Self::Service(name) | Self::Container(name)) = self;
        name
    }
}

/// None: it belongs to no service, but to a session, or to the machine.
pub fn home_of(pid: u32) -> Option<Home> {
    // Whoever may make groups may give them any name.
    home_in(&proc::text(pid, "cgroup").ok()?.split('\n').map(printable).collect::<Vec<_>>().join("\n"))
}

/// The nearest: a container inside of its engine's service, or a service inside of a container. systemd's own hierarchy knows best.
fn home_in(table: &str) -> Option<Home> {
    let all = table.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let paths = table.lines().filter_map(group).chain(all);
    paths.flat_map(|path| path.rsplit('/')).find_map(home)
}

fn home(part: &str) -> Option<Home> {
    // A user's manager is nobody's home.
    let service = part.ends_with(".service") && !part.starts_with("user@");
    let service = service.then(|| Home::Service(part.to_owned()));
    service.or_else(|| container(part).map(Home::Container))
}

/// `docker-0123….scope`, `cri-containerd-0123….scope`, `libpod-0123….scope`; `0123…` below `docker` or `kubepods`;
/// `lxc.payload.NAME`.
fn container(part: &str) -> Option<String> {
    if let Some(name) = part.strip_prefix("lxc.payload.") {
        return Some(name.to_owned());
    }
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let number = part.rsplit_once('-').map_or(part, |(_, number)| number);
    let is_number = number.len() >= NUMBER && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| number.chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::{Home, home_in};

    #[test]
    fn a_container_is_told_from_a_service() {
        let number = "0123456789abcdef".repeat(4);
        let container =
            |path: &str| assert_eq!(home_in(path), Some(Home::Container("0123456789ab".to_owned())), "{path}");
        container(&format!("0::/system.slice/docker-{number}.scope\n"));
        container(&format!("0::/docker/{number}\n"));
        container(&format!("4:memory:/docker/{number}\n1:name=systemd:/docker/{number}\n"));
        container(&format!("0::/kubepods.slice/kubepods-pod7.slice/cri-containerd-{number}.scope\n"));
        container(&format!("0::/machine.slice/libpod-{number}.scope/container\n"));
        container(&format!("0::/system.slice/containerd.service/{number}\n"));
        assert_eq!(home_in("0::/lxc.payload.web/x\n"), Some(Home::Container("web".to_owned())));
        assert_eq!(home_in("0::/system.slice/nginx.service\n"), Some(Home::Service("nginx.service".to_owned())));
        let inside = format!("4:memory:/docker/{number}\n0::/docker/{number}/system.slice/a.service\n");
        assert_eq!(home_in(&inside), Some(Home::Service("a.service".to_owned())));
        assert_eq!(home_in("0::/user.slice/user-0.slice/user@0.service/init.scope\n"), None);
        assert_eq!(home_in("0::/user.slice/user-0.slice/session-3.scope\n"), None);
        assert_eq!(home_in("0::/\n"), None);
    }
}
