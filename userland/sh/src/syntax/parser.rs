//! Commands, by recursive descent. How deep it goes is bounded by [`MAX_DEPTH`](super::MAX_DEPTH).

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::lexer::{Lexer, Token};
use super::words::Reading;
use super::{
    AndOr, Command, Compound, Connector, Function, Item, List, MAX_SCRIPT, Part, Pipeline, Quoted, Redirect,
    Simple, SyntaxError, SyntaxErrorKind, Target, Until, Waiting, Word, is_name,
};

/// Reads a script.
///
/// # Errors
/// What is wrong with it, and where; see [`SyntaxError::is_incomplete`].
pub fn parse(script: &str) -> Result<List, SyntaxError> {
    let mut lexer = Lexer::new(script);
    if script.len() > MAX_SCRIPT {
        return lexer.error(0, SyntaxErrorKind::TooLong);
    }
    let list = lexer.list_until("")?;
    match lexer.next()? {
        Token::End => Ok(list),
        token => lexer.error(lexer.token_at, SyntaxErrorKind::Unexpected(name(&token))),
    }
}

/// Reads a text in which parameters are put in, as within double quotes, which mean nothing in it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_text(text: &str) -> Result<Word, SyntaxError> {
    Lexer::new(text).word(Reading::HereDocument)
}

/// The words that mean something where a command begins.
const KEYWORDS: [&str; 16] = [
    "!", "{", "}", "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "for", "in", "case",
    "esac",
];

/// Those that end a list.
const CLOSING: [&str; 8] = ["}", "then", "else", "elif", "fi", "do", "done", "esac"];

/// What it is called in an error.
fn name(token: &Token) -> &'static str {
    match token {
        Token::Word(word) => keyword(word).map_or("this word", |keyword| quoted_name(keyword)),
        Token::Number(_) => "this number",
        Token::Operator(operator) => quoted_name(operator),
        Token::Newline => "the end of the line",
        Token::End => "the end",
    }
}

fn quoted_name(text: &str) -> &'static str {
    match text {
        "<<<" => "'<<<'",
        "&&" => "'&&'",
        "||" => "'||'",
        ";;" => "';;'",
        "<<" => "'<<'",
        ">>" => "'>>'",
        "<&" => "'<&'",
        ">&" => "'>&'",
        "|" => "'|'",
        "&" => "'&'",
        ";" => "';'",
        "<" => "'<'",
        ">" => "'>'",
        "(" => "'('",
        ")" => "')'",
        "}" => "'}'",
        "then" => "'then'",
        "else" => "'else'",
        "elif" => "'elif'",
        "fi" => "'fi'",
        "do" => "'do'",
        "done" => "'done'",
        "esac" => "'esac'",
        _ => "this keyword",
    }
}

/// The text of a word without quotes or expansions.
fn plain(word: &Word) -> Option<&str> {
    match &word.parts[..] {
        [Part::Text(text, Quoted::No)] => Some(text),
        _ => None,
    }
}

fn keyword(word: &Word) -> Option<&'static str> {
    let text = plain(word)?;
    KEYWORDS.into_iter().find(|keyword| *keyword == text)
}

impl Lexer<'_> {
    fn peek_keyword(&mut self) -> Result<Option<&'static str>, SyntaxError> {
        Ok(match self.peek()? {
            Token::Word(word) => keyword(word),
            _ => None,
        })
    }

    fn peek_operator(&mut self) -> Result<Option<&'static str>, SyntaxError> {
        Ok(match self.peek()? {
            Token::Operator(operator) => Some(*operator),
            _ => None,
        })
    }

    pub(super) fn eat_operator(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        let is_there = self.peek_operator()? == Some(operator);
        if is_there {
            self.next()?;
        }
        Ok(is_there)
    }

    fn eat_keyword(&mut self, keyword: &str) -> Result<bool, SyntaxError> {
        let is_there = self.peek_keyword()? == Some(keyword);
        if is_there {
            self.next()?;
        }
        Ok(is_there)
    }

    /// Something else than what has to stand here.
    fn unexpected<T>(&mut self) -> Result<T, SyntaxError> {
        let kind = match self.peek()? {
            Token::End => SyntaxErrorKind::EndsTooEarly,
            token => SyntaxErrorKind::Unexpected(name(token)),
        };
        self.error(self.token_at, kind)
    }

    fn expect_keyword(&mut self, keyword: &'static str) -> Result<(), SyntaxError> {
        if self.eat_keyword(keyword)? { Ok(()) } else { self.unexpected() }
    }

    fn skip_newlines(&mut self) -> Result<(), SyntaxError> {
        while *self.peek()? == Token::Newline {
            self.next()?;
        }
        Ok(())
    }

    /// Commands until the end, a closing keyword, `;;`, or that operator, all of which stay.
    pub(super) fn list_until(&mut self, closing: &str) -> Result<List, SyntaxError> {
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            let ends = match self.peek()? {
                Token::End => true,
                Token::Operator(operator) => *operator == ";;" || !closing.is_empty() && *operator == closing,
                Token::Word(word) => keyword(word).is_some_and(|keyword| CLOSING.contains(&keyword)),
                Token::Number(_) | Token::Newline => false,
            };
            if ends {
                return Ok(List(items));
            }
            let begins = self.token_at;
            let and_or = self.and_or()?;
            let text = self.text.get(begins..self.token_end).unwrap_or_default().trim().into();
            let waiting = match self.peek_operator()? {
                Some("&") => Waiting::Background,
                _ => Waiting::Foreground,
            };
            items.push(Item { and_or, waiting, text });
            match self.peek()? {
                Token::Operator(";" | "&") | Token::Newline => _ = self.next()?,
                Token::End => {}
                Token::Operator(operator) if *operator == ";;" || *operator == closing => {}
                _ => return self.unexpected(),
            }
        }
    }

    /// A list that has to have something in it.
    fn commands(&mut self) -> Result<List, SyntaxError> {
        let list = self.deeper(|lexer| lexer.list_until(""))?;
        if !list.0.is_empty() {
            return Ok(list);
        }
        let kind = match self.peek()? {
            Token::End => SyntaxErrorKind::EndsTooEarly,
            _ => SyntaxErrorKind::MissingCommand,
        };
        self.error(self.token_at, kind)
    }

    fn and_or(&mut self) -> Result<AndOr, SyntaxError> {
        let (first, mut rest) = (self.pipeline()?, Vec::new());
        loop {
            let connector = match self.peek_operator()? {
                Some("&&") => Connector::And,
                Some("||") => Connector::Or,
                _ => return Ok(AndOr { first, rest }),
            };
            self.next()?;
            self.skip_newlines()?;
            rest.push((connector, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, SyntaxError> {
        let is_negated = self.eat_keyword("!")?;
        let mut commands = [self.command()?].to_vec();
        while self.eat_operator("|")? {
            self.skip_newlines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline { is_negated, commands })
    }

    fn command(&mut self) -> Result<Command, SyntaxError> {
        let begins = {
            self.peek()?;
            self.token_at
        };
        if self.peek_operator()? == Some("(") {
            self.next()?;
            let list = self.deeper(|lexer| lexer.list_until(")"))?;
            if list.0.is_empty() && self.peek_operator()? == Some(")") {
                return self.error(self.token_at, SyntaxErrorKind::MissingCommand);
            }
            if !self.eat_operator(")")? {
                return self.open_or_unexpected(begins, "'('");
            }
            return self.redirected(Compound::Subshell(list));
        }
        match self.peek_keyword()? {
            None | Some("in") => self.simple(),
            Some("{") => {
                self.next()?;
                let list = self.commands()?;
                if !self.eat_keyword("}")? {
                    return self.open_or_unexpected(begins, "'{'");
                }
                self.redirected(Compound::Group(list))
            }
            Some("if") => {
                self.next()?;
                let compound = self.conditions(begins)?;
                self.redirected(compound)
            }
            Some(word @ ("while" | "until")) => {
                self.next()?;
                let until = if word == "while" { Until::Failure } else { Until::Success };
                let condition = self.commands()?;
                let body = self.body(begins)?;
                self.redirected(Compound::Loop(until, condition, body))
            }
            Some("for") => {
                self.next()?;
                let compound = self.each(begins)?;
                self.redirected(compound)
            }
            Some("case") => {
                self.next()?;
                let compound = self.cases(begins)?;
                self.redirected(compound)
            }
            Some(_) => self.unexpected(),
        }
    }

    /// What began at `begins` is not closed: by the end, or by something else.
    fn open_or_unexpected<T>(&mut self, begins: usize, what: &'static str) -> Result<T, SyntaxError> {
        if *self.peek()? == Token::End {
            return self.error(begins, SyntaxErrorKind::Open(what));
        }
        self.unexpected()
    }

    /// `do LIST done`.
    fn body(&mut self, begins: usize) -> Result<List, SyntaxError> {
        self.expect_keyword("do")?;
        let body = self.commands()?;
        if !self.eat_keyword("done")? {
            return self.open_or_unexpected(begins, "loop");
        }
        Ok(body)
    }

    fn conditions(&mut self, begins: usize) -> Result<Compound, SyntaxError> {
        let mut branches = Vec::new();
        loop {
            let condition = self.commands()?;
            self.expect_keyword("then")?;
            branches.push((condition, self.commands()?));
            if !self.eat_keyword("elif")? {
                break;
            }
        }
        let otherwise = if self.eat_keyword("else")? { Some(self.commands()?) } else { None };
        if !self.eat_keyword("fi")? {
            return self.open_or_unexpected(begins, "'if'");
        }
        Ok(Compound::If(branches, otherwise))
    }

    fn each(&mut self, begins: usize) -> Result<Compound, SyntaxError> {
        let Token::Word(word) = self.next()? else {
            return self.error(self.token_at, SyntaxErrorKind::BadName);
        };
        let Some(variable) = plain(&word).filter(|name| is_name(name)).map(String::from) else {
            return self.error(self.token_at, SyntaxErrorKind::BadName);
        };
        self.skip_newlines()?;
        let words = if self.eat_keyword("in")? {
            let mut words = Vec::new();
            while let Token::Word(_) = self.peek()? {
                if let Token::Word(word) = self.next()? {
                    words.push(word);
                }
            }
            Some(words)
        } else {
            None
        };
        match self.peek()? {
            Token::Operator(";") | Token::Newline => _ = self.next()?,
            _ if words.is_some() => return self.unexpected(),
            _ => {}
        }
        self.skip_newlines()?;
        let body = self.body(begins)?;
        Ok(Compound::For(variable, words, body))
    }

    fn cases(&mut self, begins: usize) -> Result<Compound, SyntaxError> {
        let Token::Word(word) = self.next()? else {
            return self.error(self.token_at, SyntaxErrorKind::MissingWord);
        };
        self.skip_newlines()?;
        self.expect_keyword("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.eat_keyword("esac")? {
                return Ok(Compound::Case(word, arms));
            }
            if *self.peek()? == Token::End {
                return self.error(begins, SyntaxErrorKind::Open("'case'"));
            }
            self.eat_operator("(")?;
            let mut patterns = Vec::new();
            loop {
                let Token::Word(_) = self.peek()? else { return self.unexpected() };
                if let Token::Word(pattern) = self.next()? {
                    patterns.push(pattern);
                }
                if !self.eat_operator("|")? {
                    break;
                }
            }
            if !self.eat_operator(")")? {
                return self.unexpected();
            }
            let list = self.deeper(|lexer| lexer.list_until(";;"))?;
            arms.push((patterns, list));
            if !self.eat_operator(";;")? && self.peek_keyword()? != Some("esac") {
                return self.open_or_unexpected(begins, "'case'");
            }
        }
    }

    /// A compound command, and where it reads and prints.
    fn redirected(&mut self, compound: Compound) -> Result<Command, SyntaxError> {
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        Ok(Command::Compound(Box::new(compound), redirects))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, SyntaxError> {
        let stream = match self.peek()? {
            Token::Number(number) => {
                let number = *number;
                self.next()?;
                Some(number)
            }
            _ => None,
        };
        let operator = match self.peek_operator()? {
            Some(operator @ ("<" | ">" | ">>" | "<<" | "<<<" | "<&" | ">&")) => operator,
            _ if stream.is_some() => return self.unexpected(),
            _ => return Ok(None),
        };
        let at = self.token_at;
        self.next()?;
        let stream = stream.unwrap_or(usize::from(operator.starts_with('>')));
        if stream > 2 {
            return self.error(at, SyntaxErrorKind::BadStream);
        }
        if operator == "<<" {
            return Ok(Some(Redirect { stream, to: Target::Here(self.here_document()?) }));
        }
        let word = match self.next()? {
            Token::Word(word) => word,
            _ => return self.error(self.token_at, SyntaxErrorKind::MissingWord),
        };
        let to = match operator {
            "<" => Target::Read(word),
            ">" => Target::Write(word),
            ">>" => Target::Append(word),
            "<<<" => Target::Text(word),
            _ => Target::Same(word),
        };
        Ok(Some(Redirect { stream, to }))
    }

    fn simple(&mut self) -> Result<Command, SyntaxError> {
        let (mut simple, begins) = (Simple::default(), self.token_at);
        loop {
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            let Token::Word(_) = self.peek()? else { break };
            let Token::Word(word) = self.next()? else { break };
            match assignment(&word) {
                Some(assignment) if simple.words.is_empty() => simple.assignments.push(assignment),
                _ => simple.words.push(word),
            }
            if let [name] = &simple.words[..]
                && simple.assignments.is_empty()
                && simple.redirects.is_empty()
                && self.peek_operator()? == Some("(")
            {
                let name = plain(name).map(String::from);
                return self.function(name, begins);
            }
        }
        if simple == Simple::default() {
            let kind = match self.peek()? {
                Token::End => SyntaxErrorKind::EndsTooEarly,
                _ => SyntaxErrorKind::MissingCommand,
            };
            return self.error(self.token_at, kind);
        }
        Ok(Command::Simple(simple))
    }

    fn function(&mut self, name: Option<String>, begins: usize) -> Result<Command, SyntaxError> {
        let bracket = self.token_at;
        self.next()?;
        if !self.eat_operator(")")? {
            return self.error(bracket, SyntaxErrorKind::Unexpected("'('"));
        }
        let Some(name) = name.filter(|name| is_name(name)) else {
            return self.error(begins, SyntaxErrorKind::BadName);
        };
        self.skip_newlines()?;
        let body = self.deeper(Self::command)?;
        let text = self.text.get(begins..self.token_end).unwrap_or_default().into();
        Ok(Command::Function(Rc::new(Function { name, body, text })))
    }
}

/// What a word assigns, if it does.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Part::Text(text, Quoted::No)) = word.parts.first() else { return None };
    let (name, rest) = text.split_once('=').filter(|(name, _)| is_name(name))?;
    let mut parts = word.parts.clone();
    if rest.is_empty() {
        parts.remove(0);
    } else {
        parts[0] = Part::Text(rest.into(), Quoted::No);
    }
    Some((name.into(), Word { parts, at: word.at }))
}
