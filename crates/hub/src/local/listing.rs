//! What this core adds to a listing of all cores.

use super::{Local, LocalChannel, Member};
use crate::answer::{ChannelCount, MemberOf};
use crate::clients::Clients;
use crate::glob;

impl Local {
    /// The channels that have subscribers here, up to a number, and whether there are more.
    pub(crate) fn list(&self, pattern: Option<&str>, max: usize) -> (Vec<ChannelCount>, bool) {
        let mut found = self
            .channels
            .iter()
            .filter(|channel| !channel.members.is_empty())
            .filter(|channel| pattern.is_none_or(|pattern| glob::matches(pattern, &channel.name)));
        let count = |channel: &LocalChannel| ChannelCount {
            name: (&*channel.name).into(),
            clients: channel.members.len() as u64,
        };
        let channels = found.by_ref().take(max).map(count).collect();
        (channels, found.next().is_some())
    }

    /// The subscribers of a channel here, up to a number, and how many there are.
    pub(crate) fn members(&self, name: &str, max: usize, clients: &Clients) -> (Vec<MemberOf>, u64) {
        let Some(channel) = self.find(name).and_then(|index| self.channels.get(index)) else {
            return (Vec::new(), 0);
        };
        let describe = |member: &Member| {
            Some(MemberOf {
                core: self.core,
                client: clients.key_at(member.client)?,
                sink: clients.at(member.client)?.sink,
            })
        };
        let members = channel.members.iter().take(max).filter_map(describe).collect();
        (members, channel.members.len() as u64)
    }
}
