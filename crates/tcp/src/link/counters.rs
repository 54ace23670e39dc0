//! What the link counts beside the engine's own counters.

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What happened on the link since start. No frame is counted here that the engine counts as in or out; these
        /// say what became of it.
        #[derive(Clone, Default, Debug)]
        pub(crate) struct LinkCounters {
            $($(#[$doc])+ pub(crate) $name: u64,)+
        }

        impl LinkCounters {
            /// Every counter under its name for metrics, in a fixed order.
            pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Questions for a neighbour's link-layer address that were sent.
    questions_sent,
    /// Next hops given up because nobody answered.
    questions_unanswered,
    /// Active opens and replies that found the table of neighbours full of open questions.
    neighbours_full,
    /// Answers to such questions of others, and announcements of our own addresses, that were sent.
    answers_sent,
    /// Answers left out because too many were waiting.
    answers_left_out,
    /// Echo replies sent.
    echoes_sent,
    /// Echo requests left unanswered because too many were waiting, or came in this second.
    echoes_left_out,
    /// Times that another host claimed an address of ours.
    conflicts,
    /// Times that a neighbour could get no name because all were taken.
    hops_full,
    /// Times that a local address could get no name because all were taken.
    locals_full,
    /// Output passes that ended for want of a frame.
    frames_exhausted,
}
