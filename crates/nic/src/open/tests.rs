use super::*;

fn name(text: &str) -> Result<DeviceName, String> {
    text.parse().map_err(|error: OpenError| error.to_string())
}

#[test]
fn names_are_read_and_shown_as_users_write_them() {
    for text in ["wire:blue", "wire:a.b-c_9", "tap:tap0", "xdp:eth0", "xdp:eth0:0:3"] {
        assert_eq!(name(text).unwrap().to_string(), text);
    }
    assert_eq!(name("wire:blue"), Ok(DeviceName::Wire("blue".to_owned())));
    assert_eq!(name("tap:t"), Ok(DeviceName::Tap("t".to_owned())));
    assert_eq!(name("xdp:e:1:0"), Ok(DeviceName::Xdp { interface: "e".to_owned(), only: vec![1, 0] }));
}

#[test]
fn a_name_of_no_kind_says_which_kinds_there_are() {
    for text in ["", "wire", "eth0", "XDP:eth0", "WIRE:x", "wires:x", ":x"] {
        let error = name(text).unwrap_err();
        assert!(
            error.contains(&format!("`{text}`")) && error.contains("wire:NAME") && error.contains("tap:NAME"),
            "{error}"
        );
    }
}

#[test]
fn the_part_after_the_colon_must_be_a_plain_word_of_bounded_length() {
    let long = "x".repeat(WIRE_NAME_BYTES_MAX + 1);
    for word in ["", "a b", "a/b", "a\0b", "..", "ä", "a:b", &long] {
        assert!(name(&format!("wire:{word}")).unwrap_err().contains("letters, digits"), "{word}");
    }
    assert!(name(&format!("wire:{}", &long[1..])).is_ok());
    assert!(name("tap:fifteen-letters").is_ok());
    assert!(name("tap:sixteen-letters_").unwrap_err().contains("1 to 15"));
}

#[test]
fn queues_of_an_interface_are_numbers() {
    for part in ["", "x", "-1", "65535", "99999", "0,1"] {
        let error = name(&format!("xdp:eth0:{part}")).unwrap_err();
        assert!(error.contains(&format!("`{part}`")) && error.contains("xdp:NAME:0:1"), "{error}");
    }
    let many = format!("xdp:eth0{}", ":1".repeat(65));
    assert!(name(&many).unwrap_err().contains("65 queues"));
}

#[test]
fn a_device_of_dpdk_is_any_device_string_in_a_program_that_was_built_with_it() {
    let given = name("dpdk:net_memif0,role=server,socket=/run/x.sock");
    if cfg!(feature = "dpdk") {
        assert_eq!(given, Ok(DeviceName::Dpdk("net_memif0,role=server,socket=/run/x.sock".to_owned())));
        assert_eq!(name("dpdk:0000:03:00.0").unwrap().to_string(), "dpdk:0000:03:00.0");
        assert!(name("dpdk:tap0").unwrap_err().contains("dpdk:tap0: no device string"));
    } else {
        let error = given.unwrap_err();
        assert!(error.starts_with("dpdk:net_memif0,role=server,socket=/run/x.sock: "), "{error}");
        assert!(error.contains("libdpdk-dev") && error.contains("cargo build --release --features dpdk"), "{error}");
    }
}

#[test]
fn a_device_has_one_to_sixty_four_queues() {
    for queues in [0, QUEUES_MAX + 1] {
        for device in ["wire:queues", "tap:queues", "xdp:lo"] {
            let error = open(device, queues).err().unwrap().to_string();
            assert!(error.contains(&format!("{queues} queues")), "{error}");
        }
    }
}

#[test]
fn errors_say_what_to_do() {
    let name = || "wire:blue".to_owned();
    let others = (0..20).map(|n| format!("wire:{n}")).collect();
    let nobody = OpenError::Nobody { name: name(), others }.to_string();
    assert!(
        nobody.contains("start that end first") && nobody.contains("wire:7") && !nobody.contains("wire:8"),
        "{nobody}"
    );
    let alone = OpenError::Nobody { name: name(), others: Vec::new() }.to_string();
    assert!(alone.contains("no wire has a host"), "{alone}");
    let rights = OpenError::Rights { name: name(), what: "open a queue" }.to_string();
    assert!(rights.contains("CAP_NET_ADMIN") && rights.contains("ip tuntap add"), "{rights}");
}
