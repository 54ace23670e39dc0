//! The sets of options in use. Ten million connections share a handful of sets, so each names its own by one byte, and a
//! set exists while somebody uses it.

use crore_base::time::Duration;

use crate::config::Options;
use crate::limits::{OPTION_SETS_MAX, WINDOW_SCALE_MAX};

/// The name of a set.
pub(crate) type ProfileId = u8;

/// One set, with what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) options: Options,
    /// The shift that lets 16 bits express `receive_bytes_max`.
    pub(crate) receive_scale: u8,
    users: u32,
}

/// Every set in use.
#[derive(Default)]
pub(crate) struct Profiles {
    sets: Vec<Profile>,
}

impl Profiles {
    /// The name of this set, counted up. `None` if too many distinct sets are in use. Looks at every set: for opens and
    /// changes of options only.
    pub(crate) fn acquire(&mut self, options: &Options) -> Option<ProfileId> {
        let same = |set: &Profile| set.users > 0 && set.options == *options;
        if let Some(id) = self.sets.iter().position(same) {
            self.sets[id].users += 1;
            return Some(id as ProfileId);
        }
        let set = Profile { options: *options, receive_scale: scale_for(options.receive_bytes_max), users: 1 };
        if let Some(id) = self.sets.iter().position(|set| set.users == 0) {
            self.sets[id] = set;
            return Some(id as ProfileId);
        }
        if self.sets.len() == OPTION_SETS_MAX {
            return None;
        }
        self.sets.push(set);
        Some((self.sets.len() - 1) as ProfileId)
    }

    /// One user more of a set in use.
    pub(crate) fn share(&mut self, id: ProfileId) {
        let users = &mut self.sets[usize::from(id)].users;
        assert!(*users > 0, "only a set in use can be shared");
        *users += 1;
    }

    /// One user less.
    pub(crate) fn release(&mut self, id: ProfileId) {
        let users = &mut self.sets[usize::from(id)].users;
        assert!(*users > 0, "a set is released as often as it was acquired");
        *users -= 1;
    }

    #[inline]
    pub(crate) fn of(&self, id: ProfileId) -> &Profile {
        &self.sets[usize::from(id)]
    }

    /// How often the slow sweep must come round: ten times in the shortest idle time before a keep-alive probe, or once a
    /// day.
    pub(crate) fn sweep_period(&self) -> Duration {
        let day = Duration::from_secs(24 * 3600);
        let probes = self.sets.iter().filter(|set| set.users > 0).filter_map(|set| set.options.keep_alive);
        probes.map(|probe| probe.idle / 10).min().unwrap_or(day).min(day)
    }
}

/// The smallest shift with which 16 bits express `bytes` (RFC 7323 section 2.2).
fn scale_for(bytes: u32) -> u8 {
    let mut scale = 0;
    while scale < WINDOW_SCALE_MAX && bytes > 65_535 << scale {
        scale += 1;
    }
    scale
}
