//! What children that have ended had used (getrusage(2)): unlike `/proc` it also knows threads that are gone.
//!
//! It counts children that were waited for, and theirs. A model that has the system collect its children (`SIGCHLD` ignored) loses
//! what those used.

/// Context switches, voluntary or not, of all children of this process that have ended and were waited for.
pub(crate) fn context_switches() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is to a place of ours that is as large as a `rusage`, which the call only writes.
    let result = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) };
    assert_eq!(result, 0, "getrusage fails for an unknown `who` or a bad address only");
    // SAFETY: the call has succeeded, so all of it is written.
    let usage = unsafe { usage.assume_init() };
    u64::try_from(usage.ru_nvcsw + usage.ru_nivcsw).expect("a count is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_that_has_waited_adds_its_switches_when_it_has_ended() {
        let before = context_switches();
        // Each of the inner commands is waited for by the shell, which sleeps meanwhile.
        assert!(Command::new("sh").args(["-c", "ls / >/dev/null; ls / >/dev/null; true"]).status().unwrap().success());
        assert!(context_switches() >= before + 2);
    }
}
