//! The rules of TCP as tables: a scripted peer sends hand-made segments, and every segment of the engine's answer is told
//! in advance. Time is virtual, numbers count from each side's SYN, and a segment that no line of a table expects fails it.
//!
//! What a harness cannot leave to each table it checks on every segment: see `table/guard.rs`. At the end of each table
//! no frame and no connection is left.

mod table;

mod accepting;
mod acknowledgment;
mod addresses;
mod attacks;
mod closing;
mod congestion;
mod cookies;
mod data;
mod delayed_acks;
mod ends;
mod failure;
mod header;
mod icmp;
mod keep_alive;
mod limits;
mod linux;
mod opening;
mod paws;
mod probes;
mod properties;
mod recovery;
mod resets;
mod retransmission;
mod round_trip;
mod sequence;
mod simultaneous;
mod steering;
mod syn_cache;
mod time_wait;
mod timestamps;
mod urgent;
mod window_scale;
mod windows;
