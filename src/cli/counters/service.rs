//! A service: what a program connects to or listens on, with the counts of both arms.

use std::fmt;
use std::net::IpAddr;

use tcptune_policy::counters::Arm;

use super::arm::ArmCounts;

/// Which end of its connections the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    Client,
    Server,
}

/// A remote address and port that is connected to, or a port that is listened on.
#[derive(Clone, Debug)]
pub struct Service {
    pub direction: Direction,
    /// None for a server.
    pub address: Option<IpAddr>,
    /// 0 for all that found no place of their own.
    pub port: u16,
    /// In processes that only observe: what they count is not to be taken for what tuned connections do.
    pub observed: bool,
    /// By the number of [`Arm`].
    pub arms: [ArmCounts; 2],
}

impl Service {
    /// A server of which nothing is known, for tests.
    #[cfg(test)]
    pub fn of_port(port: u16) -> Self {
        let arms = [ArmCounts::default(), ArmCounts::default()];
        Self { direction: Direction::Server, address: None, port, observed: false, arms }
    }

    pub fn arm(&self, arm: Arm) -> &ArmCounts {
        &self.arms[arm as usize]
    }

    /// Both arms added up.
    pub fn both(&self) -> ArmCounts {
        let mut sum = self.arms[0].clone();
        sum.add(&self.arms[1]);
        sum
    }

    /// Adds the counts of the same service in another process.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.arms.iter_mut().zip(&other.arms) {
            sum.add(more);
        }
    }

    pub fn key(&self) -> (Direction, Option<IpAddr>, u16) {
        (self.direction, self.address, self.port)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.direction, self.port, self.address) {
            (_, 0, _) => write!(f, "others"),
            (Direction::Server, port, _) => write!(f, "port {port}"),
            (Direction::Client, port, Some(IpAddr::V6(address))) => write!(f, "[{address}]:{port}"),
            (Direction::Client, port, Some(IpAddr::V4(address))) => write!(f, "{address}:{port}"),
            (Direction::Client, port, None) => write!(f, "?:{port}"),
        }
    }
}
