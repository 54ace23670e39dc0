//! Uploads of any size to disk, with their SHA-256: `curl -T FILE http://127.0.0.1:8000/NAME`. What was uploaded is at `/files/NAME`.
//!
//! The body is read piece by piece and no faster than the disk takes it. Hashing is work for a processor, so it is done on the threads for
//! that: the core goes on with everybody else.

mod arguments;

use std::path::PathBuf;
use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use crore::fs::File;
use crore::pool;
use crore::web::{Application, Files, Request, Response, Route, Server, ServerOptions, Status};
use sha2::{Digest, Sha256};

const GIB: u64 = 1 << 30;
/// What is hashed and written at a time: a hop to another thread costs some microseconds.
const BATCH_BYTES: usize = 1 << 20;

fn main() -> ExitCode {
    arguments::serve(&Arguments::parse(), async |listener| {
        let folder = std::env::temp_dir().join("crore-uploads");
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let files = Files::new(&folder).map_err(|error| error.to_string())?;
        let application = Application::new((folder, files))
            .route(Route::new("PUT", "/{name}", upload).streamed().body_limit(16 * GIB))
            .get("/files/{*path}", download);
        Server::new(application, ServerOptions::default()).serve(listener).await.map_err(|error| error.to_string())
    })
}

async fn upload(mut request: Request<(PathBuf, Files)>) -> Result<Response, Response> {
    let name = request.parameter("name");
    if name.starts_with('.') || name.contains(['/', '\0']) {
        return Err(Response::error(Status::BAD_REQUEST, "a name has no slash and does not begin with a dot"));
    }
    let path = request.state().0.join(name);
    save(&mut request, path).await.map_err(|reason| Response::error(Status::INTERNAL_SERVER_ERROR, &reason))
}

async fn save(request: &mut Request<(PathBuf, Files)>, path: PathBuf) -> Result<Response, String> {
    let file = File::create(path).await.map_err(|error| error.to_string())?;
    let (mut hash, mut batch) = (Sha256::new(), Vec::new());
    loop {
        let piece = request.reader().next().await.map_err(|error| error.to_string())?;
        let is_last = piece.is_none();
        batch.extend_from_slice(&piece.unwrap_or_default());
        if batch.len() >= BATCH_BYTES || is_last {
            let (written, bytes) = file.append(std::mem::take(&mut batch)).await;
            written.map_err(|error| error.to_string())?;
            hash = pool::compute(move || hash.chain_update(bytes)).await.map_err(|error| error.to_string())?;
        }
        if is_last {
            let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(Response::text(digest + "\n").with_status(Status::CREATED));
        }
    }
}

async fn download(request: Request<(PathBuf, Files)>) -> Response {
    let files = request.state().1.clone();
    files.answer(request.head(), request.parameter("path")).await
}
