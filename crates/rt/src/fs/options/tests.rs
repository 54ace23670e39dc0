use super::*;

/// Options by the bits of a number, as ours and as the standard library's.
fn both(bits: u32) -> (OpenOptions, std::fs::OpenOptions) {
    let on = |bit: u32| bits >> bit & 1 == 1;
    let (mut ours, mut theirs) = (OpenOptions::new(), std::fs::OpenOptions::new());
    ours.read(on(0)).write(on(1)).append(on(2)).truncate(on(3)).create(on(4)).create_new(on(5));
    theirs.read(on(0)).write(on(1)).append(on(2)).truncate(on(3)).create(on(4)).create_new(on(5));
    (ours, theirs)
}

#[test]
fn every_combination_is_what_the_standard_library_makes_of_it() {
    let name = format!("crore-options-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    for bits in 0..64 {
        for is_there in [false, true] {
            let (ours, theirs) = both(bits);
            let prepare = || match is_there {
                true => std::fs::write(&path, "old").expect("the temporary directory can be written to"),
                false => drop(std::fs::remove_file(&path)),
            };
            // What became of the file, and the flags that the descriptor has.
            let seen = |opened: io::Result<std::os::fd::OwnedFd>| {
                let flags = opened.map(|file| rustix::fs::fcntl_getfl(&file).expect("it is open"));
                (flags.map_err(|error| error.kind()), std::fs::read(&path).ok())
            };
            prepare();
            let expected = seen(theirs.open(&path).map(Into::into));
            prepare();
            let opened = ours.to_operation(&path).and_then(|operation| match operation.run().0? {
                super::super::operation::Outcome::Opened(file) => Ok(file),
                other => panic!("{other:?} is no file"),
            });
            assert_eq!(seen(opened), expected, "{ours:?}, is there: {is_there}");
        }
    }
    std::fs::remove_file(&path).ok();
}

#[test]
fn further_flags_do_not_change_how_it_is_opened() {
    let flags = OpenOptions::new().read(true).custom_flags(libc::O_WRONLY | libc::O_NOFOLLOW).flags();
    let flags = flags.expect("it can be read");
    assert_eq!((flags & OFlags::RWMODE, flags.contains(OFlags::NOFOLLOW)), (OFlags::RDONLY, true));
}
