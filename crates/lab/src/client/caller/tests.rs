use std::rc::Rc;

use crore_rt::net::{ListenOptions, TcpListener};
use crore_rt::spawn;

use super::*;

/// A server that answers each input with what `answer` makes of it, and whose address is given.
fn serve(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let address = listener.local_addr();
    let answer = Rc::new(answer);
    spawn(async move {
        while let Ok(mut stream) = listener.accept().await {
            let answer = Rc::clone(&answer);
            spawn(async move {
                while let Ok(bytes) = stream.recv().await {
                    let parts = answer(&bytes);
                    if bytes.is_empty() || parts.is_empty() {
                        return;
                    }
                    for part in parts {
                        stream.send(part).unwrap();
                        stream.flushed().await.unwrap();
                    }
                }
            })
            .detach();
        }
    })
    .detach();
    Target { address, datagrams: false }
}

fn hello(extra: &str, body: &str) -> Vec<Vec<u8>> {
    let head = format!("HTTP/1.1 200 OK\r\n{extra}Content-Length: {}\r\n\r\n", body.len());
    vec![head.into_bytes(), body.as_bytes().to_vec()]
}

async fn opened(target: Target, questions: &Questions) -> Result<(), String> {
    Caller::open(target, 0, questions).await.map(drop)
}

#[crore_rt::test]
async fn an_echo_may_come_in_pieces_but_must_be_the_same() {
    let halves = serve(|bytes| bytes.chunks(5).map(<[u8]>::to_vec).collect());
    let mut caller = Caller::open(halves, 3, &Questions::Echo).await.unwrap();
    for _ in 0..10 {
        caller.ask(&Questions::Echo).await.unwrap();
    }
    let wrong = serve(|bytes| vec![bytes.iter().map(|byte| byte ^ 1).collect()]);
    assert_eq!(opened(wrong, &Questions::Echo).await.unwrap_err(), "wrong bytes");
    let longer = serve(|bytes| vec![[bytes, b"x"].concat()]);
    assert_eq!(opened(longer, &Questions::Echo).await.unwrap_err(), "wrong bytes");
}

#[crore_rt::test]
async fn who_says_nothing_or_goes_is_told_apart() {
    let silent = serve(|_| vec![Vec::new()]);
    assert!(opened(silent, &Questions::Echo).await.unwrap_err().contains("no answer within 4s"));
    let gone = serve(|_| Vec::new());
    assert_eq!(opened(gone, &Questions::Echo).await.unwrap_err(), "closed by the server");
}

#[crore_rt::test]
async fn a_response_must_have_the_right_status_and_the_right_text() {
    let questions = Questions::hello();
    let right = serve(|_| hello("", "Hello, World!"));
    let mut caller = Caller::open(right, 0, &questions).await.unwrap();
    caller.ask(&questions).await.unwrap();
    let of = |answer: fn(&[u8]) -> Vec<Vec<u8>>| serve(answer);
    let wrong = opened(of(|_| hello("", "Hello, world!")), &questions).await.unwrap_err();
    assert_eq!(wrong, "wrong bytes");
    let short = opened(of(|_| hello("", "Hello")), &questions).await.unwrap_err();
    assert_eq!(short, "an answer of a wrong length");
    let busy = |_: &[u8]| vec![b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec()];
    assert!(opened(serve(busy), &questions).await.unwrap_err().contains("503"));
    let nonsense = opened(of(|_| vec![b"220 smtp\r\n\r\n".to_vec()]), &questions).await.unwrap_err();
    assert!(nonsense.contains("bad HTTP"), "{nonsense}");
}

#[crore_rt::test]
async fn a_server_that_ends_its_connections_is_asked_on_new_ones() {
    let questions = Questions::hello();
    let closing = serve(|_| hello("Connection: close\r\n", "Hello, World!"));
    let mut caller = Caller::open(closing, 0, &questions).await.unwrap();
    for _ in 0..3 {
        caller.ask(&questions).await.unwrap();
    }
}
