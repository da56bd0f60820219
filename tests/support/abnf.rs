//! Grammars as tests use them: reads ABNF (RFC 5234, with `%s` of RFC 7405), makes texts of a rule, and says whether a
//! text is one. So a grammar in `grammar/` and the parser for it can't drift apart.

use std::collections::{BTreeMap, BTreeSet};

/// A grammar by rule name (lower case).
pub(crate) struct Abnf {
    rules: BTreeMap<String, Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Alternatives(Vec<Node>),
    Sequence(Vec<Node>),
    Repeat { min: usize, max: usize, node: Box<Node> },
    Rule(String),
    Text { text: String, exact_case: bool },
    Range(char, char),
}

/// Numbers that look random and are the same in every run of one seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

impl Abnf {
    /// Reads a grammar; panics with the line when it is not ABNF or names a rule that is not there.
    pub(crate) fn parse(text: &str) -> Self {
        let mut rules: BTreeMap<String, Node> = BTreeMap::new();
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            let line = strip_comment(line).trim_end();
            match lines.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
                _ if line.is_empty() => {}
                _ => lines.push(line.to_owned()),
            }
        }
        for line in &lines {
            let (name, definition) = line.split_once('=').unwrap_or_else(|| panic!("no rule: {line}"));
            let (add, definition) =
                definition.strip_prefix('/').map_or((false, definition), |rest| (true, rest));
            let chars: Vec<char> = definition.chars().collect();
            let mut reader = Reader { chars: &chars, at: 0 };
            let node = reader.alternatives();
            reader.blanks();
            assert_eq!(reader.at, chars.len(), "rest of {line}");
            let name = name.trim().to_ascii_lowercase();
            match rules.remove(&name) {
                Some(old) if add => rules.insert(name, Node::Alternatives(vec![old, node])),
                None => rules.insert(name, node),
                Some(_) => panic!("{name} is defined twice"),
            };
        }
        for (name, range) in
            [("digit", ('0', '9')), ("sp", (' ', ' ')), ("htab", ('\t', '\t')), ("dquote", ('"', '"'))]
        {
            rules.entry(name.to_owned()).or_insert(Node::Range(range.0, range.1));
        }
        let grammar = Self { rules };
        grammar.rules.values().for_each(|node| grammar.check(node));
        grammar
    }

    fn check(&self, node: &Node) {
        match node {
            Node::Alternatives(nodes) | Node::Sequence(nodes) => {
                nodes.iter().for_each(|node| self.check(node))
            }
            Node::Repeat { node, .. } => self.check(node),
            Node::Rule(name) => assert!(self.rules.contains_key(name), "no rule {name}"),
            Node::Text { .. } | Node::Range(..) => {}
        }
    }

    /// A text of the rule. Repetitions are at most four longer than they must be.
    pub(crate) fn make(&self, rule: &str, dice: &mut Dice) -> String {
        let mut text = String::new();
        self.make_node(&self.rules[&rule.to_ascii_lowercase()], dice, &mut text);
        text
    }

    fn make_node(&self, node: &Node, dice: &mut Dice, out: &mut String) {
        match node {
            Node::Alternatives(nodes) => self.make_node(&nodes[dice.roll(nodes.len())], dice, out),
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.make_node(node, dice, out)),
            Node::Repeat { min, max, node } => {
                let times = min + dice.roll((max - min).min(4) + 1);
                (0..times).for_each(|_| self.make_node(node, dice, out));
            }
            Node::Rule(name) => self.make_node(&self.rules[name], dice, out),
            Node::Text { text, exact_case } => {
                let lower = !exact_case && dice.roll(4) == 0;
                out.push_str(&if lower { text.to_ascii_lowercase() } else { text.clone() });
            }
            Node::Range(low, high) => {
                let (low, high) = (*low as u32, *high as u32);
                let width = usize::try_from(high - low).unwrap() + 1;
                let c = low + u32::try_from(dice.roll(width)).unwrap();
                out.push(char::from_u32(c).unwrap());
            }
        }
    }

    /// Whether the whole text is one of the rule.
    pub(crate) fn matches(&self, rule: &str, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        self.ends(&self.rules[&rule.to_ascii_lowercase()], &chars, 0).contains(&chars.len())
    }

    /// Everywhere a match that begins at `at` can end.
    fn ends(&self, node: &Node, chars: &[char], at: usize) -> BTreeSet<usize> {
        match node {
            Node::Alternatives(nodes) => nodes.iter().flat_map(|node| self.ends(node, chars, at)).collect(),
            Node::Sequence(nodes) => nodes.iter().fold(BTreeSet::from([at]), |starts, node| {
                starts.iter().flat_map(|start| self.ends(node, chars, *start)).collect()
            }),
            Node::Repeat { min, max, node } => {
                let mut all = BTreeSet::new();
                let mut current = BTreeSet::from([at]);
                for times in 0..=*max {
                    if times >= *min {
                        all.extend(&current);
                    }
                    let next: BTreeSet<usize> =
                        current.iter().flat_map(|start| self.ends(node, chars, *start)).collect();
                    current = next.into_iter().filter(|end| times < *min || !all.contains(end)).collect();
                    if current.is_empty() {
                        break;
                    }
                }
                all
            }
            Node::Rule(name) => self.ends(&self.rules[name], chars, at),
            Node::Text { text, exact_case } => {
                let end = at + text.chars().count();
                let found = chars.get(at..end).map(|part| part.iter().collect::<String>());
                let same = found.is_some_and(|found| {
                    if *exact_case { found == *text } else { found.eq_ignore_ascii_case(text) }
                });
                if same { BTreeSet::from([end]) } else { BTreeSet::new() }
            }
            Node::Range(low, high) => match chars.get(at) {
                Some(c) if (*low..=*high).contains(c) => BTreeSet::from([at + 1]),
                _ => BTreeSet::new(),
            },
        }
    }
}

fn strip_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&keep) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn alternatives(&mut self) -> Node {
        let mut nodes = vec![self.sequence()];
        loop {
            self.blanks();
            if self.peek() != Some('/') {
                break;
            }
            self.at += 1;
            nodes.push(self.sequence());
        }
        if nodes.len() == 1 { nodes.remove(0) } else { Node::Alternatives(nodes) }
    }

    fn sequence(&mut self) -> Node {
        let mut nodes = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some('/' | ')' | ']') => break,
                Some(_) => nodes.push(self.repetition()),
            }
        }
        Node::Sequence(nodes)
    }

    fn repetition(&mut self) -> Node {
        let low = self.take_while(|c| c.is_ascii_digit());
        let (min, max) = if self.peek() == Some('*') {
            self.at += 1;
            let high = self.take_while(|c| c.is_ascii_digit());
            (low.parse().unwrap_or(0), high.parse().unwrap_or(100_000))
        } else if low.is_empty() {
            return self.element();
        } else {
            (low.parse().unwrap(), low.parse().unwrap())
        };
        Node::Repeat { min, max, node: Box::new(self.element()) }
    }

    fn element(&mut self) -> Node {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let node = self.alternatives();
                assert_eq!(self.peek(), Some(')'));
                self.at += 1;
                node
            }
            Some('[') => {
                self.at += 1;
                let node = self.alternatives();
                assert_eq!(self.peek(), Some(']'));
                self.at += 1;
                Node::Repeat { min: 0, max: 1, node: Box::new(node) }
            }
            Some('"') => self.text(false),
            Some('%') => {
                self.at += 2;
                match self.chars[self.at - 1] {
                    's' => self.text(true),
                    'i' => self.text(false),
                    'x' => self.number(),
                    other => panic!("%{other} is not read"),
                }
            }
            Some(c) if c.is_ascii_alphabetic() => {
                Node::Rule(self.take_while(|c| c.is_ascii_alphanumeric() || c == '-').to_ascii_lowercase())
            }
            other => panic!("unexpected {other:?} in {}", self.chars.iter().collect::<String>()),
        }
    }

    fn text(&mut self, exact_case: bool) -> Node {
        assert_eq!(self.peek(), Some('"'));
        self.at += 1;
        let text = self.take_while(|c| c != '"');
        self.at += 1;
        Node::Text { text, exact_case }
    }

    fn number(&mut self) -> Node {
        let mut hex = || {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            (char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap(), self.peek())
        };
        let (first, next) = hex();
        match next {
            Some('-') => {
                self.at += 1;
                let digits = self.take_while(|c| c.is_ascii_hexdigit());
                Node::Range(first, char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap())
            }
            Some('.') => {
                let mut text = String::from(first);
                while self.peek() == Some('.') {
                    self.at += 1;
                    let digits = self.take_while(|c| c.is_ascii_hexdigit());
                    text.push(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
                }
                Node::Text { text, exact_case: true }
            }
            _ => Node::Range(first, first),
        }
    }
}
