//! Where results go: a fresh folder for every run. Nothing that exists is ever overwritten.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Failure;

/// Reruns of one and the same run that are kept side by side.
const RERUNS_MAX: u32 = 10_000;

/// Makes the folder for the results of a run of the scenario of that name, and checks that it takes files.
///
/// Without a request that is `results/<scenario>/<run>`, with a number if there was such a run before. A requested
/// folder must be new or empty.
pub(super) fn create(requested: Option<&Path>, scenario: &str, run: &str) -> Result<PathBuf, Failure> {
    let folder = match requested {
        Some(requested) => requested_folder(requested)?,
        None => fresh(&Path::new("results").join(scenario), run)?,
    };
    let probe = folder.join(".mxlab-probe");
    fs::write(&probe, "").and_then(|()| fs::remove_file(&probe)).map_err(|e| Failure::unwritten_path(&folder, &e))?;
    Ok(folder)
}

/// `seed1-5-1a2b3c4d`, after seeds and scenario hash: the same run has the same name everywhere.
pub(super) fn run_name(first: u64, seeds: u32, hash: u64) -> String {
    let last = first.saturating_add(u64::from(seeds.saturating_sub(1)));
    let range = if last == first { format!("seed{first}") } else { format!("seed{first}-{last}") };
    format!("{range}-{:08x}", hash >> 32)
}

fn requested_folder(folder: &Path) -> Result<PathBuf, Failure> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => return Ok(folder.to_owned()),
        Ok(false) => {
            let folder = folder.display();
            return Err(Failure::input(format_args!("{folder} has files in it; results are never overwritten")));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Failure::input(format_args!("{} is not a folder", folder.display())));
        }
        Err(error) => return Err(Failure::unwritten_path(folder, &error)),
    }
    fs::create_dir_all(folder).map_err(|error| Failure::unwritten_path(folder, &error))?;
    Ok(folder.to_owned())
}

fn fresh(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    fs::create_dir_all(parent).map_err(|error| Failure::unwritten_path(parent, &error))?;
    for n in 1..=RERUNS_MAX {
        let folder = parent.join(if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::unwritten_path(&folder, &error)),
        }
    }
    Err(Failure::input(format_args!("{} has {RERUNS_MAX} runs of {name}; clear it out", parent.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_after_what_decides_it() {
        assert_eq!(run_name(1, 5, 0x1a2b_3c4d_0000_0000), "seed1-5-1a2b3c4d");
        assert_eq!(run_name(7, 1, 0), "seed7-00000000");
    }

    #[test]
    fn a_rerun_gets_a_number() {
        let parent = tempfile::tempdir().unwrap();
        let names = [1, 2, 3].map(|_| fresh(parent.path(), "seed1").unwrap());
        assert_eq!(names.map(|path| path.file_name().unwrap().to_owned()), ["seed1", "seed1-2", "seed1-3"]);
    }

    #[test]
    fn a_folder_with_files_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/folder");
        assert_eq!(requested_folder(&folder), Ok(folder.clone()));
        assert_eq!(requested_folder(&folder), Ok(folder.clone()));
        fs::write(folder.join("a"), "").unwrap();
        assert!(requested_folder(&folder).is_err());
        assert!(requested_folder(&folder.join("a")).is_err());
    }
}
