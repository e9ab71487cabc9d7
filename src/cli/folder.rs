//! Where results go: a folder that one run has for itself. Nothing that exists is ever overwritten.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::Failure;

/// Reruns of one and the same run that are kept side by side.
const RERUNS_MAX: u32 = 10_000;

/// The file that claims a folder for as long as a run lasts. Who makes it has the folder: it is made only where there
/// is none.
const CLAIM: &str = ".mxlab-claim";

/// A folder for the results of one run, claimed until this is dropped.
#[derive(Debug)]
pub(super) struct ResultsFolder {
    path: PathBuf,
    /// Whether it was made for this run: then it goes with the run if nothing was written.
    made: bool,
}

impl ResultsFolder {
    /// Makes the folder for the results of a run of the scenario of that name, and checks that it takes files.
    ///
    /// Without a request that is `results/<scenario>/<run>`, with a number if there was such a run before. A requested
    /// folder must be new or empty.
    ///
    /// # Errors
    /// The requested folder has files in it or belongs to another run, or the folder cannot be written.
    pub(super) fn create(requested: Option<&Path>, scenario: &str, run: &str) -> Result<Self, Failure> {
        match requested {
            Some(requested) => requested_folder(requested)?.claim(),
            None => fresh(&Path::new("results").join(scenario), run)?.claim(),
        }
    }
}

/// A folder that was found empty, or made.
struct EmptyFolder {
    path: PathBuf,
    made: bool,
}

impl EmptyFolder {
    /// Of several runs that try, one succeeds.
    fn claim(self) -> Result<ResultsFolder, Failure> {
        let Self { path, made } = self;
        let owner = format!("A run writes its results here: process {}.\n", std::process::id());
        let claim = OpenOptions::new().write(true).create_new(true).open(path.join(CLAIM));
        let this = match claim {
            Ok(mut file) => {
                let this = ResultsFolder { path, made };
                file.write_all(owner.as_bytes()).map_err(|error| Failure::unwritten_path(&this, &error))?;
                this
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(claimed_already(&path)),
            Err(error) => return Err(Failure::unwritten_path(&path, &error)),
        };
        // Another run may have come, written and gone between the look and the claim.
        match some_entries(&this) {
            Ok(entries) if entries == [CLAIM] => Ok(this),
            Ok(_) => Err(not_empty(&this)),
            Err(error) => Err(Failure::unwritten_path(&this, &error)),
        }
    }
}

impl Deref for ResultsFolder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Drop for ResultsFolder {
    fn drop(&mut self) {
        // A claim that cannot be removed keeps other runs out, no more; and only an empty folder can be removed.
        let _ = fs::remove_file(self.path.join(CLAIM));
        if self.made {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// `seed1-5-1a2b3c4d`, after seeds and scenario hash: the same run has the same name everywhere.
pub(super) fn run_name(first: u64, seeds: u32, hash: u64) -> String {
    let last = first.saturating_add(u64::from(seeds.saturating_sub(1)));
    let range = if last == first { format!("seed{first}") } else { format!("seed{first}-{last}") };
    format!("{range}-{:08x}", hash >> 32)
}

fn requested_folder(folder: &Path) -> Result<EmptyFolder, Failure> {
    let path = folder.to_owned();
    match some_entries(folder) {
        Ok(entries) if entries.is_empty() => return Ok(EmptyFolder { path, made: false }),
        Ok(entries) if entries.iter().any(|name| name == CLAIM) => return Err(claimed_already(folder)),
        Ok(_) => return Err(not_empty(folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Failure::input(format_args!("{} is not a folder", folder.display())));
        }
        Err(error) => return Err(Failure::unwritten_path(folder, &error)),
    }
    fs::create_dir_all(folder).map_err(|error| Failure::unwritten_path(folder, &error))?;
    Ok(EmptyFolder { path, made: true })
}

/// The names of some entries of a folder: all of them, if it has one or none.
fn some_entries(folder: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(folder)?.take(2).map(|entry| entry.map(|entry| entry.file_name())).collect()
}

fn not_empty(folder: &Path) -> Failure {
    Failure::input(format_args!("{} has files in it; results are never overwritten", folder.display()))
}

fn claimed_already(folder: &Path) -> Failure {
    let folder = folder.display();
    Failure::input(format_args!(
        "{folder} belongs to another run; if that was killed, remove {folder}/{CLAIM}, or choose another folder"
    ))
}

fn fresh(parent: &Path, name: &str) -> Result<EmptyFolder, Failure> {
    fs::create_dir_all(parent).map_err(|error| Failure::unwritten_path(parent, &error))?;
    for n in 1..=RERUNS_MAX {
        let path = parent.join(if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(EmptyFolder { path, made: true }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::unwritten_path(&path, &error)),
        }
    }
    Err(Failure::input(format_args!("{} has {RERUNS_MAX} runs of {name}; clear it out", parent.display())))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn a_run_is_named_after_what_decides_it() {
        assert_eq!(run_name(1, 5, 0x1a2b_3c4d_0000_0000), "seed1-5-1a2b3c4d");
        assert_eq!(run_name(7, 1, 0), "seed7-00000000");
    }

    #[test]
    fn a_rerun_gets_a_number() {
        let parent = tempfile::tempdir().unwrap();
        let names = [1, 2, 3].map(|_| fresh(parent.path(), "seed1").unwrap().path.file_name().unwrap().to_owned());
        assert_eq!(names, ["seed1", "seed1-2", "seed1-3"]);
    }

    #[test]
    fn a_folder_with_files_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/folder");
        fs::create_dir_all(&folder).unwrap();
        let create = |folder: &Path| ResultsFolder::create(Some(folder), "a", "b");
        drop(create(&folder).unwrap());
        assert!(folder.exists(), "it was there before");
        fs::write(folder.join("a"), "").unwrap();
        assert!(create(&folder).is_err());
        assert!(create(&folder.join("a")).is_err());
        assert_eq!(some_entries(&folder).unwrap(), ["a"]);
    }

    #[test]
    fn what_was_made_for_nothing_goes_again() {
        let parent = tempfile::tempdir().unwrap();
        let [empty, used] = ["empty", "used"].map(|name| parent.path().join(name));
        drop(ResultsFolder::create(Some(&empty), "a", "b").unwrap());
        assert!(!empty.exists());
        let results = ResultsFolder::create(Some(&used), "a", "b").unwrap();
        fs::write(results.join("run.json"), "").unwrap();
        drop(results);
        assert_eq!(some_entries(&used).unwrap(), ["run.json"]);
    }

    #[test]
    fn of_runs_into_one_folder_at_once_one_has_it() {
        let parent = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let (folder, start) = (parent.path().join(round.to_string()), Barrier::new(8));
            let run = || {
                start.wait();
                ResultsFolder::create(Some(&folder), "a", "b")
            };
            let results: Vec<_> = thread::scope(|scope| {
                let runs: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
                runs.into_iter().map(|run| run.join().unwrap()).collect()
            });
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        }
    }
}
