//! The traffic of a peer: its input and the expected reply.

use std::sync::OnceLock;

use fastrand::Rng;
use tcpecho::net::proxy::HeaderPolicy;

/// How input becomes output: an independent, minimal model of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// The same bytes.
    Same,
    /// Nothing.
    Nothing,
    /// The sum of the two numbers on each line.
    Sums,
    /// One HTTP response to one request.
    Http,
}

/// The input of one peer, and the daemon's expected reply.
#[derive(Debug)]
pub(super) struct Talk {
    /// All bytes that the peer sends.
    pub(super) input: Vec<u8>,
    /// All bytes that the daemon sends; for an admin request, only the body.
    pub(super) reply: Vec<u8>,
    pub(super) answers: Answers,
    /// Length of the PROXY header at the start of the input.
    pub(super) header: usize,
    /// The header is optional, so a late one counts as input.
    pub(super) may_be_raw: bool,
    /// Length of the banner at the start of the reply.
    pub(super) greeting: usize,
}

impl Talk {
    /// Random bytes, in lines of all lengths.
    pub(super) fn of_bytes(rng: &mut Rng, bytes: usize) -> Self {
        let input = pattern(rng, bytes).to_vec();
        Self {
            reply: input.clone(),
            input,
            answers: Answers::Same,
            header: 0,
            may_be_raw: false,
            greeting: 0,
        }
    }

    /// The same input, to which nothing is replied.
    pub(super) fn discarded(mut self) -> Self {
        self.answers = Answers::Nothing;
        self.reply.clear();
        self
    }

    /// Lines of two numbers each; the last may lack its newline.
    pub(super) fn of_sums(rng: &mut Rng, lines: usize) -> Self {
        let lines: Vec<_> = (0..lines).map(|_| (rng.i32(..), rng.i32(0..100))).collect();
        let input = lines.iter().map(|(one, other)| format!("{one} {other}\n"));
        let sums = lines.iter().map(|(one, other)| i64::from(*one) + i64::from(*other));
        let reply = sums.flat_map(|sum| format!("{sum}\n").into_bytes()).collect();
        let mut input: Vec<_> = input.flat_map(String::into_bytes).collect();
        if rng.bool() {
            input.pop();
        }
        Self { input, reply, answers: Answers::Sums, header: 0, may_be_raw: false, greeting: 0 }
    }

    /// A request for `/healthz`.
    pub(super) fn of_a_visit() -> Self {
        let input = b"GET /healthz HTTP/1.1\r\nHost: simulation\r\n\r\n".to_vec();
        Self {
            input,
            reply: VISIT.to_vec(),
            answers: Answers::Http,
            header: 0,
            may_be_raw: false,
            greeting: 0,
        }
    }

    /// Adds a PROXY header before the input.
    pub(super) fn introduced(mut self, header: Vec<u8>, demand: HeaderPolicy) -> Self {
        self.may_be_raw = demand == HeaderPolicy::Optional;
        self.header = header.len();
        self.input.splice(0..0, header);
        self
    }

    /// Adds a banner before the reply.
    pub(super) fn greeted(mut self, greeting: &[u8]) -> Self {
        self.greeting = greeting.len();
        self.reply.splice(0..0, greeting.iter().copied());
        self
    }

    /// Returns how many bytes of the reply are due after `read` bytes of input: the daemon may
    /// write no more.
    pub(super) fn due(&self, read: usize) -> usize {
        let requests = self.input.get(self.header..read).unwrap_or_default();
        match self.answers {
            Answers::Same => self.greeting + requests.len(),
            Answers::Nothing => self.greeting,
            Answers::Sums => {
                let lines = requests.split(|byte| *byte == b'\n').count() - 1;
                let unfinished = !requests.is_empty() && !requests.ends_with(b"\n");
                let last = usize::from(unfinished && read == self.input.len());
                let ends = self.reply.get(self.greeting..).unwrap_or_default();
                let mut ends = ends.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len);
                self.greeting + ends.by_ref().take(lines + last).sum::<usize>()
            }
            Answers::Http => usize::MAX,
        }
    }

    /// True if the first `read` bytes end with a complete request.
    pub(super) fn is_whole(&self, read: usize) -> bool {
        matches!(self.answers, Answers::Same | Answers::Nothing)
            || read == self.input.len()
            || read.checked_sub(1).and_then(|last| self.input.get(last)) == Some(&b'\n')
    }
}

/// The response body of the simulated admin handler.
pub(super) const VISIT: &[u8] = b"the simulation is well\n";

/// Returns a slice of the pattern, with one of four mean line lengths: 8, 80, 1,000 and 20,000
/// bytes.
fn pattern(rng: &mut Rng, bytes: usize) -> &'static [u8] {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    const REGION: usize = 512 << 10;
    let pattern = PATTERN.get_or_init(|| {
        let mut rng = Rng::with_seed(7);
        let lengths = [8, 80, 1000, 20_000];
        let bytes = lengths.iter().flat_map(|length| std::iter::repeat_n(*length, REGION));
        bytes.map(|length| if rng.usize(0..length) == 0 { b'\n' } else { rng.u8(..) }).collect()
    });
    let region = rng.usize(0..4) * REGION;
    let place = region + rng.usize(0..REGION - bytes);
    &pattern[place..place + bytes]
}
