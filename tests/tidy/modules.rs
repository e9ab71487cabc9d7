//! The modules of the library as a reader of its text sees them: what each file defines, what it brings into scope, and
//! which file a path leads to.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::source::Source;

/// A module, from the root of the library.
type Module = Vec<String>;

/// A name that `use` brings into a module's scope.
#[derive(Clone, Debug)]
struct Import {
    /// The path behind it.
    path: Vec<String>,
    /// It is visible outside of the module.
    reexport: bool,
}

/// A file of the library.
#[derive(Debug, Default)]
struct File {
    path: String,
    /// Its code without tests and `use` declarations.
    code: String,
    /// Items at the top of the file, and those that its macros make.
    items: BTreeSet<String>,
    children: BTreeSet<String>,
    imports: BTreeMap<String, Import>,
    globs: Vec<Vec<String>>,
    /// The methods that it adds to types by `impl` blocks without a trait, by the type's name.
    methods: BTreeMap<String, BTreeSet<String>>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Module(Module),
    /// An item that this file defines.
    Item(String),
}

/// All modules of the library; test modules are none.
#[derive(Debug, Default)]
pub(super) struct Modules(BTreeMap<Module, File>);

impl Modules {
    pub(super) fn of(sources: &[Source]) -> Self {
        let tests: BTreeSet<Module> = sources.iter().flat_map(test_modules).collect();
        let mut modules = Self::default();
        for source in sources.iter().filter(|source| source.path != "src/main.rs") {
            let module: Module = source.module().into_iter().map(str::to_owned).collect();
            if (1..=module.len()).all(|depth| !tests.contains(&module[..depth])) {
                modules.0.insert(module, File::of(source));
            }
        }
        modules
    }

    /// For each file the files that define what it names or calls, and one of the names.
    pub(super) fn dependencies(&self) -> BTreeMap<&str, BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        for (module, file) in &self.0 {
            let mut found = BTreeMap::new();
            for path in self.named(module, file) {
                if let Some(Target::Item(definer)) = self.resolve(module, &path, 0)
                    && definer != file.path
                {
                    found.entry(definer).or_insert_with(|| path.last().cloned().unwrap_or_default());
                }
            }
            all.insert(file.path.as_str(), found);
        }
        for (home, adder, method) in self.called_at_home() {
            all.entry(home).or_default().entry(adder).or_insert(method);
        }
        all
    }

    /// The types whose own file calls methods that another file adds: the type's file, the other one, and a method. No
    /// `use` declaration tells of them.
    fn called_at_home(&self) -> Vec<(&str, String, String)> {
        let mut found = Vec::new();
        for (module, file) in &self.0 {
            for (name, methods) in &file.methods {
                let Some(Target::Item(home)) = self.resolve(module, std::slice::from_ref(name), 0) else { continue };
                let Some(home) = self.0.values().find(|other| other.path == home && other.path != file.path) else {
                    continue;
                };
                let called = |method: &&String| {
                    Regex::new(&format!(r"(?:\.|\b(?:Self|{name})::){method}\(")).unwrap().is_match(&home.code)
                };
                let called = methods.iter().find(called);
                found.extend(called.map(|method| (home.path.as_str(), file.path.clone(), method.clone())));
            }
        }
        found
    }

    /// The paths that a file names: in its code, and in `use` declarations unless they only hand a name on.
    fn named(&self, module: &Module, file: &File) -> Vec<Vec<String>> {
        let path = Regex::new(r"\b[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)*").unwrap();
        let in_code: BTreeSet<Vec<String>> = path.find_iter(&file.code).map(|found| segments(found.as_str())).collect();
        // A field is no name of an item.
        let field = Regex::new(r"\.\s*[a-z_]\w*|\b[a-z_]\w*\s*:[^:]").unwrap();
        let without_fields = field.replace_all(&file.code, " ");
        let words: BTreeSet<&str> =
            path.find_iter(&without_fields).flat_map(|path| path.as_str().split("::")).collect();
        let used = |(name, import): &(&String, &Import)| !import.reexport || words.contains(name.as_str());
        let mut paths: Vec<Vec<String>> = file.imports.iter().filter(used).map(|(_, i)| i.path.clone()).collect();
        for glob in &file.globs {
            if let Some(Target::Module(behind)) = self.resolve(module, glob, 0) {
                let names = self.0.get(&behind).map(File::names).unwrap_or_default();
                let used = names.into_iter().filter(|name| words.contains(name.as_str()));
                paths.extend(used.map(|name| [glob.clone(), vec![name]].concat()));
            }
        }
        // A path of one segment is a name in scope, which its `use` declaration has told already.
        paths.extend(in_code.into_iter().filter(|path| path.len() > 1));
        paths
    }

    /// Where a path leads that stands in `module`; `None` out of the library. Names may lead in circles: `depth` ends
    /// them.
    fn resolve(&self, module: &Module, path: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" | "mxlab" => Target::Module(Vec::new()),
            "self" => Target::Module(module.clone()),
            "super" => Target::Module(module[..module.len().checked_sub(1)?].to_vec()),
            _ => self.member(module, first, rest.is_empty(), depth)?,
        };
        rest.iter().enumerate().try_fold(start, |target, (n, name)| match target {
            Target::Module(parent) if name == "super" => {
                Some(Target::Module(parent[..parent.len().checked_sub(1)?].to_vec()))
            }
            Target::Module(parent) if name == "self" => Some(Target::Module(parent)),
            Target::Module(parent) => self.member(&parent, name, n + 1 == rest.len(), depth),
            // A variant or an associated item.
            item @ Target::Item(_) => Some(item),
        })
    }

    /// What a name means in a module: at the end of a path an item before a module, else the other way round.
    fn member(&self, module: &Module, name: &str, last: bool, depth: usize) -> Option<Target> {
        let file = self.0.get(module)?;
        let item = file.items.contains(name).then(|| Target::Item(file.path.clone()));
        let child = [module.as_slice(), &[name.to_owned()]].concat();
        let child = file.children.contains(name).then_some(Target::Module(child));
        let own = if last { item.or(child) } else { child.or(item) };
        if own.is_some() || depth > 16 {
            return own;
        }
        let import = file.imports.get(name).and_then(|import| self.resolve(module, &import.path, depth + 1));
        import.or_else(|| {
            file.globs.iter().find_map(|glob| match self.resolve(module, glob, depth + 1)? {
                Target::Module(behind) if behind != *module => self.member(&behind, name, last, depth + 1),
                _ => None,
            })
        })
    }
}

impl File {
    fn of(source: &Source) -> Self {
        let code = without_test_items(&source.code);
        let mut file =
            Self { path: source.path.clone(), items: items(&code), methods: methods(&code), ..Self::default() };
        let child = Regex::new(r"(?m)^(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;").unwrap();
        file.children = child.captures_iter(&code).map(|found| found[1].to_owned()).collect();
        let declaration = Regex::new(r"(?m)^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);").unwrap();
        for found in declaration.captures_iter(&code) {
            file.declare(&[], &found[2], found.get(1).is_some());
        }
        file.code = child.replace_all(&declaration.replace_all(&code, ""), "").into_owned();
        file
    }

    /// Takes a tree of `use` apart.
    fn declare(&mut self, before: &[String], tree: &str, reexport: bool) {
        let tree = tree.trim();
        if let Some(open) = tree.find('{') {
            let before = [before, &segments(&tree[..open])].concat();
            for branch in branches(&tree[open + 1..]) {
                self.declare(&before, branch, reexport);
            }
            return;
        }
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
        let mut path = [before, &segments(path)].concat();
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        match (path.last().cloned(), alias) {
            (Some(last), _) if last == "*" => {
                path.pop();
                self.globs.push(path);
            }
            (Some(last), alias) => {
                self.imports.insert(alias.unwrap_or(&last).to_owned(), Import { path, reexport });
            }
            (None, _) => {}
        }
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().chain(self.imports.keys()).cloned().collect()
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

/// The branches of a tree of `use`, whose opening brace is already read.
fn branches(tree: &str) -> Vec<&str> {
    let (mut depth, mut from, mut branches) = (0, 0, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                branches.push(&tree[from..at]);
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    branches.into_iter().filter(|branch| !branch.trim().is_empty()).collect()
}

/// The items at the top of a file, and those that its macros make.
fn items(code: &str) -> BTreeSet<String> {
    let item = Regex::new(
        r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:(?:const|async|unsafe)\s+)*(?:struct|enum|trait|type|union|fn|const|static)\s+(?:mut\s+)?([A-Za-z]\w*)",
    )
    .unwrap();
    let made = Regex::new(r"^\s*([A-Z]\w*)\(\w+\);").unwrap();
    let macro_head = Regex::new(r"^(?:macro_rules!\s*\w+|\w+!)\s*[({]").unwrap();
    let (mut depth, mut in_macro, mut items) = (0_i32, false, BTreeSet::new());
    for line in code.lines() {
        in_macro = if depth == 0 { macro_head.is_match(line) } else { in_macro };
        if depth == 0 || in_macro {
            let names = item.captures(line).into_iter().chain(made.captures(line).filter(|_| in_macro));
            items.extend(names.map(|found| found[1].to_owned()));
        }
        depth += line.chars().map(|c| i32::from(c == '{') - i32::from(c == '}')).sum::<i32>();
    }
    items
}

/// The methods of `impl` blocks without a trait, by the name of the type.
fn methods(code: &str) -> BTreeMap<String, BTreeSet<String>> {
    let block =
        Regex::new(r"(?ms)^impl(?:<[^{]*?>)?\s+([A-Z]\w*)(?:<[^{]*?>)?\s*(?:\bwhere\b[^{]*)?\{(.*?)^\}").unwrap();
    let method = Regex::new(r"\bfn\s+(\w+)").unwrap();
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for found in block.captures_iter(code) {
        let names = method.captures_iter(&found[2]).map(|name| name[1].to_owned());
        methods.entry(found[1].to_owned()).or_default().extend(names);
    }
    methods
}

/// The modules that a file declares for tests only.
fn test_modules(source: &Source) -> Vec<Module> {
    let declared =
        Regex::new(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;").unwrap();
    let parent: Module = source.module().into_iter().map(str::to_owned).collect();
    let names = declared.captures_iter(&source.all_code).map(|found| found[1].to_owned());
    names.map(|name| [parent.as_slice(), &[name]].concat()).collect()
}

/// The code without items that only tests see.
fn without_test_items(code: &str) -> String {
    let mut rest = code;
    let mut kept = String::with_capacity(code.len());
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '{') - i32::from(*c == '}');
            depth == 0 && matches!(c, ';' | '}')
        });
        rest = end.map_or("", |(end, _)| &rest[end + 1..]);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `files` name of each other: `a.rs > b.rs Name`.
    fn edges(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new((*path).into(), (*text).into())).collect();
        let modules = Modules::of(&sources);
        let lines = modules.dependencies().into_iter().flat_map(|(from, to)| {
            to.into_iter().map(move |(to, name)| format!("{from} > {to} {name}")).collect::<Vec<_>>()
        });
        lines.map(|line| line.replace("src/", "").replace(".rs", "")).collect()
    }

    const LIB: (&str, &str) = ("src/lib.rs", "pub mod a;\npub mod b;\n");

    #[test]
    fn a_path_leads_to_the_file_that_defines_its_name() {
        let b = ("src/b.rs", "pub struct B;\npub(crate) fn make() -> B { B }\n");
        for text in [
            "use crate::b::B;\n",
            "use crate::{b::{B as C, make}};\n",
            "use super::b;\nfn f() { b::make(); }\n",
            "fn f() -> crate::b::B { todo() }\n",
            "use super::b::*;\nfn f(b: B) {}\n",
        ] {
            let edges = edges(&[LIB, ("src/a.rs", text), b]);
            assert!(edges.len() == 1 && edges[0].starts_with("a > b "), "{text}: {edges:?}");
        }
        for text in ["use super::b;\n", "use std::fmt;\nfn f() { b::make(); }\n", "struct B;\nimpl B { fn b() {} }\n"] {
            assert!(edges(&[LIB, ("src/a.rs", text), b]).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_name_that_a_parent_hands_on_belongs_to_the_child_that_defines_it() {
        let parent = ("src/b/mod.rs", "mod one;\nmod two;\npub use one::One;\nuse two::Two;\nfn f(two: Two) {}\n");
        let one = ("src/b/one.rs", "pub struct One;\n");
        let two = ("src/b/two.rs", "use super::One;\npub struct Two(One);\n");
        let a = ("src/a.rs", "use crate::b::One;\n");
        assert_eq!(edges(&[LIB, a, parent, one, two]), ["a > b/one One", "b/mod > b/two Two", "b/two > b/one One"]);
    }

    #[test]
    fn tests_and_comments_name_nothing() {
        let b = ("src/b.rs", "pub struct B;\n#[cfg(test)]\nmod checks;\n");
        let checks = ("src/b/checks.rs", "use crate::a::A;\n");
        let a = "pub struct A;\n#[cfg(test)]\nuse crate::b::B;\n/// [`crate::b::B`]\nconst C: &str = \"crate::b::B\";\n\
                 #[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n";
        assert!(edges(&[LIB, ("src/a.rs", a), b, checks]).is_empty());
    }

    #[test]
    fn what_a_macro_makes_is_defined_where_the_macro_is_called() {
        let b = ("src/b.rs", "macro_rules! ids { () => { x } }\nids! {\n    BId(u8);\n}\n");
        assert_eq!(edges(&[LIB, ("src/a.rs", "use crate::b::BId;\n"), b]), ["a > b BId"]);
    }
}
