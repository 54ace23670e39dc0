//! A listening address of one core.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::ready;

use super::{ListenOptions, TcpStream};
use crate::current;
use crate::driver::ListenerId;
use crate::executor::budget;

/// Accepts connections on this core. With [`ListenOptions::shared_port`] every core has one of its own on the same address.
#[derive(Debug)]
pub struct TcpListener {
    id: ListenerId,
    local: SocketAddr,
}

impl TcpListener {
    /// Listens on `address`; port 0 lets the system choose one.
    ///
    /// # Errors
    /// The system's: the address is in use, not ours, or needs a privilege.
    pub fn bind(address: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
        let (id, local) = current::with(|worker| worker.driver().borrow_mut().listen(address, options))?;
        Ok(TcpListener { id, local })
    }

    /// The next connection. At most 64 are accepted in a turn. When descriptors have run out the listener rests,
    /// counts it, and goes on by itself.
    ///
    /// # Errors
    /// Only when the listener itself is broken.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        poll_fn(|context| {
            ready!(budget::spend(context));
            let accepted = current::with(|worker| worker.driver().borrow_mut().poll_accept(self.id, context));
            accepted.map_ok(TcpStream::from_id)
        })
        .await
    }

    /// The address it listens on, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        current::try_with(|worker| worker.driver().borrow_mut().unlisten(self.id));
    }
}
