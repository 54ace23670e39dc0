//! A stream of events: one task ticks on each core, every browser listens. `curl -N http://127.0.0.1:8000/ticks`, or open the page.

mod arguments;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use crore::channel::broadcast::{self, Lost, Sender};
use crore::time::{Duration, Interval};
use crore::web::{Application, Request, Response, Server, ServerOptions};

const PAGE: &str = "<!doctype html><title>ticker</title><h1 id=tick>-</h1><script>
    new EventSource('/ticks').onmessage = (event) => tick.textContent = event.data;
</script>";

fn main() -> ExitCode {
    arguments::serve(&Arguments::parse(), |listener| {
        let (ticks, _) = broadcast::channel(16);
        crore::spawn(tick(ticks.clone())).detach();
        let application = Application::new(ticks).get("/", async |_| Response::html(PAGE)).get("/ticks", listen);
        Server::new(application, ServerOptions::default()).serve(listener)
    })
}

async fn tick(ticks: Sender<u64>) {
    let mut seconds = Interval::new(Duration::from_secs(1));
    for number in 1.. {
        seconds.tick().await;
        ticks.send(number);
    }
}

/// Dropped when the browser goes away.
async fn listen(request: Request<Sender<u64>>) -> Response {
    let mut ticks = request.state().subscribe();
    Response::events(async move |mut events| {
        loop {
            match ticks.recv().await {
                Ok(number) => events.send(&number.to_string(), None).await?,
                Err(Lost::Lagged(_)) => {} // it goes on with what is still there
                Err(Lost::Closed) => return Ok(()),
            }
        }
    })
}
