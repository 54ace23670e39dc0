//! The gateway in simulated worlds: clients, publishers and the server in one process, on a network that misbehaves.
//!
//! `world` starts a gateway and watches that nothing is left of its clients; `ledger` is the truth about the channels and what
//! each reader must see of it. `speaker` is one WebSocket; `subscriber`, `events`, `poller` and `publisher` are clients that come back
//! however their links end. The tests are in `storm`, `links`, `slow`, `drain`, `replay` and `canary`.
//!
//! A failing seed is printed: `CRORE_SEED=N cargo test -p crore-gateway --test simulation NAME` replays it, and `CRORE_SEEDS=N` tries
//! that many.

/// The same test in worlds of one core and of four.
macro_rules! on_one_core_and_on_four {
    ($($name:ident: $seeds:literal worlds of $test:ident;)+) => {
        $(mod $name {
            #[crore_rt::test(seeds = $seeds, workers = 1)]
            async fn on_one_core() {
                super::$test().await;
            }

            #[crore_rt::test(seeds = $seeds, workers = 4)]
            async fn on_four_cores() {
                super::$test().await;
            }
        })+
    };
}

mod events;
mod ledger;
mod poller;
mod publisher;
mod speaker;
mod subscriber;
mod world;

mod canary;
mod drain;
mod links;
// What makes deliveries by the thousand fails while one in a thousand is lost on purpose, and should.
#[cfg(not(feature = "canary"))]
mod replay;
#[cfg(not(feature = "canary"))]
mod slow;
mod storm;
