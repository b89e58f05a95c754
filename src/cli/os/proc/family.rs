//! Who has started whom.

use std::collections::BTreeSet;
use std::fs;

use super::entry::{all, entry};
use super::stat::Stat;

/// What a process has started itself, by all of its threads.
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(entry(pid, "task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_ascii_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>()).collect()
}

/// These processes and all that they have started, directly and not.
pub fn with_descendants(pids: &[u32]) -> Vec<u32> {
    let all = all().unwrap_or_default();
    let parents: Vec<(u32, u32)> = all.into_iter().filter_map(|pid| Some((pid, Stat::of(pid)?.parent))).collect();
    let mut found: BTreeSet<u32> = pids.iter().copied().collect();
    let mut order = pids.to_vec();
    let mut next = 0;
    while let Some(&one) = order.get(next) {
        for &(child, _) in parents.iter().filter(|(_, parent)| *parent == one) {
            if found.insert(child) {
                order.push(child);
            }
        }
        next += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::with_descendants;

    #[test]
    fn finds_ourselves_below_our_parent() {
        let above = std::os::unix::process::parent_id();
        let found = with_descendants(&[above]);
        assert!(found.first() == Some(&above) && found.contains(&std::process::id()), "{found:?}");
    }
}
