//! A descriptor that somebody else has closed, as a fault elsewhere in the process would.

use std::os::fd::IntoRawFd;

use rustix::io::fcntl_dupfd_cloexec;

use super::*;

/// High enough that no other test of this process is given the number meanwhile.
const FAR_UP: i32 = 1000;

#[test]
fn who_waits_on_a_descriptor_that_somebody_else_closed_is_told_and_the_others_are_served() {
    for (model, number) in [(Model::Select, FAR_UP), (Model::Poll, FAR_UP + 1)] {
        let mut stage = Stage::new(model);
        let (near, far) = connected();
        let (alive, mut far_alive) = connected();
        let high = fcntl_dupfd_cloexec(&near, number).expect("a descriptor is free");
        let (closed, open) = (stage.adopt(high), stage.adopt(alive));
        stage.comes_to_rest("nothing has come");
        stage.driver.connections.get(closed).expect("it is open").descriptor.close();

        stage.wait();
        stage.comes_to_rest("it is closed");
        let Poll::Ready(Err(error)) = stage.receive(closed) else { panic!("it cannot be read") };
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
        // Where debug assertions are on, the standard library ends a process that closes what is not open.
        let again = fcntl_dupfd_cloexec(&near, number).expect("a descriptor is free").into_raw_fd();
        assert_eq!(again, number);
        stage.driver.close(closed, Close::Abort);
        far_alive.write_all(b"still here").expect("there is room");
        stage.drain(open, 10);
        drop((near, far));
    }
}
