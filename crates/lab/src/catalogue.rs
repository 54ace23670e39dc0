//! All that can be served, by name: the models, and the variants of one model for accepting, calculating and the disk.

use std::io;

use crate::error::LabError;
use crate::full;
use crate::options::Load;
use crate::variants::{accept, cpu, disk};
use crate::{MODELS, Model, Place, Protocol};

/// Every model and every variant.
pub(crate) fn all() -> impl Iterator<Item = &'static Model> {
    MODELS.iter().chain(variants())
}

fn variants() -> impl Iterator<Item = &'static Model> {
    accept::MODELS.iter().chain(cpu::MODELS).chain(disk::MODELS)
}

/// The models that a load is for, in order: those that were named, or else those that are meant for it.
///
/// # Errors
/// A name that nobody has. Of the named, those that do not speak the load's protocol are left out; that none is left is an error.
pub(crate) fn chosen(names: &[String], load: Load) -> Result<Vec<&'static Model>, LabError> {
    if names.is_empty() {
        return Ok(meant_for(load));
    }
    let found = |name: &String| {
        all().find(|model| model.name == name).ok_or_else(|| {
            let known: Vec<_> = all().map(|model| model.name).collect();
            LabError::usage(format!("--models: there is no model {name:?}: choose from {}", known.join(", ")))
        })
    };
    let models = names.iter().map(found).collect::<Result<Vec<_>, _>>()?;
    Ok(models.into_iter().filter(|model| can_bear(model, load)).collect())
}

fn meant_for(load: Load) -> Vec<&'static Model> {
    let models = MODELS.iter().filter(|model| can_bear(model, load));
    match load {
        Load::Echo | Load::Http | Load::Idle => models.collect(),
        Load::Connect => accept::MODELS.iter().chain(models).collect(),
        // Beside the variants those models that are about calculating, or about files.
        Load::Cpu => cpu::MODELS.iter().chain(models.filter(|model| model.name == "preemptive")).collect(),
        Load::Disk => disk::MODELS.iter().chain(models.filter(|model| model.name == "aio")).collect(),
        Load::Full => models.filter(|model| model.name == full::MODELS[0]).collect(),
    }
}

/// Whether a model speaks the load's protocol, and has what the load is about: variants do not answer every request, and datagrams
/// need no connections.
fn can_bear(model: &Model, load: Load) -> bool {
    let has = |models: &[Model]| models.iter().any(|one| one.name == model.name);
    model.serves.contains(&load.protocol())
        && match load {
            Load::Echo | Load::Idle => true,
            Load::Connect => !speaks_datagrams(model.name),
            Load::Http | Load::Cpu => !has(disk::MODELS),
            Load::Disk => !has(cpu::MODELS),
            Load::Full => full::MODELS.contains(&model.name),
        }
}

/// Whether a model is spoken to by datagrams.
pub(crate) fn speaks_datagrams(name: &str) -> bool {
    name == "udp"
}

/// Serves the model or variant called `name` in this process until the end of standard input. It may end the process then.
///
/// # Errors
/// As [`serve`](crate::serve).
pub fn serve_by_name(name: &str, place: &Place) -> io::Result<()> {
    if let Some(database) = name.strip_prefix(full::SERVER) {
        let database = database.parse().map_err(|error: String| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        return full::serve(place, database);
    }
    let Some(variant) = variants().find(|model| model.name == name) else {
        return match name {
            cpu::WORKER => cpu::work(),
            _ => crate::models::serve(name, place),
        };
    };
    match ((variant.refusal)(), variant.serves.contains(&place.protocol)) {
        (Some(reason), _) => Err(io::Error::new(io::ErrorKind::Unsupported, format!("{name}: {reason}"))),
        (None, true) => (variant.serve)(place),
        (None, false) => {
            let text = format!("{name} does not speak {:?}", place.protocol);
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}

/// HTTP and nothing else.
pub(crate) const HTTP: &[Protocol] = &[Protocol::Http];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_have_the_same_name_and_each_has_a_story() {
        let mut names = std::collections::HashSet::new();
        for model in all() {
            assert!(names.insert(model.name), "{} is there twice", model.name);
            assert!(!model.title.is_empty() && model.story.len() > 20, "{} has no story", model.name);
        }
    }

    #[test]
    fn every_load_has_models_that_speak_its_protocol() {
        for load in Load::ALL.into_iter().filter(|load| *load != Load::Http) {
            let models = chosen(&[], load).unwrap();
            assert!(!models.is_empty(), "{load} has no model");
            assert!(models.iter().all(|model| model.serves.contains(&load.protocol())));
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_with_those_that_there_are() {
        let error = chosen(&["thread".to_owned(), "threads".to_owned()], Load::Echo).unwrap_err().to_string();
        assert!(error.contains("\"threads\"") && error.contains("iterative"), "{error}");
    }

    #[test]
    fn who_does_not_speak_the_protocol_is_left_out() {
        let models = chosen(&["thread".to_owned(), "cpu-inline".to_owned()], Load::Cpu).unwrap();
        assert!(models.iter().any(|model| model.name == "cpu-inline"));
        let alone = |name: &str, load| chosen(&[name.to_owned()], load).unwrap().len();
        assert_eq!((alone("cpu-inline", Load::Echo), alone("cpu-inline", Load::Disk)), (0, 0));
        assert_eq!((alone("disk-pool", Load::Http), alone("disk-pool", Load::Disk)), (0, 1));
        assert_eq!((alone("thread", Load::Full), alone("epoll", Load::Full)), (0, 1));
        assert_eq!((alone("udp", Load::Connect), alone("udp", Load::Echo)), (0, 1));
    }
}
