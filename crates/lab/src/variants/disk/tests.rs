use super::*;

#[test]
fn an_aligned_read_gives_the_same_bytes_as_any_other() {
    let path = std::env::temp_dir().join(format!("crore-lab-disk-{}", std::process::id()));
    let bytes: Vec<u8> = (0..40_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for (at, length) in [(0, 1), (0, 4_096), (1, 4_096), (4_095, 2), (8_192, 20_000), (39_999, 1)] {
        let expected = &bytes[at as usize..at as usize + length];
        assert_eq!(read(&file, at, length).unwrap(), expected, "{length} bytes at {at}");
        assert_eq!(read_aligned(&file, at, length).unwrap(), expected, "{length} bytes at {at}, aligned");
    }
    assert_eq!(read_aligned(&file, 39_999, 2).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}
