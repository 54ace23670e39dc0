//! The HTTP side of a session: heads and bodies in, answers out, with the codecs of `crore-http`.

use crore_http::{
    BodyDecoder, CONTINUE, ConnectionField, Framing, HeadReader, HeadWriter, HttpError, Limits, Progress, RequestHead,
    Version,
};

use super::{Answer, Delegation, Disk, Job, Verdict};
use crate::limits::BODY_BYTES_MAX;

/// See [`Session`](super::Session).
#[derive(Debug)]
pub struct Http {
    delegation: Delegation,
    stage: Stage,
    /// What came behind the request whose job is out.
    unread: Vec<u8>,
}

/// Where in a request we are.
#[derive(Debug)]
enum Stage {
    Head(HeadReader),
    Body { asked: Asked, decoder: BodyDecoder },
    Working { form: Form },
    Over,
}

/// A request whose body has not all come.
#[derive(Debug)]
struct Asked {
    job: Option<Job>,
    form: Form,
}

/// What an answer's head depends on.
#[derive(Clone, Copy, Debug)]
struct Form {
    version: Version,
    keep_alive: bool,
    /// The request was `HEAD`: the length of a body is told, and none is sent.
    head_only: bool,
}

fn limits() -> Limits {
    Limits { body_bytes: BODY_BYTES_MAX, ..Limits::default() }
}

impl Http {
    pub(super) fn new(delegation: Delegation) -> Http {
        Http { delegation, stage: Stage::Head(HeadReader::new(&limits())), unread: Vec::new() }
    }

    pub(super) fn on_input(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Verdict {
        assert!(
            matches!(self.stage, Stage::Head(_) | Stage::Body { .. }),
            "nobody reads while a job is out, or at the end"
        );
        loop {
            match self.step(&mut input, out) {
                Ok(Some(Verdict::Work(job))) => {
                    self.unread = input.to_vec();
                    return Verdict::Work(job);
                }
                Ok(Some(verdict)) => return verdict,
                Ok(None) => {}
                Err(error) => return self.refuse(error, out),
            }
        }
    }

    pub(super) fn on_done(&mut self, answer: Answer, out: &mut Vec<u8>) -> Verdict {
        let Stage::Working { form } = self.stage else { panic!("an answer came to no job") };
        if let Some(last) = self.answer(form, &answer, out) {
            return last;
        }
        let unread = std::mem::take(&mut self.unread);
        self.on_input(&unread, out)
    }

    /// Takes one head or one piece of a body; none: there may be more to take.
    fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<Option<Verdict>, HttpError> {
        if input.is_empty() {
            return Ok(Some(Verdict::Open));
        }
        match &mut self.stage {
            Stage::Head(reader) => {
                let Progress::Complete { consumed, head } = reader.on_input(input)? else {
                    return Ok(Some(Verdict::Open));
                };
                *input = &input[consumed..];
                let decoder = BodyDecoder::new(head.body(), &limits())?;
                let asked = Asked::from(&head);
                if decoder.is_done() {
                    return Ok(self.serve(asked, out));
                }
                if input.is_empty() && head.expects_continue() {
                    out.extend_from_slice(CONTINUE);
                }
                self.stage = Stage::Body { asked, decoder };
                Ok(None)
            }
            Stage::Body { asked, decoder } => {
                let step = decoder.on_input(input)?;
                if let Some(Job::Digest(body)) = &mut asked.job {
                    body.extend_from_slice(&input[step.data]);
                }
                *input = &input[step.consumed..];
                if !step.done {
                    return Ok(None);
                }
                let asked = std::mem::replace(asked, Asked { job: None, form: asked.form });
                Ok(self.serve(asked, out))
            }
            Stage::Working { .. } | Stage::Over => unreachable!("on_input() checks the stage, and each end returns"),
        }
    }

    /// A whole request is there.
    fn serve(&mut self, asked: Asked, out: &mut Vec<u8>) -> Option<Verdict> {
        let Asked { job, form } = asked;
        let answer = match job {
            None => Answer::not_found(),
            Some(Job::Greet) if self.delegation == Delegation::Heavy => Job::Greet.run(&Disk::NONE),
            Some(job) => {
                self.stage = Stage::Working { form };
                return Some(Verdict::Work(job));
            }
        };
        self.answer(form, &answer, out)
    }

    /// Writes an answer and waits for the next head, or ends.
    fn answer(&mut self, form: Form, answer: &Answer, out: &mut Vec<u8>) -> Option<Verdict> {
        let connection = ConnectionField::answering(form.version, form.keep_alive);
        HeadWriter::begin(out, answer.status)
            .content_type("text/plain")
            .finish(Framing::Length(answer.body.len() as u64), connection);
        if !form.head_only {
            out.extend_from_slice(&answer.body);
        }
        if form.keep_alive {
            self.stage = Stage::Head(HeadReader::new(&limits()));
            return None;
        }
        self.stage = Stage::Over;
        Some(Verdict::Close)
    }

    /// What comes behind a mistake cannot be told apart, so its answer is the last.
    fn refuse(&mut self, error: HttpError, out: &mut Vec<u8>) -> Verdict {
        let form = Form { version: Version::Http11, keep_alive: false, head_only: false };
        let answer = Answer { status: error.status(), body: format!("{error}\n").into_bytes() };
        self.answer(form, &answer, out).expect("a connection that is not kept ends with its answer")
    }
}

impl From<&RequestHead> for Asked {
    fn from(head: &RequestHead) -> Asked {
        let job = Job::of(head.method(), head.path(), head.query());
        let form = Form { version: head.version(), keep_alive: head.keep_alive(), head_only: head.is_head() };
        Asked { job, form }
    }
}
