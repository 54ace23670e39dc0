//! The rules of TCP as tables: a scripted peer sends hand-made segments, and every segment of the engine's answer is told
//! in advance. Time is virtual, numbers count from each side's SYN, and a segment that no line of a table expects fails it.
//!
//! What a harness cannot leave to each table it checks on every segment: see `table/guard.rs`. At the end of each table
//! no frame and no connection is left.

mod table;

mod acknowledgment;
mod data;
mod delayed_acks;
mod header;
mod opening;
mod probes;
mod resets;
mod sequence;
mod simultaneous;
mod urgent;
mod window_scale;
mod windows;
