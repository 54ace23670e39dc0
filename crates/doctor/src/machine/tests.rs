//! Texts of the kernel's, and what is none of them.

use super::*;

#[test]
fn lists_of_processors_are_read_and_nonsense_is_none() {
    assert_eq!(processors("0"), Some(vec![0]));
    assert_eq!(processors("0-2,8,10-11"), Some(vec![0, 1, 2, 8, 10, 11]));
    for wrong in ["", "a", "0-", "0-99999999999", "3;4"] {
        assert_eq!(processors(wrong), None, "{wrong}");
    }
}

#[test]
fn words_for_no_limit_are_the_largest_number() {
    assert_eq!(
        [limit("max"), limit("unlimited"), limit("12"), limit("-1")],
        [Some(u64::MAX), Some(u64::MAX), Some(12), None]
    );
}

#[test]
fn the_machine_that_this_runs_on_can_be_read() {
    let machine = Machine::here();
    assert!(machine.line("/proc/meminfo", "MemTotal").is_some_and(|bytes| bytes > 1 << 20));
    assert!(machine.setting("kernel.osrelease").is_some_and(|release| release.contains('.')));
    let process = Process::of(&machine);
    assert!(process.descriptors.is_some_and(|range| range.soft > 0 && range.hard >= range.soft));
    assert!(process.processors >= 1);
}

#[test]
fn what_is_not_there_is_none_and_is_not_made_by_writing() {
    let machine = Machine::at("/nowhere/at/all");
    assert_eq!(machine.text("/proc/meminfo"), None);
    assert_eq!(machine.names("/sys/class/net"), Vec::<String>::new());
    assert_eq!(machine.write("/proc/sys/vm/swappiness", "1").unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!Process::of(&machine).may(Capability::NetAdmin));
}
