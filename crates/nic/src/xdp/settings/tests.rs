use super::*;

fn settings(queues: u16, only: &[u16]) -> XdpSettings {
    XdpSettings { only: only.to_vec(), ..XdpSettings::new(Claim::new(), queues) }
}

#[test]
fn queues_are_all_of_an_interface_or_those_that_are_named() {
    let chosen = |queues, only: &[u16], has| settings(queues, only).channels(has).map_err(|error| error.to_string());
    assert_eq!(chosen(2, &[], 2), Ok(vec![0, 1]));
    assert_eq!(chosen(2, &[3, 1], 4), Ok(vec![3, 1]));
    let count = chosen(1, &[], 2).unwrap_err();
    assert!(count.contains("1 queues were asked for and the interface has 2"), "{count}");
    assert!(count.contains("use 2 cores") && count.contains("combined 1"), "{count}");
    assert!(chosen(3, &[], 2).unwrap_err().contains("has 2"));
    assert!(chosen(2, &[0], 2).unwrap_err().contains("[0] were named and 2 asked for"));
    assert!(chosen(2, &[0, 0], 2).unwrap_err().contains("each once"));
    assert!(chosen(2, &[0, 2], 2).unwrap_err().contains("no queue 2: it has 2"));
}

#[test]
fn rings_have_a_power_of_two_within_bounds() {
    let sized = |ring_frames| {
        let settings = XdpSettings { ring_frames, ..settings(1, &[]) };
        settings.checked_ring_frames().map_err(|error| error.to_string())
    };
    for good in [XDP_RING_FRAMES_MIN, XDP_RING_FRAMES, XDP_RING_FRAMES_MAX] {
        assert_eq!(sized(good), Ok(good));
    }
    for bad in [0, 1, XDP_RING_FRAMES_MIN / 2, 33, 3000, XDP_RING_FRAMES_MAX * 2, u32::MAX] {
        let said = sized(bad).unwrap_err();
        assert!(said.contains(&format!("{bad} entries")) && said.contains("from 32 to 16384"), "{said}");
    }
}
