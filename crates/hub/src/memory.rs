//! What the hub keeps for each client and each subscription, in bytes: for tables of sizes and for planning.

/// A client, its place in the slab apart.
pub const CLIENT_BYTES: usize = crate::clients::CLIENT_BYTES;

/// A subscription, its place in the slab apart.
pub const SUBSCRIPTION_BYTES: usize = crate::clients::SUBSCRIPTION_BYTES;

/// The place of a subscription in its channel's array, whose capacity may be twice what it holds.
pub const MEMBER_BYTES: usize = size_of::<crate::local::Member>();
