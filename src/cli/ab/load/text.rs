//! Numbers, times and words as load tools print them.

/// What stands behind this on the first line that begins with it, blanks aside.
pub fn behind<'t>(text: &'t str, begin: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.trim_start().strip_prefix(begin)).map(str::trim)
}

/// The first word as a number that is no nonsense: hey prints NaN, redis-benchmark -nan.
pub fn number(text: &str) -> Option<f64> {
    let word = text.split_ascii_whitespace().next()?;
    word.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

pub fn count(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.trim_end_matches([',', '%']).parse().ok()
}

/// A time in milliseconds: "17.00us", "4.36ms", "1m30.5s", "145.082066ms", "92µs". No unit is no time.
pub fn milliseconds(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text.trim(), 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        sum += number.parse::<f64>().ok()? * of_unit(unit)?;
        rest = behind;
    }
    Some(sum)
}

/// How many milliseconds one of these is.
pub fn of_unit(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        "ns" => 1e-6,
        "us" | "µs" | "μs" => 1e-3,
        "ms" => 1.0,
        "s" | "sec" | "secs" => 1e3,
        "m" | "min" => 60e3,
        "h" | "hr" => 3600e3,
        _ => return None,
    })
}

/// Of an HTTP status.
pub fn is_success(code: &str) -> bool {
    code.starts_with(['2', '3'])
}

/// The commands of a script, word by word: split where a shell begins another. What it does not understand has none.
pub fn commands(script: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for word in shell_words::split(script).unwrap_or_default() {
        let ends = word.ends_with(';');
        match word.as_str() {
            "|" | "||" | "&&" | "&" | ";" => all.push(Vec::new()),
            "exec" => {}
            word => all.last_mut().into_iter().for_each(|words| words.push(word.trim_end_matches(';').to_owned())),
        }
        if ends && word != ";" {
            all.push(Vec::new());
        }
    }
    all.retain(|words| !words.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::{commands, count, milliseconds, number};

    #[test]
    fn times_have_units() {
        for (text, ms) in [
            ("17.00us", Some(0.017)),
            ("4.36ms", Some(4.36)),
            ("1.50s", Some(1500.0)),
            ("1.02m", Some(61_200.0)),
            ("1m30.5s", Some(90_500.0)),
            ("1h0m0.5s", Some(3_600_500.0)),
            ("92µs", Some(0.092)),
            ("250ns", Some(0.00025)),
            ("0s", Some(0.0)),
            ("12", None),
            ("", None),
            ("fast", None),
            ("3 apples", None),
        ] {
            let read = milliseconds(text);
            let same = match (read, ms) {
                (Some(read), Some(ms)) => (read - ms).abs() < 1e-9 * ms.max(1.0),
                (read, ms) => read == ms,
            };
            assert!(same, "{text}: {read:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(
            (number("12.5 secs"), number("NaN secs"), number("-nan"), number("")),
            (Some(12.5), None, None, None)
        );
        assert_eq!((count("5 (0.1%)"), count("0,"), count("x")), (Some(5), Some(0), None));
    }

    #[test]
    fn a_script_is_its_commands() {
        let first =
            |script: &str| -> Vec<String> { commands(script).into_iter().map(|words| words[0].clone()).collect() };
        assert_eq!(
            first("cd /srv; echo GET http://x/ | vegeta attack && exec vegeta report"),
            ["cd", "echo", "vegeta", "vegeta"]
        );
        assert_eq!(first("echo 'unclosed"), Vec::<String>::new());
    }
}
