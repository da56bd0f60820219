//! Questions on a terminal: prompts on standard error, answers on standard input, each checked at once.

use std::io::{BufRead, Read as _, Write};

use super::{FAILED, Failure, say};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Who asks, and where the answers come from.
pub(super) struct Questions<'a> {
    pub(super) input: &'a mut dyn BufRead,
    pub(super) err: &'a mut dyn Write,
}

impl Questions<'_> {
    /// Asks until an answer is right. An empty answer is the default, where there is one.
    pub(super) fn ask<T, E: std::fmt::Display>(
        &mut self,
        question: &str,
        default: Option<&str>,
        mut check: impl FnMut(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        loop {
            let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
            let _ = write!(self.err, "{question}{shown}: ").and_then(|()| self.err.flush());
            let answer = match self.line()? {
                Ok(answer) => answer,
                Err(why) => {
                    say(self.err, format_args!("  {why}"));
                    continue;
                }
            };
            let answer = if answer.is_empty() { default.unwrap_or_default() } else { &answer };
            match check(answer) {
                Ok(value) => return Ok(value),
                Err(why) => say(self.err, format_args!("  {why}")),
            }
        }
    }

    /// Asks a question whose answer is yes or no.
    pub(super) fn yes(&mut self, question: &str, default: bool) -> Result<bool, Failure> {
        let default = if default { "yes" } else { "no" };
        self.ask(question, Some(default), |answer| match answer.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("answer yes or no"),
        })
    }

    /// One line without blanks around it, or why it is no answer. The end of the input ends the tool.
    fn line(&mut self) -> Result<Result<String, &'static str>, Failure> {
        let failed =
            |error| Failure::new(FAILED, format_args!("nothing was written: standard input: {error}"));
        let mut bytes = Vec::new();
        let mut long = false;
        loop {
            let mut part = Vec::new();
            let read =
                (&mut *self.input).take(ANSWER_BYTES_MAX).read_until(b'\n', &mut part).map_err(failed)?;
            let ended = read == 0;
            if ended && bytes.is_empty() && !long {
                say(self.err, "");
                return Err(Failure::new(
                    FAILED,
                    "nothing was written: the input ended before the last answer",
                ));
            }
            let whole = part.last() == Some(&b'\n');
            // What is too long is read to its end, but not kept.
            long = long || u64::try_from(bytes.len() + part.len()).is_ok_and(|all| all > ANSWER_BYTES_MAX);
            if long {
                bytes.clear();
            } else {
                bytes.append(&mut part);
            }
            if whole || ended {
                break;
            }
        }
        if long {
            return Ok(Err("that is too long"));
        }
        Ok(match String::from_utf8(bytes) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(_) => Err("that is not UTF-8 text"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(input: &[u8]) -> (Result<u32, Failure>, String) {
        let (mut input, mut err) = (input, Vec::new());
        let mut questions = Questions { input: &mut input, err: &mut err };
        let answer = questions.ask("How many", Some("7"), |text| text.parse::<u32>());
        (answer, String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_wrong_answer_is_asked_again_with_the_reason() {
        let (answer, said) = asked(b"many\n\xff\n 5 \n");
        assert_eq!(answer.unwrap(), 5);
        assert_eq!(said.matches("How many [7]: ").count(), 3, "{said}");
        assert!(said.contains("invalid digit") && said.contains("not UTF-8"), "{said}");
    }

    #[test]
    fn an_empty_answer_is_the_default_and_the_end_of_input_an_end() {
        assert_eq!(asked(b"\r\n").0.unwrap(), 7);
        assert_eq!(asked(b"3").0.unwrap(), 3);
        let (answer, said) = asked(b"x\n");
        assert!(answer.unwrap_err().text.contains("nothing was written"), "{said}");
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut input = vec![b'1'; 100_000];
        input.extend_from_slice(b"\n4\n");
        let (answer, said) = asked(&input);
        assert_eq!(answer.unwrap(), 4);
        assert!(said.contains("too long"), "{said}");
        assert!(asked(&[b'1'; 4096]).0.is_err());
    }
}
