//! What the application does to the connection of a table, and what it hears of it.

use crore_base::payload::Payload;
use crore_tcp::{
    CloseReason, ConnId, Connect, Event, Listen, ListenerId, Options, Ready, SendError, Source, Statistics,
};
use crore_wire::tcp::Flags;

use super::segment::{Segment, ack, syn, syn_ack};
use super::setup::{PEER_PORT, PORT};
use super::{Peer, Table};

impl Table {
    pub(crate) fn listen(&mut self) {
        let listen = Listen {
            local: self.peer.engine.to_std().to_string().parse().unwrap(),
            port: PORT,
            backlog: self.setup.backlog,
            options: self.setup.options,
        };
        self.listener = Some(self.engine.listen(listen).unwrap());
    }

    /// A second listener, beside the table's own.
    pub(crate) fn listen_on_port(&mut self, port: u16) {
        let local = self.peer.engine.to_std().to_string();
        self.listen_at(&local, port);
    }

    pub(crate) fn listen_at(&mut self, local: &str, port: u16) -> ListenerId {
        let options = self.setup.options;
        let listen = Listen { local: local.parse().unwrap(), port, backlog: self.setup.backlog, options };
        self.engine.listen(listen).unwrap()
    }

    pub(crate) fn connect_options(&self) -> Connect {
        Connect {
            source: Source::Any,
            source_port: Some(PORT),
            remote: self.peer.address,
            remote_port: PEER_PORT,
            options: self.setup.options,
        }
    }

    /// The engine opens a connection to the peer.
    pub(crate) fn connect(&mut self) {
        let connect = self.connect_options();
        self.conn = Some(self.engine.connect(self.now, connect).unwrap());
        self.collect();
    }

    /// The peer opens with `syn`, and the connection is accepted.
    #[track_caller]
    pub(crate) fn opens_passively(&mut self, syn: Segment) {
        self.peer.timestamps = syn.timestamps != super::segment::Clocks::AsAgreed && self.setup.options.timestamps;
        self.sends(syn);
        let answer = self.next();
        assert!(answer.is(syn_ack().flags), "a SYN is answered by a SYN-ACK, not by {answer:?}");
        self.sends(ack());
        self.expects_nothing();
        self.accepts();
        self.told();
    }

    /// The engine opens, and the peer answers with `answer`.
    #[track_caller]
    pub(crate) fn opens_actively(&mut self, answer: Segment) {
        self.connect();
        let question = self.next();
        assert!(question.is(syn().flags), "an open begins with a SYN, not with {question:?}");
        self.answers_syn(answer);
        assert!(self.told().contains(Ready::OPENED));
    }

    /// The peer answers the engine's SYN, which makes the connection.
    #[track_caller]
    pub(crate) fn answers_syn(&mut self, answer: Segment) {
        self.peer.timestamps = self.setup.timestamps && self.setup.options.timestamps;
        self.sends(answer.ack(1));
        self.expects(ack());
    }

    /// Takes the next connection of the listener; the table is about that one from now on.
    #[track_caller]
    pub(crate) fn accepts(&mut self) -> ConnId {
        let listener = self.listener.expect("a table that accepts listens");
        let conn = self.engine.accept(listener).expect("a connection waits to be accepted");
        self.conn = Some(conn);
        conn
    }

    #[track_caller]
    pub(crate) fn id(&self) -> ConnId {
        self.conn.expect("a table with a connection")
    }

    /// The application sends, and the engine says what it may.
    #[track_caller]
    pub(crate) fn writes(&mut self, bytes: &[u8]) {
        self.queues(bytes).expect("the queue has room");
        self.collect();
    }

    /// The application sends; nothing leaves yet.
    pub(crate) fn queues(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        let conn = self.id();
        self.engine.send(conn, Payload::from(bytes))
    }

    /// The application takes all that has come.
    pub(crate) fn reads(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(part) = self.reads_one() {
            all.extend(part);
        }
        self.collect();
        all
    }

    /// The application takes one piece of what has come. An ACK that this causes leaves with the next output.
    pub(crate) fn reads_one(&mut self) -> Option<Vec<u8>> {
        let conn = self.id();
        let received = self.engine.recv(conn)?;
        let bytes = self.engine.bytes(&received).to_vec();
        assert!(!bytes.is_empty() && bytes.len() == received.len(), "nobody is lent nothing");
        self.engine.give_back(received);
        Some(bytes)
    }

    /// The application will send no more.
    pub(crate) fn finishes(&mut self) {
        let conn = self.id();
        assert!(self.engine.shutdown(conn));
        self.collect();
    }

    /// The application gives the connection up.
    pub(crate) fn closes(&mut self) {
        let conn = self.id();
        assert!(self.engine.close(conn));
        self.collect();
        // Answers for it come from a record or from nobody now, and keep no promise.
        self.guard.forget_window();
    }

    /// The application resets the connection.
    pub(crate) fn aborts(&mut self) {
        let conn = self.id();
        assert!(self.engine.abort(conn));
        self.collect();
    }

    /// All that the application was told of the connection since it was last asked, in one set.
    pub(crate) fn told(&mut self) -> Ready {
        self.told_why().0
    }

    /// As [`told`](Self::told), with the last reason.
    pub(crate) fn told_why(&mut self) -> (Ready, Option<CloseReason>) {
        let mut all = (Ready::default(), None);
        self.polls();
        for event in self.events.drain(..) {
            if let Event::Connection { conn, ready, reason, .. } = event
                && Some(conn) == self.conn
            {
                all.0 |= ready;
                all.1 = reason.or(all.1);
            }
        }
        all
    }

    /// The connection is over, for this reason, and the application knows.
    #[track_caller]
    pub(crate) fn is_closed(&mut self, why: CloseReason) {
        let (ready, reason) = self.told_why();
        assert!(ready.contains(Ready::CLOSED), "the application was told {ready:?}");
        assert_eq!(reason, Some(why));
        assert_eq!(self.state(), "CLOSED");
        self.guard.forget_window();
    }

    /// Windows are not watched from here on: the peer is no peer.
    pub(crate) fn looks_away_from_windows(&mut self) {
        self.guard.look_away();
    }

    /// The state by its name; `gone` if the application has given up the name.
    pub(crate) fn state(&self) -> &'static str {
        self.engine.statistics(self.id()).map_or("gone", |statistics| statistics.state)
    }

    #[track_caller]
    pub(crate) fn statistics(&self) -> Statistics {
        self.engine.statistics(self.id()).expect("the connection exists")
    }

    /// Another peer, who differs in its port.
    pub(crate) fn other_peer(&self, port: u16) -> Peer {
        let mut peer = self.peer.clone();
        (peer.port, peer.next, peer.engine_next) = (port, 0, 0);
        peer
    }

    /// A whole handshake of another peer. It waits to be accepted then.
    #[track_caller]
    pub(crate) fn another_opens(&mut self, peer: &mut Peer) {
        assert!(self.injects(&[peer.frame(&syn().mss(1460))]));
        let answer = self.strays.pop_back().expect("a SYN is answered");
        assert!(answer.is(Flags::SYN | Flags::ACK), "{answer:?}");
        peer.origins.engine = answer.header.seq;
        (peer.next, peer.engine_next) = (1, 1);
        assert!(self.injects(&[peer.frame(&ack())]));
    }

    /// Options that differ from the table's, for another listener or connection.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Options)) -> Options {
        let mut options = self.setup.options;
        change(&mut options);
        options
    }
}
