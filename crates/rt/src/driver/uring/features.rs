//! What the kernel's io_uring can do, found out by asking, and what is done without; and the sizes of a ring.

use std::io;

use crore_base::time::Duration;
use io_uring::{IoUring, Probe, opcode};

use crate::limits::{
    URING_BUFFERS, URING_BUFFERS_MAX, URING_COMPLETIONS_PER_ENTRY, URING_ENTRIES, URING_ENTRIES_MAX,
    URING_FILE_THREADS_MAX, URING_FILES, URING_FILES_MAX, URING_ZERO_COPY_FROM,
};

/// Settings of the I/O model `uring`, for each core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UringOptions {
    /// Places in the submission queue, a power of two from 8 to 32,768: so many operations leave with one system call at most. 1,024
    /// by default.
    pub entries: u32,
    /// Receive buffers provided ahead, 16 KiB each, a power of two from 8 to 32,768. They bound what can be received in one turn,
    /// and are all the memory for it. 256 by default.
    pub buffers: u16,
    /// Places for sockets in one ring's table, 1 to 1,048,576; a core that needs more opens another ring. The kernel gives at most as
    /// many as the process may have descriptors. 65,536 by default.
    pub files: u32,
    /// Whether sockets live in the table, where the limit of descriptors does not count them (the default), or are descriptors.
    pub direct: bool,
    /// Payloads of so many bytes and more are sent without a copy; none: never (the default, see
    /// [`URING_ZERO_COPY_FROM`](crate::limits::URING_ZERO_COPY_FROM)).
    pub zero_copy_from: Option<u32>,
    /// Has a thread of the kernel take what is submitted (`IORING_SETUP_SQPOLL`), which sleeps when there was nothing for so long;
    /// none, the default: system calls do. For machines with processors to spare.
    pub kernel_thread: Option<Duration>,
    /// How long a core looks for completions before it sleeps; zero by default.
    pub busy_poll: Duration,
    /// Whether operations on files ([`fs`](crate::fs)) go through the ring, where it has them (the default), or to the pool.
    pub file_operations: bool,
}

impl Default for UringOptions {
    fn default() -> UringOptions {
        UringOptions {
            entries: URING_ENTRIES,
            buffers: URING_BUFFERS,
            files: URING_FILES,
            direct: true,
            zero_copy_from: URING_ZERO_COPY_FROM,
            kernel_thread: None,
            busy_poll: Duration::ZERO,
            file_operations: true,
        }
    }
}

impl UringOptions {
    /// # Errors
    /// A size out of its range, with the range.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sizes = [("entries", self.entries, URING_ENTRIES_MAX), ("buffers", self.buffers.into(), URING_BUFFERS_MAX)];
        for (name, value, most) in sizes {
            if !value.is_power_of_two() || !(8..=most).contains(&value) {
                return Err(format!("{name} {value} of a ring: a power of two from 8 to {most} is possible"));
            }
        }
        if !(1..=URING_FILES_MAX).contains(&self.files) {
            return Err(format!("files {} of a ring: 1 to {URING_FILES_MAX} are possible", self.files));
        }
        Ok(())
    }
}

/// What a ring can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Features {
    /// Sockets live in the ring's table.
    pub(super) direct: bool,
    /// Gathered sends without a copy.
    pub(super) zero_copy: bool,
    /// A thread of the kernel submits.
    pub(super) kernel_thread: bool,
    /// What completes is worked on when we ask, and not between.
    pub(super) deferred: bool,
    /// Operations on files are carried out.
    pub(super) files: bool,
    /// Among them, that one which changes a file's length.
    pub(super) resizes: bool,
}

impl Features {
    /// Opens a ring with as much as the kernel offers of what is wanted.
    ///
    /// # Errors
    /// There is no io_uring, or it lacks what nothing replaces.
    pub(super) fn open(options: &UringOptions) -> io::Result<(IoUring, Features)> {
        let (ring, deferred) = open_ring(options)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        // Multishot receives and direct accepts cannot be asked for; they came before or with this one.
        if !probe.is_supported(opcode::SendZc::CODE) {
            let text = "this kernel's io_uring cannot receive again and again: Linux 6.0 can; use --io epoll";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        if options.file_operations {
            // What is left at zero stays as it is: threads for what is no file.
            ring.submitter().register_iowq_max_workers(&mut [URING_FILE_THREADS_MAX, 0])?;
        }
        let features = Features {
            direct: options.direct && probe.is_supported(opcode::FixedFdInstall::CODE),
            zero_copy: options.zero_copy_from.is_some() && probe.is_supported(opcode::SendMsgZc::CODE),
            kernel_thread: options.kernel_thread.is_some(),
            deferred,
            files: options.file_operations,
            // All others came before what was asked for above.
            resizes: probe.is_supported(opcode::Ftruncate::CODE),
        };
        Ok((ring, features))
    }

    /// What is done without, of what was wanted.
    pub(super) fn missing(self, options: &UringOptions) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if options.direct && !self.direct {
            missing.push("io_uring without direct descriptors (Linux 6.8 has them): the limit of descriptors counts");
        }
        if options.zero_copy_from.is_some() && !self.zero_copy {
            missing.push("io_uring without sends that do not copy (Linux 6.1 has them): all are copied");
        }
        if options.kernel_thread.is_none() && !self.deferred {
            missing.push("io_uring without deferred work (Linux 6.1 has it): it interrupts the core");
        }
        missing
    }
}

/// A ring, and whether its work is deferred.
fn open_ring(options: &UringOptions) -> io::Result<(IoUring, bool)> {
    let mut builder = IoUring::builder();
    builder.setup_cqsize(options.entries * URING_COMPLETIONS_PER_ENTRY).setup_submit_all().setup_single_issuer();
    if let Some(idle) = options.kernel_thread {
        builder.setup_sqpoll(u32::try_from(idle.as_millis()).unwrap_or(u32::MAX));
        return Ok((builder.build(options.entries).map_err(explain)?, false));
    }
    builder.setup_defer_taskrun().setup_taskrun_flag();
    match builder.build(options.entries) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            let mut builder = IoUring::builder();
            builder
                .setup_cqsize(options.entries * URING_COMPLETIONS_PER_ENTRY)
                .setup_coop_taskrun()
                .setup_taskrun_flag();
            Ok((builder.build(options.entries).map_err(explain)?, false))
        }
        opened => Ok((opened.map_err(explain)?, true)),
    }
}

fn explain(error: io::Error) -> io::Error {
    let what = match error.raw_os_error() {
        Some(libc::ENOSYS) => "this kernel has no io_uring: use --io epoll",
        Some(libc::EPERM) => "io_uring is forbidden here (sysctl kernel.io_uring_disabled, or a filter of a container)",
        Some(libc::ENOMEM) => "no memory for a ring: raise the limit of locked memory (ulimit -l)",
        _ => return error,
    };
    io::Error::new(error.kind(), what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_out_of_range_are_refused_with_value_and_range() {
        let wrong = |options: UringOptions| options.check().expect_err("it is out of range");
        assert!(wrong(UringOptions { entries: 1000, ..UringOptions::default() }).contains("1000"));
        assert!(wrong(UringOptions { buffers: 4, ..UringOptions::default() }).contains("from 8 to 32768"));
        assert!(wrong(UringOptions { files: 0, ..UringOptions::default() }).contains("1 to 1048576"));
        assert_eq!(UringOptions::default().check(), Ok(()));
    }
}
