use proptest::prelude::*;

use super::*;

#[test]
fn counts_are_read_with_decimal_units() {
    let counts = [
        ("0", 0),
        ("7", 7),
        ("1_000", 1_000),
        ("5k", 5_000),
        ("5K", 5_000),
        ("10M", 10_000_000),
        ("1.5G", 1_500_000_000),
        ("1.000_5M", 1_000_500),
        ("2T", 2_000_000_000_000),
        ("18446744073709551615", u64::MAX),
    ];
    for (text, count) in counts {
        assert_eq!(parse_count(text), Ok(count), "{text}");
    }
}

#[test]
fn sizes_are_read_with_binary_and_decimal_units() {
    let sizes = [
        ("512", 512),
        ("512B", 512),
        ("64KiB", 65_536),
        ("1.5MiB", 1_572_864),
        ("1GiB", 1 << 30),
        ("2TiB", 2 << 40),
        ("64kB", 64_000),
        ("10MB", 10_000_000),
    ];
    for (text, bytes) in sizes {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
}

#[test]
fn durations_are_read_from_nanoseconds_to_days() {
    let durations = [
        ("0", Duration::ZERO),
        ("0s", Duration::ZERO),
        ("1ns", Duration::from_nanos(1)),
        ("10us", Duration::from_micros(10)),
        ("10µs", Duration::from_micros(10)),
        ("250ms", Duration::from_millis(250)),
        ("1.5s", Duration::from_millis(1_500)),
        ("30s", Duration::from_secs(30)),
        ("5m", Duration::from_secs(300)),
        ("1h", Duration::from_secs(3_600)),
        ("7d", Duration::from_secs(604_800)),
    ];
    for (text, duration) in durations {
        assert_eq!(parse_duration(text), Ok(duration), "{text}");
    }
}

#[test]
fn rates_are_per_second_with_or_without_saying_so() {
    assert_eq!(parse_rate("5000"), Ok(5_000));
    assert_eq!(parse_rate("5000/s"), Ok(5_000));
    assert_eq!(parse_rate("1.2M/s"), Ok(1_200_000));
}

#[test]
fn each_wrong_text_says_what_is_wrong_and_what_would_be_right() {
    let messages = [
        (parse_count("").map(drop), "a count is missing: write a number such as 250, 1_000, 5k, 10M or 1.5G"),
        (
            parse_count("10 000").map(drop),
            "\"10 000\" is not a count: \" 000\" is not a unit of it; write a number such as",
        ),
        (parse_count("ten").map(drop), "\"ten\" is not a count: its digits make no number; write a number such as"),
        (parse_count("1.0001k").map(drop), "\"1.0001k\" is not a count: it must be a whole number; use fewer decimals"),
        (
            parse_count("18446744073709551616").map(drop),
            "too large a count: the most is 18446744073709551615; write less",
        ),
        (
            parse_bytes("64K").map(drop),
            "\"64K\" is not a size: \"K\" is not a unit of it; write bytes such as 512, 64KiB",
        ),
        (
            parse_bytes("16777216TiB").map(drop),
            "\"16777216TiB\" is too large a size: the most is 18446744073709551615 bytes",
        ),
        (
            parse_duration("5").map(drop),
            "\"5\" is not a duration: the unit is missing; write a time such as 100us, 250ms, 30s",
        ),
        (parse_duration("0.5ns").map(drop), "\"0.5ns\" is not a duration: it must be a whole number of nanoseconds"),
        (parse_duration("600000d").map(drop), "\"600000d\" is too large a duration: the most is 584 years"),
        (
            parse_rate("5000/m").map(drop),
            "\"5000/m\" is not a rate: \"/m\" is not a unit of it; write a number a second",
        ),
        (parse_rate("/s").map(drop), "\"/s\" is not a rate: its digits make no number"),
    ];
    for (result, expected) in messages {
        let message = result.expect_err(expected).to_string();
        assert!(message.contains(expected), "{message}\ndoes not say: {expected}");
    }
}

#[test]
fn numbers_that_only_look_like_numbers_are_refused() {
    for text in ["_1", "1_", "1__0", ".5", "5.", "1.2.3", "-1", "+1", " 1", "1 ", "0x10", "1e6", "1,000", "٣", "."] {
        assert!(parse_count(text).is_err(), "{text}");
        assert!(parse_bytes(text).is_err(), "{text}");
    }
    let decimals = format!("0.{}", "0".repeat(UNIT_DECIMALS_MAX + 1));
    assert!(parse_count(&decimals).is_err());
}

#[test]
fn an_error_repeats_only_the_beginning_of_a_long_input() {
    let message = parse_count(&"é".repeat(10_000)).unwrap_err().to_string();
    assert!(message.chars().count() < 200, "{message}");
    let message = parse_count(&format!("1{}", "é".repeat(10_000))).unwrap_err().to_string();
    assert!(message.chars().count() < 250, "{message}");
}

#[test]
fn quantities_are_written_with_the_largest_exact_unit() {
    let counts =
        [(0, "0"), (999, "999"), (1_500, "1500"), (5_000, "5k"), (10_000_000, "10M"), (2_000_000_000_000, "2T")];
    for (count, text) in counts {
        assert_eq!(Count(count).to_string(), text);
    }
    let sizes = [(0, "0B"), (1_500, "1500B"), (65_536, "64KiB"), (1 << 23, "8MiB"), (3 << 40, "3TiB")];
    for (bytes, text) in sizes {
        assert_eq!(Bytes(bytes).to_string(), text);
    }
}

proptest! {
    #[test]
    fn every_quantity_is_read_back_as_it_was_written(value: u64, shift in 0..64) {
        let value: u64 = value >> shift;
        prop_assert_eq!(parse_count(&value.to_string()), Ok(value));
        prop_assert_eq!(parse_count(&Count(value).to_string()), Ok(value));
        prop_assert_eq!(parse_rate(&format!("{}/s", Count(value))), Ok(value));
        prop_assert_eq!(parse_bytes(&Bytes(value).to_string()), Ok(value));
        let duration = Duration::from_nanos(value);
        prop_assert_eq!(parse_duration(&duration.to_string()), Ok(duration));
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "[0-9._]{0,24}[a-zA-Zµ/ ]{0,4}|.*") {
        let _ = (parse_count(&text), parse_bytes(&text), parse_duration(&text), parse_rate(&text));
    }

    #[test]
    fn decimals_shift_the_unit_exactly(whole in 0..1_000_000_u64, thousandths in 0..1_000_u64) {
        let text = format!("{whole}.{thousandths:03}");
        let expected = whole * 1_000 + thousandths;
        prop_assert_eq!(parse_count(&format!("{text}k")), Ok(expected));
        prop_assert_eq!(parse_duration(&format!("{text}s")), Ok(Duration::from_millis(expected)));
    }
}
