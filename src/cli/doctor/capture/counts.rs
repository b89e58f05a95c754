//! What a capture consists of.

use schemars::JsonSchema;
use serde::Serialize;

use super::packets::Frame;

/// Packets by what they were to us.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Captured {
    pub file: String,
    pub packets: u64,
    /// Of these: segments of TCP ...
    pub segments: u64,
    /// ... of which so many were captured twice,
    pub copies: u64,
    /// pieces of packets,
    pub fragments: u64,
    /// packets of which too little was kept,
    pub cut: u64,
    /// and packets with a first header that is not read, with its number.
    pub unknown: u64,
    pub unknown_link: Option<i32>,
}

impl Captured {
    pub fn count(&mut self, frame: &Frame) {
        self.packets += 1;
        match frame {
            Frame::Tcp(_) => self.segments += 1,
            Frame::Other => {}
            Frame::Cut => self.cut += 1,
            Frame::Fragment => self.fragments += 1,
            Frame::UnknownLink(link) => {
                self.unknown += 1;
                self.unknown_link = Some(*link);
            }
        }
    }
}
