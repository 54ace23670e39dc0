//! Numbers as people read them.

/// What the kernel writes where there is no limit, or more.
const NO_LIMIT: u64 = i64::MAX as u64;

/// With commas: 1,048,576.
pub(crate) fn grouped(number: u64) -> String {
    if number >= NO_LIMIT {
        return "unlimited".to_owned();
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// In the largest unit that leaves at least one, with three digits: 42.8 GB. Units are powers of a thousand, as in `crore plan`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    if number >= NO_LIMIT {
        return "unlimited".to_owned();
    }
    let (mut value, mut at) = (number as f64, 0);
    while value >= 999.5 && at + 1 < UNITS.len() {
        (value, at) = (value / 1_000.0, at + 1);
    }
    let decimals = match value {
        _ if at == 0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {}", UNITS[at])
}

/// One thing, or several of it.
pub(crate) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_sizes_three_digits() {
        assert_eq!([0, 999, 1_000, 1_048_576].map(grouped), ["0", "999", "1,000", "1,048,576"]);
        assert_eq!([0, 999, 3_850, 999_499, 999_500].map(bytes), ["0 B", "999 B", "3.85 kB", "999 kB", "1.00 MB"]);
        assert_eq!([38_500_000_000, 640_000_000_000].map(bytes), ["38.5 GB", "640 GB"]);
        assert_eq!((grouped(u64::MAX), bytes(u64::MAX)), ("unlimited".into(), "unlimited".into()));
        assert_eq!(
            (counted(1, "queue", "queues"), counted(2, "queue", "queues")),
            ("1 queue".into(), "2 queues".into())
        );
    }
}
