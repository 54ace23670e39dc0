//! Long polling: whoever asks for what comes next waits until it comes.
//!
//! `curl 'http://127.0.0.1:8000/next?after=0'` in one terminal, `curl -d hello http://127.0.0.1:8000/say` in another. A core has its own
//! messages here; for all cores, and for history, there is the gateway.

mod arguments;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use crore::channel::watch::{self, Sender};
use crore::time::{self, Duration};
use crore::web::{Application, Request, Response, Server, ServerOptions, Status};

/// How long a request waits: less than proxies do.
const PATIENCE: Duration = Duration::from_secs(25);

/// The last message, and how many there were.
type Last = (u64, String);

fn main() -> ExitCode {
    arguments::serve(&Arguments::parse(), |listener| {
        let (last, _) = watch::channel((0, String::new()));
        let application = Application::new(last).get("/next", next).post("/say", say);
        Server::new(application, ServerOptions::default()).serve(listener)
    })
}

async fn say(request: Request<Sender<Last>>) -> Result<Response, Status> {
    let text = str::from_utf8(request.body()).map_err(|_| Status::BAD_REQUEST)?;
    let number = request.state().subscribe().borrow().0 + 1;
    request.state().send((number, text.to_owned()));
    Ok(Response::text(format!("{number}\n")))
}

/// Dropped when the client gives up.
async fn next(request: Request<Sender<Last>>) -> Result<Response, Response> {
    let after = request.query("after")?.unwrap_or_default();
    let after: u64 =
        after.parse().map_err(|_| Response::error(Status::BAD_REQUEST, "after is a number, 0 at first"))?;
    let mut changes = request.state().subscribe();
    let wait = async {
        while changes.borrow().0 <= after {
            changes.changed().await.expect("the application holds the sender");
        }
        Response::json(&*changes.borrow())
    };
    let nothing = |_| Response::new(Status::NO_CONTENT); // ask again
    Ok(time::timeout(PATIENCE, wait).await.unwrap_or_else(nothing))
}
