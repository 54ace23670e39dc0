//! Runs a service on every core of a runtime, and says where it listens.

use std::io;

use crore_rt::net::{Accept, ListenOptions, TcpListener};
use crore_rt::signal::{SIGTERM, Signals};
use crore_rt::{Runtime, spawn, spawn_on};

use crate::Place;

/// Runs `share` on every core, each with a listener of its own, until standard input ends or `SIGTERM` comes. `driver` is the I/O
/// model of the runtime.
///
/// # Errors
/// The address cannot be bound, or the runtime not built.
pub(super) fn host<F>(
    place: &Place,
    driver: &str,
    accept: Accept,
    share: impl Fn(TcpListener) -> F + Clone + Send + 'static,
) -> io::Result<()>
where
    F: Future<Output = ()> + 'static,
{
    let runtime = Runtime::builder().workers(place.workers).pin(false).driver(driver).build()?;
    let address = place.address;
    runtime.block_on(async move {
        let options = ListenOptions { accept, ..ListenOptions::default() };
        let ours = TcpListener::bind(address, &options)?;
        let address = ours.local_addr();
        for core in 1..crore_rt::cores() {
            let (options, share) = (options.clone(), share.clone());
            // Bound when this has been answered, so that nobody is refused later.
            let bound = spawn_on(core, async move || {
                let listener = TcpListener::bind(address, &options)?;
                spawn(share(listener)).detach();
                Ok::<(), io::Error>(())
            });
            bound.await.map_err(|error| io::Error::other(error.to_string()))??;
        }
        spawn(share(ours)).detach();
        let mut signals = Signals::new(&[SIGTERM])?;
        end_with_input()?;
        println!("listening on {address}");
        signals.next().await;
        Ok(())
    })
}

/// Sends this process `SIGTERM` when its input ends.
fn end_with_input() -> io::Result<()> {
    let watch = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // Fails for a signal that does not exist only.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
    };
    std::thread::Builder::new().name("lab-input".to_owned()).spawn(watch).map(drop)
}
