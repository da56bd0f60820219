//! The questions about one document.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use lsp_server::ErrorCode;
use lsp_types as lsp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers;
use super::documents::{Documents, Open};
use super::judgement::{Desk, Neighbourhood, Settings};
use super::place::{Encoding, offset, range, uri_of};
use crate::editor::{self, Document, Target};
use crate::lmutil::lmfmt::formatted;
use crate::text::layout::Style;
use crate::text::{Diagnostic, Source, Span};

/// Longer documents are judged by themselves when fixes are tried: each fix is judged once.
const WHOLLY_JUDGED_BYTES_MAX: usize = 256 << 10;
/// So long fixes are looked for.
const FIXING_TIME_MAX: Duration = Duration::from_secs(1);
/// Most fixes of one answer.
const FIXES_MAX: usize = 32;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) why: String,
}

/// What a question is answered from.
pub(super) struct Desktop<'a> {
    pub(super) documents: &'a Documents,
    pub(super) settings: &'a Settings,
    pub(super) encoding: Encoding,
    /// Whether the client shows Markdown.
    pub(super) markdown: bool,
    /// What was found in the document last.
    pub(super) found: &'a dyn Fn(&Open) -> Vec<Diagnostic>,
    /// What belongs to the document.
    pub(super) neighbours: &'a dyn Fn(&Open) -> std::rc::Rc<Neighbourhood>,
}

/// The answer to a request; none if its method is not known.
pub(super) fn answer(method: &str, params: Value, desk: &Desktop<'_>) -> Option<Result<Value, Refusal>> {
    use lsp::request::{self as r, Request};
    Some(match method {
        r::Completion::METHOD => with(params, |asked: lsp::CompletionParams| desk.completion(&asked)),
        r::HoverRequest::METHOD => with(params, |asked: lsp::HoverParams| desk.hover(&asked)),
        r::GotoDefinition::METHOD => with(params, |asked: lsp::GotoDefinitionParams| {
            desk.targets(&asked.text_document_position_params, editor::definitions)
        }),
        r::References::METHOD => with(params, |asked: lsp::ReferenceParams| {
            desk.targets(&asked.text_document_position, editor::references)
        }),
        r::CodeActionRequest::METHOD => with(params, |asked: lsp::CodeActionParams| desk.fixes(&asked)),
        r::DocumentSymbolRequest::METHOD => with(params, |asked: lsp::DocumentSymbolParams| {
            let Some(open) = desk.documents.get(&asked.text_document.uri) else { return Ok(None) };
            let source = open.document.source();
            let symbols = editor::symbols(&open.document).into_iter();
            Ok(Some(symbols.map(|found| answers::symbol(found, source, desk.encoding)).collect::<Vec<_>>()))
        }),
        r::Formatting::METHOD => with(params, |asked: lsp::DocumentFormattingParams| desk.format(&asked)),
        _ => return None,
    })
}

fn with<P: DeserializeOwned, T: Serialize>(
    params: Value,
    answer: impl FnOnce(P) -> Result<T, Refusal>,
) -> Result<Value, Refusal> {
    let asked: P = serde_json::from_value(params)
        .map_err(|error| Refusal { code: ErrorCode::InvalidParams, why: error.to_string() })?;
    let said = answer(asked)?;
    serde_json::to_value(said)
        .map_err(|error| Refusal { code: ErrorCode::InternalError, why: error.to_string() })
}

impl Desktop<'_> {
    /// The document and the byte that a request is about.
    fn place(&self, at: &lsp::TextDocumentPositionParams) -> Option<(&Open, usize)> {
        let open = self.documents.get(&at.text_document.uri)?;
        Some((open, offset(open.document.source(), at.position, self.encoding)))
    }

    fn completion(&self, asked: &lsp::CompletionParams) -> Result<Option<lsp::CompletionList>, Refusal> {
        let Some((open, at)) = self.place(&asked.text_document_position) else { return Ok(None) };
        let neighbours = (self.neighbours)(open);
        let (found, more) = editor::complete(&open.document, at, &neighbours.around());
        let source = open.document.source();
        let items = found.into_iter().map(|found| answers::completion(found, source, self.encoding));
        Ok(Some(lsp::CompletionList { is_incomplete: more, items: items.collect() }))
    }

    fn hover(&self, asked: &lsp::HoverParams) -> Result<Option<lsp::Hover>, Refusal> {
        let Some((open, at)) = self.place(&asked.text_document_position_params) else { return Ok(None) };
        let neighbours = (self.neighbours)(open);
        let found = (self.found)(open);
        let shown = editor::hover(&open.document, at, &neighbours.around(), &found);
        let kind = if self.markdown { lsp::MarkupKind::Markdown } else { lsp::MarkupKind::PlainText };
        Ok(shown.map(|shown| lsp::Hover {
            contents: lsp::HoverContents::Markup(lsp::MarkupContent { kind, value: shown.text }),
            range: Some(range(open.document.source(), shown.span, self.encoding)),
        }))
    }

    fn targets(
        &self,
        at: &lsp::TextDocumentPositionParams,
        find: fn(&Document, usize, &editor::Around<'_>) -> Vec<Target>,
    ) -> Result<Option<Vec<lsp::Location>>, Refusal> {
        let Some((open, at)) = self.place(at) else { return Ok(None) };
        let neighbours = (self.neighbours)(open);
        let own = open.document.source();
        let found = find(&open.document, at, &neighbours.around());
        let place = |target: &Target| -> Option<lsp::Location> {
            let own = (own.name() == &*target.file).then_some(own);
            let source: &Source = own.or_else(|| neighbours.source(&target.file))?;
            let path = Path::new(source.name());
            let uri = match own {
                Some(_) => open.uri.clone(),
                None => self.documents.at(path).map(|open| open.uri.clone()).or_else(|| uri_of(path))?,
            };
            Some(lsp::Location::new(uri, range(source, target.span, self.encoding)))
        };
        Ok(Some(found.iter().filter_map(place).collect()))
    }

    #[allow(
        clippy::mutable_key_type,
        reason = "the protocol's type has a map of addresses; none of them changes"
    )]
    fn fixes(&self, asked: &lsp::CodeActionParams) -> Result<Option<Vec<lsp::CodeAction>>, Refusal> {
        let Some(open) = self.documents.get(&asked.text_document.uri) else { return Ok(None) };
        let wanted =
            |kind: &lsp::CodeActionKind| lsp::CodeActionKind::QUICKFIX.as_str().starts_with(kind.as_str());
        if asked.context.only.as_deref().is_some_and(|only| !only.iter().any(wanted)) {
            return Ok(Some(Vec::new()));
        }
        let source = open.document.source();
        let span = Span::new(
            offset(source, asked.range.start, self.encoding),
            offset(source, asked.range.end, self.encoding),
        );
        let is_whole = source.text().len() <= WHOLLY_JUDGED_BYTES_MAX;
        let before = if is_whole { (self.found)(open) } else { open.document.diagnostics().to_vec() };
        let desk = Desk { documents: self.documents, settings: self.settings };
        let started = Instant::now();
        let judge = |document: &Document| {
            if started.elapsed() > FIXING_TIME_MAX {
                // As if nothing had become better: what can't be tried is not offered.
                before.clone()
            } else if is_whole {
                desk.findings(document)
            } else {
                document.diagnostics().to_vec()
            }
        };
        let here = before.iter().filter(|found| found.span.start <= span.end && span.start <= found.span.end);
        let mut actions: Vec<lsp::CodeAction> = Vec::new();
        for found in here {
            if actions.len() >= FIXES_MAX || started.elapsed() > FIXING_TIME_MAX {
                break;
            }
            for fix in editor::fixes(&open.document, found, &before, &judge) {
                let range = range(source, fix.edit.span, self.encoding);
                let edit = lsp::TextEdit::new(range, fix.edit.text);
                let changes = HashMap::from([(open.uri.clone(), vec![edit])]);
                actions.push(lsp::CodeAction {
                    title: fix.title,
                    kind: Some(lsp::CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![answers::diagnostic(found, source, self.encoding)]),
                    edit: Some(lsp::WorkspaceEdit::new(changes)),
                    is_preferred: Some(true),
                    ..lsp::CodeAction::default()
                });
            }
        }
        Ok(Some(actions))
    }

    fn format(&self, asked: &lsp::DocumentFormattingParams) -> Result<Option<Vec<lsp::TextEdit>>, Refusal> {
        let Some(open) = self.documents.get(&asked.text_document.uri) else { return Ok(None) };
        let new = formatted(&open.document, Style::default())
            .map_err(|error| Refusal { code: ErrorCode::RequestFailed, why: error.to_string() })?;
        let new = Source::new(open.document.source().name(), &new.bytes);
        Ok(Some(answers::edits(&open.document, new.text(), self.encoding)))
    }
}
