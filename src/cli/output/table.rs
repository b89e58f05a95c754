//! Tables that fit: where the room is too small for all columns, those that matter least are left out, and long cells are cut.

use super::text::{KEPT, with_units_kept};

/// What becomes of a cell that is longer than its column.
#[derive(Clone, Copy, Debug)]
enum Long {
    /// The column is as wide as its longest cell.
    Whole,
    /// It is cut at its end, but to no less than so many characters.
    Cut(usize),
    /// In its middle: of an address both ends matter.
    Middle(usize),
    /// It takes several lines.
    Wrap(usize),
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column<'t> {
    pub title: &'t str,
    /// Numbers are set to the right.
    right: bool,
    /// 0: always there. Others come, the lowest first, as long as there is room for all that have the same rank.
    rank: u8,
    long: Long,
    /// As wide as this where there is room, however short its cells are.
    wide: usize,
}

impl<'t> Column<'t> {
    pub const fn right(title: &'t str, rank: u8) -> Self {
        Self { title, right: true, rank, long: Long::Whole, wide: 0 }
    }

    pub const fn left(title: &'t str, rank: u8) -> Self {
        Self { title, right: false, rank, long: Long::Whole, wide: 0 }
    }

    pub const fn cut(self, least: usize) -> Self {
        Self { long: Long::Cut(least), ..self }
    }

    pub const fn middle(self, least: usize) -> Self {
        Self { long: Long::Middle(least), ..self }
    }

    pub const fn wrap(self, least: usize) -> Self {
        Self { long: Long::Wrap(least), ..self }
    }

    pub const fn at_least(self, wide: usize) -> Self {
        Self { wide, ..self }
    }

    fn least(&self, longest: usize) -> usize {
        match self.long {
            Long::Whole => longest,
            Long::Cut(least) | Long::Middle(least) => least.max(width(self.title)),
            Long::Wrap(least) => least,
        }
        .min(longest)
    }

    /// A cell as its lines.
    fn cell(&self, text: &str, room: usize) -> Vec<String> {
        match self.long {
            Long::Middle(_) => vec![cut_middle(text, room)],
            Long::Wrap(_) if width(text) > room => {
                let depth = text.len() - text.trim_start().len();
                let indent = " ".repeat(depth + 2);
                textwrap::wrap(&with_units_kept(text), textwrap::Options::new(room).subsequent_indent(&indent))
                    .into_iter()
                    .map(|line| line.replace(KEPT, " "))
                    .collect()
            }
            _ => vec![cut(text, room)],
        }
    }
}

/// Blanks between columns.
pub const GAP: usize = 2;

/// The width of each column, 0 where it is left out. `wanted`: of the longest cell or title. `ranks`: of each column.
pub fn fit(wanted: &[usize], least: &[usize], ranks: &[u8], gap: usize, room: usize) -> Vec<usize> {
    let mut widths = vec![0; wanted.len()];
    let mut used = 0;
    let mut order: Vec<u8> = ranks.to_vec();
    order.sort_unstable();
    order.dedup();
    for rank in order {
        let group = || (0..wanted.len()).filter(|&at| ranks[at] == rank);
        let more: usize = group().map(|at| least[at] + gap).sum();
        if rank == 0 || used + more <= room.saturating_add(gap) {
            group().for_each(|at| widths[at] = least[at]);
            used += more;
        }
    }
    // What is left goes to what was cut, in turns.
    let mut left = room.saturating_add(gap).saturating_sub(used);
    loop {
        let short: Vec<usize> = (0..wanted.len()).filter(|&at| widths[at] > 0 && widths[at] < wanted[at]).collect();
        if short.is_empty() || left == 0 {
            return widths;
        }
        let share = (left / short.len()).max(1);
        for at in short {
            let more = share.min(wanted[at] - widths[at]).min(left);
            widths[at] += more;
            left -= more;
        }
    }
}

/// A table as text: the titles, and each row.
pub struct Lines {
    pub head: String,
    /// A row has several lines where a cell of it has.
    pub rows: Vec<String>,
}

/// The table in so much room.
pub fn lines<'c>(columns: &[Column<'_>], rows: impl IntoIterator<Item = &'c [String]> + Clone, room: usize) -> Lines {
    let longest = |at: usize| {
        let longest = rows.clone().into_iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max();
        longest.unwrap_or(0).max(width(columns[at].title))
    };
    let longest: Vec<usize> = (0..columns.len()).map(longest).collect();
    let least: Vec<usize> = columns.iter().zip(&longest).map(|(column, longest)| column.least(*longest)).collect();
    let wanted: Vec<usize> = columns.iter().zip(&longest).map(|(column, longest)| column.wide.max(*longest)).collect();
    let ranks: Vec<u8> = columns.iter().map(|column| column.rank).collect();
    let widths = fit(&wanted, &least, &ranks, GAP, room);
    let titles: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
    Lines {
        head: joined(columns, &titles, &widths),
        rows: rows.into_iter().map(|row| joined(columns, row, &widths)).collect(),
    }
}

fn joined(columns: &[Column<'_>], cells: &[String], widths: &[usize]) -> String {
    let cells: Vec<(&Column<'_>, Vec<String>, usize)> = columns
        .iter()
        .zip(cells)
        .zip(widths)
        .filter(|(_, room)| **room > 0)
        .map(|((column, cell), &room)| (column, column.cell(cell, room), room))
        .collect();
    let height = cells.iter().map(|(_, lines, _)| lines.len()).max().unwrap_or(0);
    let line = |number: usize| {
        let mut text = String::new();
        for (column, lines, room) in &cells {
            let cell = lines.get(number).map_or("", String::as_str);
            let blanks = " ".repeat(room.saturating_sub(width(cell)));
            text.extend(if column.right { [blanks.as_str(), cell] } else { [cell, blanks.as_str()] });
            text.push_str(&" ".repeat(GAP));
        }
        text.truncate(text.trim_end().len());
        text
    };
    (0..height).map(line).collect::<Vec<String>>().join("\n")
}

/// How many columns of a terminal it takes.
pub fn width(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// No more than so many columns; what was cut off is marked.
pub fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used >= room {
            break;
        }
        short.push(c);
    }
    if room > 0 {
        short.push('…');
    }
    short
}

fn cut_middle(text: &str, room: usize) -> String {
    let count = text.chars().count();
    if count <= room || room == 0 {
        return cut(text, room);
    }
    let before = (room - 1) / 2;
    let after = room - 1 - before;
    text.chars().take(before).chain(['…']).chain(text.chars().skip(count - after)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Column, cut, fit, lines, width};

    const COLUMNS: [Column<'static>; 4] = [
        Column::left("ADDRESS", 0).middle(10),
        Column::right("RTT", 2),
        Column::right("UNSENT", 1),
        Column::left("COMMAND", 0).cut(8),
    ];

    fn table(room: usize) -> Vec<String> {
        let row = ["192.168.100.100:50000", "0.12 ms", "17", "imap-hibernate"].map(str::to_owned);
        let lines = lines(&COLUMNS, [row.as_slice()], room);
        [vec![lines.head], lines.rows].concat()
    }

    #[test]
    fn columns_go_by_their_rank() {
        assert_eq!(table(80)[1], "192.168.100.100:50000  0.12 ms      17  imap-hibernate");
        assert_eq!(table(54), table(80));
        assert_eq!(table(53)[1], "192.168.1….100:50000  0.12 ms      17  imap-hibernate");
        assert_eq!(table(35), ["ADDRESS         UNSENT  COMMAND", "192.16…0:50000      17  imap-hiber…"]);
        assert!(table(28).iter().all(|line| !line.contains("RTT")));
        assert!(table(22)[0].contains("COMMAND") && !table(22)[0].contains("UNSENT"));
    }

    #[test]
    fn no_line_is_longer_than_the_room_and_the_command_stays() {
        for room in 20..100 {
            for line in table(room) {
                assert!(width(&line) <= room, "{room}: {line}");
            }
            assert!(table(room)[1].contains("imap-h"), "{room}");
        }
    }

    #[test]
    fn what_has_one_rank_comes_together() {
        assert_eq!(fit(&[4, 3, 3], &[4, 3, 3], &[0, 1, 1], 1, 11), [4, 0, 0]);
        assert_eq!(fit(&[4, 3, 3], &[4, 3, 3], &[0, 1, 1], 1, 12), [4, 3, 3]);
    }

    #[test]
    fn a_cell_may_take_several_lines() {
        let columns = [Column::left("", 0).wrap(12), Column::right("TUNED", 0).wrap(9)];
        let row = ["  held for more than a millisecond", "12 (wait 3, end 9)"].map(str::to_owned);
        assert_eq!(
            lines(&columns, [row.as_slice()], 30).rows,
            ["  held for more    12 (wait 3,\n    than a              end 9)\n    millisecond"]
        );
        assert_eq!(lines(&columns, [row.as_slice()], 80).rows[0].lines().count(), 1);
    }

    #[test]
    fn text_is_cut_by_what_it_takes_on_the_screen() {
        assert_eq!((cut("short", 5).as_str(), cut("longer", 5).as_str()), ("short", "long…"));
        assert_eq!((cut("日本語", 5).as_str(), width(&cut("日本語", 5))), ("日本…", 5));
        assert_eq!(cut("x", 0), "");
    }
}
