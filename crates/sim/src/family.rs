//! Families of faults. A seed has each or not; a failing seed is shrunk by switching off those that it does not need.

use std::fmt;
use std::str::FromStr;

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident $text:literal),+ $(,)?) => {
        /// A kind of trouble that a world can have.
        #[derive(Copy, Clone, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Family { $($(#[$doc])* $name),+ }

        impl Family {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name, for people and for `SIM_WITHOUT`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

families! {
    /// Frames are lost, up to 30 %.
    Loss "loss",
    /// Frames come twice, up to 50 %.
    Duplication "duplication",
    /// Frames overtake each other.
    Reordering "reordering",
    /// Bits flip. A checksum must catch it.
    Flips "flips",
    /// Frames are cut off.
    Truncation "truncation",
    /// Frames carry bytes behind their end.
    Padding "padding",
    /// The delay is long and changes, up to 2 s.
    Delay "delay",
    /// One direction between two hosts is silent for a while.
    Partition "partition",
    /// The link goes down and up.
    Flap "flap",
    /// Large frames vanish for a while.
    BlackHole "black-hole",
    /// Applications stop reading for a while.
    Freeze "freeze",
    /// Applications read little by little.
    SlowReader "slow-reader",
    /// Applications keep what they were lent.
    Leases "leases",
    /// Receive buffers are tiny.
    SmallBuffers "small-buffers",
    /// There are few frames.
    SmallFrames "small-frames",
    /// There are few cold parts.
    SmallParts "small-parts",
    /// The SYN cache is tiny, so there are cookies.
    SmallSynCache "small-syn-cache",
    /// There are few TIME-WAIT records, and they live for a second.
    SmallTimeWait "small-time-wait",
    /// Backlogs are tiny, and applications accept late.
    SmallBacklog "small-backlog",
    /// The device takes its time, and its rings are short.
    SlowDevice "slow-device",
    /// Clocks step forward.
    ClockSteps "clock-steps",
    /// Hosts do nothing for a while.
    Stalls "stalls",
    /// Hosts start anew and have forgotten everything.
    Restart "restart",
    /// Applications abort.
    Aborts "aborts",
    /// Applications close what they have not read.
    UnreadCloses "unread-closes",
    /// Connections give up soon.
    Impatience "impatience",
    /// Idle connections are probed.
    KeepAlive "keep-alive",
    /// Sequence numbers begin just before they wrap.
    Wrap "wrap",
}

/// A set of families.
#[derive(Copy, Clone, PartialEq, Eq, Default)]
pub struct Families(u32);

const _: () = assert!(Family::ALL.len() <= 32, "a set has 32 bits");

impl Families {
    /// No trouble at all.
    pub const NONE: Self = Self(0);
    /// Every kind of trouble.
    pub const ALL: Self = Self((1 << Family::ALL.len()) - 1);

    /// The families of these bits, in the order of [`Family::ALL`]; bits that name none are left out.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Whether `family` is in it.
    pub const fn has(self, family: Family) -> bool {
        self.0 & 1 << family as u8 != 0
    }

    /// With `family` too.
    #[must_use]
    pub const fn with(self, family: Family) -> Self {
        Self(self.0 | 1 << family as u8)
    }

    /// Without `family`.
    #[must_use]
    pub const fn without(self, family: Family) -> Self {
        Self(self.0 & !(1 << family as u8))
    }

    /// Without all of `others`.
    #[must_use]
    pub const fn without_all(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::ALL.iter().copied().filter(move |&family| self.has(family))
    }
}

impl FromStr for Families {
    type Err = String;

    /// Names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').filter(|name| !name.is_empty()).try_fold(Self::NONE, |set, name| {
            let family = Family::ALL.iter().find(|family| family.name() == name);
            family.map(|&family| set.with(family)).ok_or_else(|| format!("there is no family of faults named {name:?}"))
        })
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Family::name).collect();
        f.write_str(&names.join(","))
    }
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}
