//! What `auto` stands for: `uring` where the kernel has all of it, else `epoll`.
//!
//! The laboratory has them side by side: a delivery costs a quarter less processor time by `uring`, and its connections are not bounded by
//! descriptors, which on most machines are fewer than memory would hold. An idle connection costs some 750 bytes more of the kernel's
//! memory: who has raised the limit of descriptors and wants to fill memory asks for `epoll` by name (`docs/models.md`). Where a part
//! of io_uring is missing, what replaces it costs more than `epoll` does.

use std::sync::OnceLock;

use super::uring;

/// The I/O model that `auto` stands for on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Automatic {
    /// Its name.
    pub name: &'static str,
    /// Why this one, in a few words.
    pub why: String,
}

/// What `auto` stands for. Opens a small ring when it is first asked, and remembers the answer.
pub fn automatic() -> &'static Automatic {
    static CHOSEN: OnceLock<Automatic> = OnceLock::new();
    CHOSEN.get_or_init(|| choose(uring::missing()))
}

fn choose(missing: Option<String>) -> Automatic {
    match missing {
        None => {
            let why = "this kernel has all that it needs, its deliveries cost least, and descriptors do not bound it";
            Automatic { name: "uring", why: why.to_owned() }
        }
        Some(missing) => Automatic { name: "epoll", why: format!("not uring: {missing}") },
    }
}

/// The model that a user's word stands for: itself, but for `auto`.
pub(crate) fn resolve(name: &str) -> &str {
    if name == "auto" { automatic().name } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_chosen_where_nothing_of_it_is_missing() {
        assert_eq!(choose(None).name, "uring");
    }

    #[test]
    fn what_is_missing_is_the_reason_for_epoll() {
        let chosen = choose(Some("this kernel has no io_uring".to_owned()));
        assert_eq!((chosen.name, chosen.why.as_str()), ("epoll", "not uring: this kernel has no io_uring"));
    }

    #[test]
    fn the_answer_is_a_model_that_there_is_and_stays_the_same() {
        assert!(["uring", "epoll"].contains(&automatic().name));
        assert_eq!((resolve("auto"), resolve("poll")), (automatic().name, "poll"));
        assert_eq!(automatic(), automatic());
    }
}
