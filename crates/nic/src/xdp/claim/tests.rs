use super::*;

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

#[test]
fn a_port_set_holds_what_was_put_in_and_not_taken_out() {
    let mut ports = PortSet::default();
    assert!(ports.is_empty());
    ports.insert(80..=80);
    ports.insert(60_000..=65_535);
    assert!(ports.contains(80) && ports.contains(65_535) && ports.contains(60_000) && !ports.contains(81));
    assert_eq!(ports.len(), 5_537);
    ports.remove(60_000..=65_534);
    assert_eq!(format!("{ports:?}"), "PortSet(2 ports)");
    ports.insert(0..=65_535);
    assert_eq!(ports.len(), 65_536);
}

#[test]
fn a_claim_of_nothing_of_too_much_or_of_nobodys_address_is_refused_with_the_reason() {
    assert_eq!(Claim::new().check(), Err(ClaimError::Nothing));
    assert!(ClaimError::Nothing.to_string().contains("name an address"));
    let many = (0..=XDP_CLAIM_PREFIXES_MAX).fold(Claim::new(), |claim, _| claim.whole(prefix("10.0.0.0/8")));
    let error = many.check().unwrap_err().to_string();
    assert!(error.contains("17 prefixes") && error.contains("16 at most"), "{error}");
    for address in ["224.0.0.1", "0.0.0.0", "255.255.255.255", "ff02::1", "::"] {
        let error = Claim::new().share(ip(address)).check().unwrap_err();
        assert_eq!(error, ClaimError::Nobodys { address: ip(address) });
    }
    assert_eq!(Claim::new().whole(Prefix::ALL).check(), Ok(()));
    assert_eq!(Claim::new().share(ip("10.0.0.1")).ports(80..=80).check(), Ok(()));
}

#[test]
fn the_neighbours_of_an_interface_are_its_networks_without_itself() {
    let interface = Interface {
        name: "va".to_owned(),
        index: 3,
        mac: Default::default(),
        mtu: 1500,
        is_up: true,
        has_carrier: true,
        queues: 2,
        addresses: vec![prefix("10.77.0.1/16"), prefix("fe80::1/64"), prefix("192.0.2.1/32")],
        gateways: Vec::new(),
        program: None,
    };
    let claim = Claim::neighbours_of(&interface);
    assert_eq!(claim.whole_prefixes(), [prefix("10.77.0.0/16"), prefix("fe80::/64")]);
    let exceptions: Vec<Ip> = ["10.77.0.1", "fe80::1", "192.0.2.1", "10.77.255.255"].map(ip).to_vec();
    assert_eq!(claim.exceptions(), exceptions);
    assert_eq!(
        Claim::neighbours_of(&Interface { addresses: Vec::new(), ..interface }).check(),
        Err(ClaimError::Nothing)
    );
}
