use super::*;

#[test]
fn attributes_are_read_as_they_were_written() {
    let mut bytes = Vec::new();
    put(&mut bytes, 3, b"lo\0");
    put_nested(&mut bytes, 4, |inside| put(inside, 9, &7_u32.to_ne_bytes()));
    put(&mut bytes, 5, &[]);
    assert!(bytes.len().is_multiple_of(4));
    let kinds: Vec<u16> = attributes(&bytes).map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [3, 4, 5]);
    assert_eq!(attribute(&bytes, 3), Some(&b"lo\0"[..]));
    assert_eq!(number(attribute(&bytes, 4).unwrap(), 9), Some(7));
    assert_eq!(number(&bytes, 3), None);
}

#[test]
fn attributes_cut_anywhere_end_the_list_and_nothing_else() {
    let mut bytes = Vec::new();
    put(&mut bytes, 1, &[1; 5]);
    put(&mut bytes, 2, &[2; 8]);
    for length in 0..bytes.len() {
        assert!(attributes(&bytes[..length]).count() <= 2);
    }
    // A length that is smaller than its own header ends the list instead of going round for ever.
    assert_eq!(attributes(&[0, 0, 1, 0, 0, 0, 1, 0]).count(), 0);
}

#[test]
fn an_answer_ends_with_done_or_an_error_number() {
    let message = |kind: u16, body: &[u8]| {
        let mut bytes = ((HEADER_BYTES + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(body);
        bytes
    };
    let mut seen = 0;
    let mut each = |_: &[u8]| seen += 1;
    assert_eq!(read_messages(&message(16, &[1; 4]), &mut each), None);
    let both = [message(16, &[1; 4]), message(KIND_DONE, &[0; 4])].concat();
    assert_eq!(read_messages(&both, &mut each), Some(Ok(())));
    let refused = message(KIND_ERROR, &(-19_i32).to_ne_bytes());
    assert_eq!(read_messages(&refused, &mut each), Some(Err(Errno::NODEV)));
    assert_eq!(read_messages(&message(KIND_ERROR, &[0; 4]), &mut each), Some(Ok(())));
    assert_eq!(read_messages(&message(KIND_ERROR, &[0x7f; 4]), &mut each), Some(Err(Errno::PROTO)));
    for length in HEADER_BYTES..both.len() {
        let _whatever = read_messages(&both[..length], &mut each);
    }
    let lying = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(read_messages(&lying, &mut each), Some(Err(Errno::PROTO)));
    assert!(seen >= 2);
}
