//! A room in which everybody hears everybody: open http://127.0.0.1:8000/ in two windows.
//!
//! A room is one core's here, so everybody who is to meet is served by one worker; for rooms over all cores there is the gateway.

mod arguments;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use crore::channel::broadcast::{self, Lost, Sender};
use crore::web::{Application, Message, Request, Response, Server, ServerOptions, Upgrade, UpgradeOptions, WebSocket};
use futures::FutureExt;

const PAGE: &str =
    "<!doctype html><title>chat</title><form><input autofocus><button>say</button></form><ul></ul><script>
    const socket = new WebSocket(`ws://${location.host}/room`);
    socket.onmessage = ({ data }) => document.querySelector('ul').append(
        Object.assign(document.createElement('li'), { textContent: data }));
    document.forms[0].onsubmit = (event) => {
        event.preventDefault();
        socket.send(event.target[0].value);
        event.target.reset();
    };
</script>";

struct Room {
    upgrade: Upgrade,
    said: Sender<String>,
}

fn main() -> ExitCode {
    arguments::serve(&Arguments::parse(), |listener| {
        let (said, _) = broadcast::channel(64);
        let room = Room { upgrade: Upgrade::new(UpgradeOptions::default()), said };
        let application = Application::new(room).get("/", async |_| Response::html(PAGE)).get("/room", enter);
        Server::new(application, ServerOptions::default()).serve(listener)
    })
}

async fn enter(request: Request<Room>) -> Result<Response, Response> {
    let said = request.state().said.clone();
    request.state().upgrade.accept(request.head(), move |socket| talk(socket, said))
}

/// One guest: whatever comes first, of what is said in the room and of what the guest says.
async fn talk(mut socket: WebSocket, said: Sender<String>) {
    let mut room = said.subscribe();
    loop {
        futures::select_biased! {
            heard = room.recv().fuse() => {
                let text = match heard {
                    Ok(text) => text,
                    Err(Lost::Lagged(missed)) => format!("(you were too slow for {missed} messages)"),
                    Err(Lost::Closed) => return,
                };
                if socket.send_text(&text).is_err() {
                    return; // it does not read, or is gone
                }
            }
            message = socket.next().fuse() => match message {
                Ok(Some(Message::Text(text))) => drop(said.send(text)),
                Ok(Some(Message::Binary(_))) => {}
                Ok(None) | Err(_) => return,
            },
        }
    }
}
