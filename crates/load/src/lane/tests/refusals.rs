//! What the protocol knows beside publications: refusals, silence, pings.

use super::mischief::Mischief;
use super::server::Server;
use super::{CONNECTIONS, PUBLICATIONS, failures, faults, judged, plan, played};
use crate::target::Kind;

#[crore_rt::test]
async fn every_refusal_has_its_reason_in_the_report() {
    let refused = |mischief| async { failures(&judged(Kind::WebSocket, mischief).await) };
    let subscribe = Mischief { refuse_subscribe: true, ..Mischief::default() };
    assert_eq!(refused(subscribe).await, [("subscribe: 103 permission denied".to_owned(), CONNECTIONS)]);
    let upgrade = Mischief { refuse_upgrade: true, ..Mischief::default() };
    let reasons = refused(upgrade).await;
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].0.contains("503") && reasons[0].1 == CONNECTIONS, "{reasons:?}");
    let publish = Mischief { refuse_publish: true, ..Mischief::default() };
    assert_eq!(refused(publish).await, [("publish: status 401 Unauthorized".to_owned(), PUBLICATIONS)]);
}

#[crore_rt::test]
async fn a_server_that_never_answers_a_subscribe_fails_after_the_deadline() {
    let report = judged(Kind::WebSocket, Mischief { silent: true, ..Mischief::default() }).await;
    assert_eq!(failures(&report), [("not ready within 30s".to_owned(), CONNECTIONS)]);
}

#[crore_rt::test]
async fn protocol_pings_and_frame_pings_are_answered() {
    let server = Server::start(Mischief { pings: true, ..Mischief::default() });
    let report = played(plan(Kind::WebSocket, &server)).await;
    assert_eq!((failures(&report), faults(&report)), (vec![], (0, 0, 0)));
    assert_eq!(server.pongs(), (CONNECTIONS, CONNECTIONS));
}
