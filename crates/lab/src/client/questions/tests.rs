use super::*;

#[test]
fn no_two_numbers_ask_for_the_same_echo() {
    let mut seen = std::collections::HashSet::new();
    for number in 0..10_000 {
        let question = Questions::Echo.question(number);
        assert_eq!(question.request.len(), ECHO_BYTES);
        assert!(seen.insert(question.request.to_vec()), "number {number} was there before");
    }
}

#[test]
fn an_answer_may_come_in_any_pieces_and_one_wrong_byte_is_seen() {
    for questions in [Questions::Echo, Questions::hello(), Questions::Disk] {
        let Question { request, expected } = questions.question(77);
        let length = expected.length(&request);
        let right: Vec<u8> = match &expected {
            Expected::Same => request.to_vec(),
            Expected::Text(text) => text.clone().into_bytes(),
            Expected::Pattern(range) => range.clone().map(pattern_byte).collect(),
        };
        for size in [1, 7, 13, right.len()] {
            let mut at = 0;
            for piece in right.chunks(size) {
                assert!(expected.holds(&request, at, piece));
                at += piece.len() as u64;
            }
            assert_eq!(at, length);
        }
        let mut wrong = right;
        *wrong.last_mut().unwrap() ^= 1;
        assert!(!expected.holds(&request, 0, &wrong));
        assert!(!expected.holds(&request, length, b"x"), "nothing comes after the end");
    }
}

#[test]
fn of_ten_questions_of_the_full_load_one_is_a_transaction_and_one_a_record_and_each_knows_its_answer() {
    for connection in [0, 7, 499] {
        let (mut counts, mut records) = (std::collections::HashMap::new(), 0);
        for asked in 0..2_000 {
            let number = connection << 32 | asked;
            let Question { request, expected } = Questions::Full.question(number);
            let request = String::from_utf8_lossy(&request).into_owned();
            match (Questions::Full.kind(number), expected) {
                (Kind::Plain, Expected::Text(text)) => assert_eq!(text, "Hello, World!"),
                (Kind::Database, Expected::Text(text)) => {
                    let row = request.split(['=', ' ']).nth(2).unwrap().to_owned();
                    let count = counts.entry(row.clone()).or_insert(0);
                    *count += 1;
                    assert_eq!(text, format!("row {row} count {count}\n"));
                }
                (Kind::Disk, Expected::Pattern(range)) => {
                    assert!(request.contains(&format!("writer={connection}&record={records}&back=")), "{request}");
                    let kept = RECORDS_KEPT.min(records + 1);
                    let back = (records + 1 - kept..=records).map(|back| place_in_pattern(connection as u32, back));
                    assert!(back.into_iter().any(|at| at == range.start));
                    records += 1;
                }
                _ => panic!("{request} is answered with something else"),
            }
        }
        assert_eq!((counts.values().sum::<u64>(), records), (200, 200));
    }
}

fn pattern_byte(at: u64) -> u8 {
    scatter(at / 8).to_le_bytes()[(at % 8) as usize]
}

#[test]
fn the_digest_that_is_expected_is_that_of_the_body_that_is_sent() {
    let questions = Questions::digests();
    for number in 0..DIGEST_BODIES {
        let Question { request, expected: Expected::Text(text) } = questions.question(number) else {
            panic!("a digest is text");
        };
        let body = &request[request.len() - DIGEST_BYTES..];
        let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((text.len(), text), (64, digest));
    }
}

#[test]
fn slices_lie_inside_of_the_file() {
    for number in 0..1_000 {
        let Question { request, expected: Expected::Pattern(range) } = Questions::Disk.question(number) else {
            panic!("a slice is a pattern");
        };
        assert!(range.end <= DISK_FILE_BYTES && range.start.is_multiple_of(DISK_SLICE_BYTES));
        assert!(String::from_utf8_lossy(&request).contains(&format!("at={}&", range.start)));
    }
}
