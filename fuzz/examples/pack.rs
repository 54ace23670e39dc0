//! Packs what a fuzzer has found, `corpus/TARGET`, into `corpora/TARGET` for the tests. Run it in the folder `fuzz`, after the
//! corpus was made small (CONTRIBUTING.md says how), with the names of the targets, or with folders to pack instead.

use std::path::Path;
use std::{env, fs, io};

use crore_fuzz::corpora;

fn main() -> io::Result<()> {
    for argument in env::args().skip(1) {
        let given = Path::new(&argument);
        let folder = if given.components().count() > 1 { given.to_owned() } else { Path::new("corpus").join(given) };
        let mut inputs = Vec::new();
        for entry in fs::read_dir(&folder)? {
            inputs.push(fs::read(entry?.path())?);
        }
        // Short ones first, so that a test fails with the smallest.
        inputs.sort_by_key(|input| (input.len(), input.clone()));
        let packed = corpora::pack(&inputs);
        assert!(corpora::inputs(&packed).len() <= inputs.len(), "what was packed can be read");
        let name = given.file_name().ok_or_else(|| io::Error::other(format!("{argument}: no name of a target")))?;
        fs::create_dir_all("corpora")?;
        fs::write(Path::new("corpora").join(name), &packed)?;
        println!("corpora/{}: {} inputs, {} bytes", name.display(), inputs.len(), packed.len());
    }
    Ok(())
}
