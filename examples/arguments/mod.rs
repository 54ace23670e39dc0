//! What every server among the examples takes on its command line, and how it comes to run on every core.

use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use crore::Runtime;
use crore::net::{ListenOptions, Network, TcpListener};

#[derive(Parser, Clone)]
pub(crate) struct Arguments {
    /// Where to listen: ADDRESS:PORT.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Cores that serve; 0: all.
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: usize,
    /// Who carries the bytes: auto, select, poll, epoll-lt, epoll, uring, portable, or a device for our own TCP/IP, such as xdp:eth0.
    #[arg(long, value_name = "MODEL", default_value = "auto")]
    io: String,
}

/// Calls `share` on every core with a listener of that core's own.
pub(crate) fn serve<F, E>(arguments: &Arguments, share: impl Fn(TcpListener) -> F + Clone + Send + 'static) -> ExitCode
where
    F: Future<Output = Result<(), E>> + 'static,
    E: Display + 'static,
{
    match try_to_run(arguments, share) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn try_to_run<F, E>(
    arguments: &Arguments,
    share: impl Fn(TcpListener) -> F + Clone + Send + 'static,
) -> Result<(), String>
where
    F: Future<Output = Result<(), E>> + 'static,
    E: Display + 'static,
{
    let Arguments { listen, workers, io } = arguments.clone();
    if listen.port() == 0 {
        return Err("--listen needs a port from 1 to 65535: each core binds it for itself".to_owned());
    }
    let network = Network::for_server(&io, &[listen], &[], &[])?;
    let builder = Runtime::builder().workers(workers).driver(&io).network(network);
    let runtime = builder.build().map_err(|error| error.to_string())?;
    let bind = move || {
        let bound = TcpListener::bind(listen, &ListenOptions::default());
        bound.map_err(|error| format!("{listen}: {error}"))
    };
    runtime.block_on(async move {
        let of_core = |core| {
            let share = share.clone();
            let serve = async move || share(bind()?).await.map_err(|error| error.to_string());
            let loudly = async move || serve().await.inspect_err(|reason| eprintln!("core {core}: {reason}"));
            crore::spawn_on(core, loudly)
        };
        let others: Vec<_> = (1..crore::cores()).map(of_core).collect();
        let ours = bind()?;
        println!("listening on http://{listen}");
        share(ours).await.map_err(|error| error.to_string())?;
        for other in others {
            other.await.map_err(|error| error.to_string())??;
        }
        Ok(())
    })
}
