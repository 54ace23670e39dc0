//! The verbs of a hub one by one: what each answers, what expires, what is refused, what is delivered.

mod fan_out;
mod history;
mod limits;
mod world;
