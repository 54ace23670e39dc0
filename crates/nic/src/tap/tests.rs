//! What can be seen without rights. What goes through an interface is in `tests/tap.rs`.

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use super::*;

#[test]
fn without_rights_the_error_says_what_they_are_and_how_to_do_without() {
    // Rights belong to a thread, so the others keep theirs.
    let opened = std::thread::spawn(|| {
        let none = CapabilitySet::empty();
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).unwrap();
        Tap::open("crore-none", 1)
    });
    match opened.join().unwrap() {
        Err(OpenError::System { error, .. }) => println!("skipped: needs /dev/net/tun ({error})"),
        Err(error) => {
            assert!(matches!(error, OpenError::Rights { .. }));
            let text = error.to_string();
            assert!(text.contains("tap:crore-none") && text.contains("CAP_NET_ADMIN"), "{text}");
        }
        Ok(_) => panic!("an interface was made without rights"),
    }
}
