//! The answers of a session that its client has not acknowledged.

use crate::event::Answer;
use crate::ident::Token;

/// Answers by request number, lowest first. They are few, and new ones nearly always come behind all others, so one piece of memory
/// that is kept serves them with less ado than a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answers(Vec<(Token, Answer)>);

impl Answers {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Token, &Answer)> {
        self.0.iter().map(|(token, answer)| (*token, answer))
    }

    fn place(&self, token: Token) -> Result<usize, usize> {
        self.0.binary_search_by_key(&token, |(token, _)| *token)
    }

    pub(super) fn get(&self, token: Token) -> Option<&Answer> {
        self.0.get(self.place(token).ok()?).map(|(_, answer)| answer)
    }

    /// How many have higher numbers.
    pub(super) fn beyond(&self, token: Token) -> usize {
        self.0.len().saturating_sub(self.0.partition_point(|(known, _)| *known <= token))
    }

    /// In the place of the one that the number had before.
    pub(super) fn insert(&mut self, token: Token, answer: Answer) {
        match self.place(token) {
            Ok(place) => {
                if let Some(known) = self.0.get_mut(place) {
                    known.1 = answer;
                }
            }
            Err(place) => self.0.insert(place, (token, answer)),
        }
    }

    pub(super) fn remove(&mut self, token: Token) {
        if let Ok(place) = self.place(token) {
            self.0.remove(place);
        }
    }

    /// Forgets all up to a number.
    pub(super) fn acknowledge(&mut self, up_to: Token) {
        let many = self.0.partition_point(|(token, _)| *token <= up_to);
        self.0.drain(..many);
    }
}
