//! Scenarios in virtual time, a file each: what is called, what comes in, and what has to go out then. docs/tcp.md explains the form.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use anax_tcp::{
    Closed, Config, ConnectionId, Endpoint, Engine, Event, Flags, InitialWindow, ListenerId, Options,
    Outgoing, Segment, State, Tuple,
};
use smoltcp::wire::IpAddress;

/// What the other end's numbers begin with.
const IRS: u32 = 0x4000_0000;

/// What goes wrong, or nothing.
type Held = Result<(), String>;

/// A scenario that runs.
struct Stage {
    engine: Engine,
    config: Config,
    tuple: Tuple,
    now: Duration,
    sent: VecDeque<(Duration, Outgoing)>,
    events: VecDeque<Event>,
    connection: Option<ConnectionId>,
    listener: Option<ListenerId>,
    iss: Option<u32>,
    /// What the names S, R and W stand for: our next number, theirs, and behind their window's last.
    names: [u64; 3],
    stamp: u32,
    written: u64,
    room: u64,
    received: u64,
}

/// Runs all scenarios of a file: their names with what went wrong.
pub(crate) fn run(text: &str) -> Vec<(String, Held)> {
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split('#').next().unwrap_or_default().trim()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let (rows, prelude): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(_, line)| line.starts_with("row "));
    let (mut common, mut variants) = (Vec::new(), Vec::new());
    for (number, line) in prelude {
        match line.strip_prefix("variant ") {
            Some(name) => variants.push((name.trim(), Vec::new())),
            None => variants.last_mut().map_or(&mut common, |(_, lines)| lines).push((number, line)),
        }
    }
    if variants.is_empty() {
        variants.push(("", Vec::new()));
    }
    let mut done = Vec::new();
    for (variant, lines) in &variants {
        let before: Vec<_> = common.iter().chain(lines).copied().collect();
        if rows.is_empty() {
            done.push(((*variant).to_owned(), play(&before)));
        }
        for (number, row) in &rows {
            let (name, steps) = row["row ".len()..].split_once(':').unwrap_or((row, "missing-colon"));
            let own = steps.split("=>").flat_map(|part| part.split(';')).map(|step| (*number, step.trim()));
            let all: Vec<_> = before.iter().copied().chain(own).collect();
            done.push((format!("{variant} {name}").trim().to_owned(), play(&all)));
        }
    }
    done
}

fn play(lines: &[(usize, &str)]) -> Held {
    let mut stage: Option<Stage> = None;
    let mut config =
        Config { timestamps: false, delayed_ack: Duration::from_millis(100), ..Config::default() };
    let mut room = 65_535;
    for (number, line) in lines {
        let at = |error: String| format!("line {number}: {line}: {error}");
        if let Some(words) = line.strip_prefix("config ") {
            configure(&mut config, &mut room, words).map_err(at)?;
            continue;
        }
        let stage = stage.get_or_insert_with(|| Stage::new(config.clone(), room));
        stage.step(line).map_err(at)?;
    }
    let mut stage = stage.ok_or("nothing happens")?;
    stage.nothing().map_err(|error| format!("at the end: {error}"))
}

fn configure(config: &mut Config, room: &mut u32, words: &str) -> Held {
    for word in words.split_whitespace() {
        let (key, value) = word.split_once('=').ok_or("KEY=VALUE")?;
        let ms = || number(value).map(Duration::from_millis);
        match key {
            "sack" => config.sack = value == "on",
            "ts" => config.timestamps = value == "on",
            "iw" if value == "3390" => config.initial_window = InitialWindow::Rfc3390,
            "iw" => config.initial_window = InitialWindow::Ten,
            "mss" => config.mss_v4 = number(value)? as u16,
            "room" => *room = number(value)? as u32,
            "tso" => config.tso = number(value)? as u32,
            "openings" => config.most_openings = number(value)? as usize,
            "challenges" => config.challenges_a_second = number(value)? as u32,
            "time-wait" => config.time_wait = ms()?,
            "fin-wait" => config.fin_wait = ms()?,
            "least-timeout" => config.least_timeout = ms()?,
            "give-up" => config.give_up = ms()?,
            _ => return Err(format!("unknown key {key}")),
        }
    }
    Ok(())
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("'{word}' is no number"))
}

impl Stage {
    fn new(config: Config, room: u32) -> Self {
        let address = |last| IpAddress::v4(192, 0, 2, last);
        Self {
            engine: Engine::new(config.clone(), [7; 32]),
            config,
            tuple: Tuple { local: Endpoint::new(address(1), 80), remote: Endpoint::new(address(2), 5000) },
            now: Duration::from_secs(1000),
            sent: VecDeque::new(),
            events: VecDeque::new(),
            connection: None,
            listener: None,
            iss: None,
            names: [0, 0, 0],
            stamp: 0,
            written: 0,
            room: room.into(),
            received: 0,
        }
    }

    /// What a number of the script stands for: digits, S, R or W, with +N or -N.
    fn value(&self, word: &str) -> Result<u64, String> {
        let split = word.find(['+', '-']).filter(|at| *at > 0).unwrap_or(word.len());
        let (base, offset) = word.split_at(split);
        let base = match base {
            "S" => self.names[0],
            "R" => self.names[1],
            "W" => self.names[2],
            digits => number(digits)?,
        };
        match offset.split_at_checked(1) {
            Some(("+", more)) => Ok(base.wrapping_add(number(more)?)),
            Some(("-", less)) => Ok(base.wrapping_sub(number(less)?)),
            _ => Ok(base),
        }
    }

    fn step(&mut self, line: &str) -> Held {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "at" => {
                // Measured from the beginning, in milliseconds; the rest of the line is done then.
                let (time, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                self.advance(Duration::from_secs(1000) + Duration::from_millis(number(time)?))?;
                if rest.is_empty() { Ok(()) } else { self.step(rest.trim()) }
            }
            "wait" => self.advance(self.now + Duration::from_millis(number(rest)?)),
            "call" => self.call(rest),
            "in" => self.arrives(rest),
            "out" => self.expect(rest),
            "nothing" => self.nothing(),
            "event" => self.event(rest),
            "open" => self.open(rest),
            "opened" => self.opened(rest),
            "state" => self.is("state", rest, &format!("{:?}", self.state())),
            "cwnd" => self.is("cwnd", rest, &self.snapshot()?.cwnd.to_string()),
            "ssthresh" => self.is("ssthresh", rest, &self.snapshot()?.ssthresh.to_string()),
            "flight" => self.is("flight", rest, &self.snapshot()?.flight.to_string()),
            "timeout" => self.is("timeout", rest, &self.snapshot()?.timeout.as_millis().to_string()),
            "population" => {
                let [connections, openings, waiting] = self.engine.population();
                self.is("population", rest, &format!("{connections} {openings} {waiting}"))
            }
            _ => Err("unknown step".into()),
        }
    }

    fn is(&self, what: &str, expected: &str, found: &str) -> Held {
        if expected == found { Ok(()) } else { Err(format!("{what} is {found}")) }
    }

    fn state(&self) -> State {
        let [_, _, waiting] = self.engine.population();
        let gone = if waiting > 0 { State::TimeWait } else { State::Closed };
        self.snapshot().map_or(gone, |snapshot| snapshot.state)
    }

    fn snapshot(&self) -> Result<anax_tcp::Snapshot, String> {
        self.connection.and_then(|id| self.engine.snapshot(id)).ok_or_else(|| "there is no connection".into())
    }

    /// Collects what there is to send and to tell.
    fn gather(&mut self) {
        while self.engine.place().is_some() {}
        while let Some(event) = self.engine.event() {
            match event {
                Event::Accepted { listener, connection, .. } => {
                    self.connection = Some(connection);
                    self.engine.accepted(listener).unwrap();
                }
                Event::Received { upto, .. } => self.received = upto,
                _ => {}
            }
            self.events.push_back(event);
        }
        while let Some(segment) = self.engine.transmit(self.now) {
            let whole = segment.cut();
            for segment in whole {
                self.sent.push_back((self.now, segment));
            }
        }
    }

    fn advance(&mut self, to: Duration) -> Held {
        if to < self.now {
            return Err("that time is past".into());
        }
        self.gather();
        while let Some(next) = self.engine.next_deadline().filter(|next| *next <= to) {
            self.now = self.now.max(next);
            self.engine.poll(self.now);
            self.gather();
        }
        self.now = to;
        self.engine.poll(self.now);
        self.gather();
        Ok(())
    }

    fn call(&mut self, words: &str) -> Held {
        let words: Vec<&str> = words.split_whitespace().collect();
        let now = self.now;
        let id = || self.connection.ok_or_else(|| "there is no connection".to_owned());
        let argument = |index: usize| {
            words.get(index).ok_or("an argument is missing".to_owned()).and_then(|word| number(word))
        };
        let ms = |index: usize| argument(index).map(Duration::from_millis);
        let done = match words.first().copied().unwrap_or_default() {
            "connect" => {
                self.tuple.local.port = 40_000;
                self.tuple.remote.port = 80;
                self.engine.connect(self.tuple, self.room as u32, now).map(|id| self.connection = Some(id))
            }
            "listen" => {
                let backlog = argument(1).unwrap_or(5) as u32;
                self.engine.listen(None, 80, backlog, self.room as u32).map(|id| self.listener = Some(id))
            }
            "unlisten" => self.engine.unlisten(self.listener.ok_or("there is no listener")?),
            "write" => {
                self.written += argument(1)?;
                self.engine.write(id()?, self.written, now)
            }
            "room" => {
                let upto = argument(1)?;
                self.engine.make_room(id()?, upto, now)
            }
            "read" => self.engine.make_room(id()?, self.received + self.room, now),
            "shutdown" => self.engine.shut_down(id()?, now),
            "close" => self.engine.close(id()?, now),
            "abort" => self.engine.abort(id()?, now),
            "nodelay" => self.engine.set_no_delay(id()?, true, now),
            "keepalive" => {
                let keep = (ms(1)?, ms(2)?, argument(3)? as u8);
                self.engine.set_keep_alive(id()?, Some(keep), now)
            }
            "give-up" => self.engine.set_give_up(id()?, Some(ms(1)?), now),
            "unreachable" => {
                let seq = self.iss.ok_or("nothing was sent")?.wrapping_add(argument(1)? as u32);
                self.engine.unreachable(&self.tuple, seq, now);
                Ok(())
            }
            other => return Err(format!("unknown call {other}")),
        };
        self.gather();
        done.map_err(|error| format!("{error:?}"))
    }

    /// `FLAGS FROM:TO(LENGTH) [ack N] [win N] [<options>] [@MS]`.
    fn read(&self, text: &str) -> Result<Line, String> {
        let (text, options) = match text.split_once('<') {
            Some((text, rest)) => {
                let (options, more) = rest.split_once('>').ok_or("no '>'")?;
                (format!("{text} {more}"), Some(options.to_owned()))
            }
            None => (text.to_owned(), None),
        };
        let mut line = Line { options, ..Line::default() };
        let mut words = text.split_whitespace();
        line.flags = flags(words.next().ok_or("no flags")?)?;
        while let Some(word) = words.next() {
            let mut next = || words.next().ok_or(format!("{word} has no value"));
            match word {
                "ack" => line.ack = Some(self.value(next()?)?),
                "win" => line.window = Some(number(next()?)? as u16),
                word if word.starts_with('@') => line.at = Some(number(&word[1..])?),
                word => {
                    let (from, rest) = word.split_once(':').unwrap_or((word, ""));
                    line.from = self.value(from)?;
                    line.length = match rest.split_once('(') {
                        Some((_, length)) => number(length.trim_end_matches(')'))? as u32,
                        None if rest.is_empty() => 0,
                        None => (self.value(rest)? - line.from) as u32,
                    };
                }
            }
        }
        Ok(line)
    }

    fn arrives(&mut self, text: &str) -> Held {
        let line = self.read(text)?;
        let iss = self.iss.unwrap_or(0);
        let mut flags = line.flags;
        if line.ack.is_some() {
            flags = flags.with(Flags::ACK);
        }
        let mut options = Options::default();
        for option in line.options.as_deref().unwrap_or_default().split(',').map(str::trim) {
            let words: Vec<&str> = option.split_whitespace().collect();
            match words.as_slice() {
                [] | ["nop"] => {}
                ["mss", size] => options.mss = Some(number(size)? as u16),
                ["wscale", shift] => options.scale = Some(number(shift)? as u8),
                ["sackOK"] => options.sack_permitted = true,
                ["ts", stamp] => {
                    let (value, echo) = stamp.split_once(':').unwrap_or((stamp, "last"));
                    let echo = if echo == "last" { self.stamp } else { number(echo)? as u32 };
                    options.timestamps = Some((number(value)? as u32, echo));
                }
                ["sack", blocks @ ..] => {
                    for block in blocks {
                        let (from, to) = block.split_once(':').ok_or("FROM:TO")?;
                        let wire = |word| self.value(word).map(|at| iss.wrapping_add(at as u32));
                        options.sack.push((wire(from)?, wire(to)?));
                    }
                }
                _ => return Err(format!("unknown option {option}")),
            }
        }
        let segment = Segment {
            tuple: self.tuple,
            seq: IRS.wrapping_add(line.from as u32),
            ack: line.ack.map_or(0, |ack| iss.wrapping_add(ack as u32)),
            flags,
            window: line.window.unwrap_or(65_535),
            options,
            length: line.length,
            payload: 20,
        };
        self.engine.input(&segment, self.now);
        self.gather();
        Ok(())
    }

    fn expect(&mut self, text: &str) -> Held {
        self.gather();
        let (at, segment) = self.sent.pop_front().ok_or("nothing was sent")?;
        if segment.flags.has(Flags::SYN) {
            self.iss = Some(segment.seq);
        }
        let iss = self.iss.unwrap_or(0);
        let from = u64::from(segment.seq.wrapping_sub(iss));
        let has_ack = segment.flags.has(Flags::ACK);
        let ack = has_ack.then(|| u64::from(segment.ack.wrapping_sub(IRS)));
        let is_reset = segment.flags.has(Flags::RST);
        if let Some((stamp, _)) = segment.options.timestamps {
            self.stamp = stamp;
        }
        let line = self.read(text)?;
        let mut shown = String::new();
        let ms = at.saturating_sub(Duration::from_secs(1000)).as_millis() as u64;
        let _ = write!(
            shown,
            "{:?} {from}:{}({})",
            segment.flags,
            from + u64::from(segment.length()),
            segment.length()
        );
        let _ = write!(shown, " ack {ack:?} win {} {:?} @{ms}", segment.window, segment.options);
        let differs = |what: &str| Err(format!("another {what}: {shown}"));
        if !is_reset {
            let syn_or_fin = segment.flags.has(Flags::SYN) || segment.flags.has(Flags::FIN);
            self.names[0] = self.names[0].max(from + u64::from(segment.length()) + u64::from(syn_or_fin));
            if let Some(ack) = ack {
                self.names[1] = ack;
                self.names[2] = ack + u64::from(segment.window);
            }
        }
        let wanted = if line.ack.is_some() { line.flags.with(Flags::ACK) } else { line.flags };
        if segment.flags != wanted {
            return differs("kind");
        }
        if from != line.from || segment.length() != line.length {
            return differs("part");
        }
        if ack != line.ack && !(is_reset && line.ack.is_none()) {
            return differs("acknowledgement");
        }
        if line.window.is_some_and(|window| window != segment.window) {
            return differs("window");
        }
        if line.at.is_some_and(|wanted| ms < wanted || ms > wanted + 3) {
            return differs("time");
        }
        let told = describe(&segment.options, iss);
        match &line.options {
            Some(options) if options.split(',').map(str::trim).ne(told.iter().map(String::as_str)) => {
                differs("option")
            }
            None if !segment.options.sack.is_empty() => differs("option"),
            _ => Ok(()),
        }
    }

    fn nothing(&mut self) -> Held {
        self.gather();
        match self.sent.front() {
            None => Ok(()),
            Some((at, segment)) => {
                let ms = at.saturating_sub(Duration::from_secs(1000)).as_millis();
                let from = segment.seq.wrapping_sub(self.iss.unwrap_or(0));
                Err(format!("{:?} {from}({}) was sent @{ms}", segment.flags, segment.length()))
            }
        }
    }

    fn event(&mut self, wanted: &str) -> Held {
        self.gather();
        while let Some(event) = self.events.pop_front() {
            let found = match event {
                Event::Connected(_) => "connected".to_owned(),
                Event::Accepted { .. } => "accepted".to_owned(),
                Event::Received { upto, .. } => format!("received {upto}"),
                Event::Acknowledged { upto, .. } => format!("acked {upto}"),
                Event::PeerClosed(_) => "peer-closed".to_owned(),
                Event::Ended { how, .. } => match how {
                    Closed::Done => "ended done",
                    Closed::Reset => "ended reset",
                    Closed::Refused => "ended refused",
                    Closed::TimedOut => "ended timed-out",
                    Closed::Aborted => "ended aborted",
                    Closed::Unreachable => "ended unreachable",
                }
                .to_owned(),
            };
            if found == wanted {
                return Ok(());
            }
        }
        Err("it did not happen".into())
    }

    /// The usual opening from this end: what the other one says besides its segment size can be given.
    fn open(&mut self, options: &str) -> Held {
        self.call("connect")?;
        let (_, syn) = self.sent.pop_front().ok_or("no SYN")?;
        self.iss = Some(syn.seq);
        self.stamp = syn.options.timestamps.map_or(0, |(stamp, _)| stamp);
        let options = usual(options, &self.config);
        self.arrives(&format!("S 0:0(0) ack 1 <{options}>"))?;
        self.after_opening()
    }

    /// The usual opening from the other end.
    fn opened(&mut self, options: &str) -> Held {
        self.call("listen")?;
        let options = usual(options, &self.config);
        self.arrives(&format!("S 0:0(0) <{options}>"))?;
        let (_, syn) = self.sent.pop_front().ok_or("no answer")?;
        self.iss = Some(syn.seq);
        self.stamp = syn.options.timestamps.map_or(0, |(stamp, _)| stamp);
        let stamp = if options.contains("ts ") { "<ts 1>" } else { "" };
        self.arrives(&format!(". 1:1(0) ack 1 {stamp}"))?;
        self.after_opening()
    }

    fn after_opening(&mut self) -> Held {
        self.sent.clear();
        self.names = [1, 1, 1 + self.room];
        if self.state() == State::Established { Ok(()) } else { Err(format!("{:?}", self.state())) }
    }
}

fn usual(options: &str, config: &Config) -> String {
    let mut all = vec!["mss 1460".to_owned()];
    if config.sack {
        all.push("sackOK".to_owned());
    }
    if config.timestamps {
        all.push("ts 1".to_owned());
    }
    if !options.is_empty() {
        all.push(options.to_owned());
    }
    all.join(", ")
}

fn describe(options: &Options, iss: u32) -> Vec<String> {
    let _ = iss;
    let mut told = Vec::new();
    told.extend(options.mss.map(|mss| format!("mss {mss}")));
    told.extend(options.sack_permitted.then(|| "sackOK".to_owned()));
    told.extend(options.timestamps.map(|_| "ts".to_owned()));
    told.extend(options.scale.map(|scale| format!("wscale {scale}")));
    if !options.sack.is_empty() {
        let blocks = options
            .sack
            .iter()
            .map(|(from, to)| format!(" {}:{}", from.wrapping_sub(IRS), to.wrapping_sub(IRS)));
        told.push(format!("sack{}", blocks.collect::<String>()));
    }
    told
}

#[derive(Debug, Default)]
struct Line {
    flags: Flags,
    from: u64,
    length: u32,
    ack: Option<u64>,
    window: Option<u16>,
    options: Option<String>,
    at: Option<u64>,
}

fn flags(word: &str) -> Result<Flags, String> {
    word.chars().try_fold(Flags::default(), |flags, letter| {
        let flag = match letter {
            'S' => Flags::SYN,
            'F' => Flags::FIN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            'U' => Flags::URG,
            '.' => Flags::ACK,
            '-' => Flags::default(),
            other => return Err(format!("unknown flag {other}")),
        };
        Ok(flags.with(flag))
    })
}
