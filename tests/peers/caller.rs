//! A client that does what a pattern says, one thing after the other, and writes down every word it hears. Two servers
//! that hear the same of it at the same time can be compared word by word.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// What a client does: the same towards every server.
pub(crate) type Pattern = fn(&mut Caller);

/// A client at work.
pub(crate) struct Caller {
    at: SocketAddr,
    began: Instant,
    heard: Vec<Heard>,
}

/// What was said, and what was answered: of a yes the code alone, whose words are every server's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    said: String,
    answer: String,
}

impl Heard {
    /// The words of what is no yes.
    fn refusal(&self) -> Option<&str> {
        (!self.answer.starts_with(['2', '3'])).then_some(&*self.answer)
    }
}

/// A connection.
pub(crate) struct Line(BufReader<TcpStream>);

/// No reply takes longer, tarpits included.
const PATIENCE: Duration = Duration::from_secs(30);

impl Caller {
    /// Does as the pattern says.
    fn heard(at: SocketAddr, pattern: Pattern) -> Vec<Heard> {
        let mut caller = Self { at, began: Instant::now(), heard: Vec::new() };
        pattern(&mut caller);
        caller.heard
    }

    /// Waits until so much time has passed since the pattern began.
    pub(crate) fn until(&self, since: Duration) {
        thread::sleep(since.saturating_sub(self.began.elapsed()));
    }

    /// How much time has passed since the pattern began.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Connects, and says EHLO once greeted; `None` if it is refused.
    pub(crate) fn greet(&mut self) -> Option<Line> {
        let mut line = self.connect("")?;
        self.say(&mut line, "EHLO client.example");
        Some(line)
    }

    /// Connects, and says something at once, before it is greeted; `None` if it is refused.
    pub(crate) fn connect(&mut self, early: &str) -> Option<Line> {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        (&stream).write_all(early.as_bytes()).unwrap();
        let mut line = Line(BufReader::new(stream));
        let greeting = line.reply();
        // postscreen sends a line of greeting beforehand, to tempt the hasty: what it says then is the last.
        let last = greeting.rsplit('\n').next().unwrap_or_default().to_owned();
        self.note(&format!("(connects){early}"), last).then_some(line)
    }

    /// Says a command; whether the answer is a yes.
    pub(crate) fn say(&mut self, line: &mut Line, command: &str) -> bool {
        // On a connection that is closed the answer is missing, which is noted.
        let _ = line.0.get_ref().write_all(format!("{command}\r\n").as_bytes());
        let answer = line.reply();
        self.note(command, answer)
    }

    /// Begins a message, names its recipients and sends it to those that are taken.
    pub(crate) fn message(&mut self, line: &mut Line, to: &[String]) {
        if !self.say(line, "MAIL FROM:<news@sender.example>") {
            return;
        }
        let taken = to.iter().filter(|to| self.say(line, &format!("RCPT TO:<{to}>"))).count();
        if taken == 0 {
            self.say(line, "RSET");
        } else if self.say(line, "DATA") {
            self.say(line, "Subject: hello\r\n\r\nhello\r\n.");
        }
    }

    /// Connects, and takes its leave.
    pub(crate) fn look_in(&mut self) {
        if let Some(line) = self.greet() {
            self.quit(line);
        }
    }

    /// Takes its leave.
    pub(crate) fn quit(&mut self, mut line: Line) {
        self.say(&mut line, "QUIT");
    }

    fn note(&mut self, said: &str, answer: String) -> bool {
        let is_yes = answer.starts_with(['2', '3']);
        let answer = if is_yes { answer[..3].to_owned() } else { answer };
        self.heard.push(Heard { said: said.to_owned(), answer });
        is_yes
    }
}

impl Line {
    /// The lines of the next reply, or that there is none any more.
    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 {
                return "closed".to_owned();
            }
            reply.push_str(line.trim_end());
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
            reply.push('\n');
        }
    }
}

/// What two servers answered to the same pattern at the same time.
pub(crate) struct SideBySide {
    theirs: Vec<Heard>,
    ours: Vec<Heard>,
}

impl SideBySide {
    /// Has the pattern done to the real server and to ours.
    pub(crate) fn of(pattern: Pattern, theirs: SocketAddr, ours: SocketAddr) -> Self {
        just_after_a_second();
        let both = [theirs, ours].map(|at| thread::spawn(move || Caller::heard(at, pattern)));
        let [theirs, ours] = both.map(|one| one.join().unwrap());
        Self { theirs, ours }
    }

    /// Asserts that both answered the same to everything, in the same order; the real one's refusals were these.
    pub(crate) fn agree(&self, refusals: &[(&str, usize)]) {
        let differing = self.theirs.iter().zip(&self.ours).find(|(theirs, ours)| theirs != ours);
        assert_eq!(differing, None, "the real one's answer and ours:\n{:#?}\n{:#?}", self.theirs, self.ours);
        assert_eq!(self.theirs.len(), self.ours.len());
        assert_eq!(totals(&self.theirs), refusals.iter().map(|(text, n)| (*text, *n)).collect(), "refusals");
    }

    /// Asserts that both answered the same as often, within 2 % of each; for what a hundredth of a second decides. How
    /// often the real one refused.
    pub(crate) fn agree_in_total(&self) -> usize {
        let (theirs, ours) = (totals(&self.theirs), totals(&self.ours));
        assert!(theirs.keys().eq(ours.keys()), "theirs {theirs:?}, ours {ours:?}");
        for (text, n) in &theirs {
            let apart = n.abs_diff(ours[text]);
            assert!(apart * 50 <= *n, "{text}: theirs {n}, ours {}", ours[text]);
        }
        theirs.values().sum()
    }
}

/// How often each refusal was heard.
fn totals(heard: &[Heard]) -> BTreeMap<&str, usize> {
    let mut totals = BTreeMap::new();
    for refusal in heard.iter().filter_map(Heard::refusal) {
        *totals.entry(refusal).or_default() += 1;
    }
    totals
}

/// Waits for the beginning of a second: some servers count in whole ones.
fn just_after_a_second() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    thread::sleep(Duration::from_millis(1_100 - u64::from(now.subsec_millis())));
}
