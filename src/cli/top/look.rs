//! The colours, and the frames with titles.

use ratatui::style::{Color, Style};
use ratatui::text::Span;
use ratatui::widgets::{Block, BorderType};

pub const ACCENT: Color = Color::Cyan;
pub const TUNED: Color = Color::Green;
pub const UNTOUCHED: Color = Color::Yellow;
pub const ALARM: Color = Color::LightRed;
pub const QUIET: Style = Style::new().fg(Color::DarkGray);

/// A frame with a title.
pub fn framed(title: &str) -> Block<'_> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(QUIET)
        .title(Span::styled(title, Style::new().fg(Color::White).bold()))
}
