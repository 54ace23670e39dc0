use super::*;

fn log(name: &str) -> (Log, std::path::PathBuf) {
    let path = std::env::temp_dir().join(format!("crore-lab-records-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    (Log { file, bytes: 0, places: HashMap::new() }, path)
}

#[test]
fn what_was_appended_is_read_back_and_what_is_not_kept_is_refused() {
    let (mut log, path) = log("kept");
    let turn = |writer, record, back| Turn { writer, record, back };
    let expected = |writer, record| Ok(pattern(place_in_pattern(writer, record), RECORD_BYTES));
    let answers = log.take(&[turn(1, 0, 0), turn(2, 0, 0), turn(1, 1, 0)]);
    assert_eq!(answers, [expected(1, 0), expected(2, 0), expected(1, 0)]);
    assert_eq!(log.bytes, 3 * RECORD_BYTES as u64);
    for record in 2..2 + RECORDS_KEPT {
        let back = record - (RECORDS_KEPT - 1).min(record);
        assert_eq!(log.take(&[turn(1, record, back)]), [expected(1, back)]);
    }
    let refused = log.take(&[turn(2, 1, 7)]).remove(0).unwrap_err();
    assert!(refused.contains("record 7 of writer 2"), "{refused}");
    // The bytes on the disk are the records, in the order in which they came.
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes[RECORD_BYTES..2 * RECORD_BYTES], expected(2, 0).unwrap()[..]);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_bound_that_is_reached_is_told_and_nothing_is_appended() {
    let (mut log, path) = log("bound");
    log.bytes = RECORDS_FILE_BYTES_MAX;
    let refused = log.take(&[Turn { writer: 1, record: 0, back: 0 }]).remove(0).unwrap_err();
    assert!(refused.contains("full"), "{refused}");
    log.bytes = 0;
    let many: Vec<Turn> = (0..=WRITERS_MAX as u32).map(|writer| Turn { writer, record: 0, back: 0 }).collect();
    let refused = log.take(&many).remove(0).unwrap_err();
    assert!(refused.contains("writers") && log.bytes == 0, "{refused}");
    std::fs::remove_file(&path).unwrap();
}
