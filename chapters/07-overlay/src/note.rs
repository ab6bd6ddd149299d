//! `note PATH NAME VALUE`: writes a note of overlay's beside a file, under the name that it has for this user. The tests
//! make layers with it as other tools make them.

use coracle_ground::sys;
use coracle_overlay::Notes;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, name, value] = &args[..] else {
        eprintln!("usage: note PATH NAME VALUE");
        return ExitCode::from(2);
    };
    match sys::set_attribute(Path::new(path), &Notes::ours().name(name), value.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("note: {error}");
            ExitCode::FAILURE
        }
    }
}
