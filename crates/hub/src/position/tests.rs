//! Positions as text.

use super::*;

fn epoch(text: &str) -> Epoch {
    text.parse().expect("a valid epoch")
}

#[test]
fn a_position_reads_back_what_it_printed() {
    let position = Position { offset: 42, epoch: epoch("abcdEFGH") };
    assert_eq!(position.to_string(), "abcdEFGH:42");
    assert_eq!(position.to_string().parse(), Ok(position));
}

#[test]
fn malformed_positions_are_told_apart() {
    let table = [
        ("", PositionError::NoColon),
        ("abcdefgh", PositionError::NoColon),
        (":1", PositionError::EpochLength(0)),
        ("abc:1", PositionError::EpochLength(3)),
        ("abcdefg1:1", PositionError::EpochLetters),
        ("abcdefgé:1", PositionError::EpochLength(9)),
        ("abcdefgh:", PositionError::Offset),
        ("abcdefgh:+1", PositionError::Offset),
        ("abcdefgh:-1", PositionError::Offset),
        ("abcdefgh: 1", PositionError::Offset),
        ("abcdefgh:1:2", PositionError::Offset),
        ("abcdefgh:18446744073709551616", PositionError::Offset),
    ];
    for (text, error) in table {
        assert_eq!(text.parse::<Position>(), Err(error), "{text:?}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn random_epochs_are_letters_and_differ() {
    let mut rng = Rng::from_seed(1);
    let first = Epoch::random(&mut rng);
    let second = Epoch::random(&mut rng);
    assert_ne!(first, second);
    assert_eq!(epoch(first.as_str()), first);
}

#[test]
fn an_empty_epoch_matches_every_stream_and_a_foreign_one_none() {
    let mut rng = Rng::from_seed(2);
    let stream = Epoch::random(&mut rng);
    assert!(Since::new(3, "").is_of(stream));
    assert!(Since::new(3, stream.as_str()).is_of(stream));
    assert!(!Since::new(3, "0123").is_of(stream));
    assert!(!Since::new(3, Epoch::FOREIGN.as_str()).is_of(stream));
}
