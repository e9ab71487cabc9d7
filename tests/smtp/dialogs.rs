//! Every file of `tests/dialogs`, with bytes that arrive all at once, one by one, and in threes.

use std::fs;
use std::path::Path;

use super::dialog::Dialog;
use super::world::World;

#[test]
fn every_dialog_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let dialog = Dialog::parse(&fs::read_to_string(&file).unwrap());
        for piece in [usize::MAX, 1, 3] {
            dialog.play(&name, &mut World::new(&dialog.setting, piece));
        }
    }
}

#[test]
#[should_panic(expected = "x:2: expected \"220 wrong\", heard Some(\"220 mx.example ESMTP\")")]
fn a_dialog_with_a_wrong_reply_fails() {
    let dialog = Dialog::parse("# A server that is called wrong.\nS: 220 wrong\n");
    dialog.play("x", &mut World::new(&dialog.setting, 1));
}

#[test]
#[should_panic(expected = "x: at the end: expected None, heard Some(\"221 2.0.0 Bye\")")]
fn a_dialog_with_a_reply_too_many_fails() {
    let dialog = Dialog::parse("S: 220 *\nC: QUIT\n");
    dialog.play("x", &mut World::new(&dialog.setting, 1));
}
