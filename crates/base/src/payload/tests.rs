use super::*;

fn is_send_and_sync<T: Send + Sync>(_: &T) {}

#[test]
fn clones_share_the_bytes_and_are_counted() {
    let payload = Payload::from(b"tick");
    let other = payload.clone();
    assert_eq!((payload.holders(), other.holders()), (2, 2));
    assert!(payload.is_same(&other));
    assert_eq!(payload.as_ptr(), other.as_ptr());
    drop(other);
    assert_eq!(payload.holders(), 1);
}

#[test]
fn every_form_of_bytes_becomes_the_same_payload() {
    let expected = Payload::from(&b"news"[..]);
    let forms = [
        Payload::from(b"news"),
        Payload::from("news"),
        Payload::from(String::from("news")),
        Payload::from(b"news".to_vec()),
        Payload::from(b"news".to_vec().into_boxed_slice()),
    ];
    for form in forms {
        assert_eq!(form, expected);
        assert!(!form.is_same(&expected));
        assert_eq!(form, b"news"[..]);
    }
    assert!(Payload::default().is_empty());
}

#[test]
fn a_payload_travels_to_another_core_as_a_parcel_with_the_same_bytes() {
    let payload = Payload::from(vec![7; 1_000]);
    let parcel = payload.to_parcel();
    is_send_and_sync(&parcel);
    assert_eq!(payload.holders(), 1, "a parcel is a copy and holds nothing of its payload");
    let arrived = std::thread::spawn(move || parcel.to_payload().to_vec()).join().unwrap();
    assert_eq!(payload, arrived[..]);
}

#[test]
fn a_holder_is_two_words() {
    assert_eq!((size_of::<Payload>(), size_of::<Option<Payload>>()), (16, 16));
    assert_eq!((size_of::<Parcel>(), size_of::<Option<Parcel>>()), (16, 16));
}

#[test]
fn the_debug_form_is_bounded_and_readable() {
    assert_eq!(format!("{:?}", Payload::from(b"a\n\xff")), r#"Payload(3 bytes: "a\n\xff")"#);
    let long = format!("{:?}", Parcel::from(vec![b'x'; 1_000_000]));
    assert_eq!(long, format!("Parcel(1000000 bytes: \"{}\"...)", "x".repeat(PAYLOAD_DEBUG_BYTES_MAX)));
}
