//! The editor room's answers as the protocol has them.

use std::time::Duration;

use lsp_types as lsp;
use similar::{Algorithm, DiffOp, TextDiff};

use super::place::{Encoding, position, range};
use crate::editor::{Completion, CompletionKind, Document, Symbol, SymbolKind};
use crate::text::{Diagnostic, Severity, Source, Span};

/// A difference that is not found in this time is told as larger than it need be.
const DIFFERENCE_TIME_MAX: Duration = Duration::from_millis(500);

/// What says that a finding is ours.
const SOURCE: &str = "seatkeeper";

pub(super) fn diagnostic(found: &Diagnostic, source: &Source, encoding: Encoding) -> lsp::Diagnostic {
    let mut message = found.message.clone();
    if let Some(code) = found.code {
        message.push_str(&format!(" ({})", code.number()));
    }
    if let Some(help) = &found.help {
        message.push('\n');
        message.push_str(help);
    }
    lsp::Diagnostic {
        range: range(source, found.span, encoding),
        severity: Some(match found.severity {
            Severity::Error => lsp::DiagnosticSeverity::ERROR,
            Severity::Warning => lsp::DiagnosticSeverity::WARNING,
            Severity::Note => lsp::DiagnosticSeverity::INFORMATION,
        }),
        code: Some(lsp::NumberOrString::String(found.id.to_owned())),
        source: Some(SOURCE.to_owned()),
        message,
        ..lsp::Diagnostic::default()
    }
}

pub(super) fn completion(found: Completion, source: &Source, encoding: Encoding) -> lsp::CompletionItem {
    use lsp::CompletionItemKind as Kind;
    let range = range(source, found.span, encoding);
    // A word that goes over a line end can't be replaced in one.
    let edit = (range.start.line == range.end.line)
        .then(|| lsp::CompletionTextEdit::Edit(lsp::TextEdit::new(range, found.word.clone())));
    let text = |text: String| (!text.is_empty()).then_some(text);
    lsp::CompletionItem {
        kind: Some(match found.kind {
            CompletionKind::Keyword => Kind::KEYWORD,
            CompletionKind::Word => Kind::ENUM_MEMBER,
            CompletionKind::Feature => Kind::CLASS,
            CompletionKind::Group => Kind::MODULE,
            CompletionKind::Name => Kind::VARIABLE,
            CompletionKind::Attribute => Kind::PROPERTY,
            CompletionKind::Value => Kind::VALUE,
        }),
        detail: text(found.detail),
        documentation: text(found.meaning).map(lsp::Documentation::String),
        filter_text: Some(found.word.clone()),
        label: found.word,
        text_edit: edit,
        ..lsp::CompletionItem::default()
    }
}

#[allow(deprecated, reason = "the type has a field for old clients, which must be filled in")]
pub(super) fn symbol(found: Symbol, source: &Source, encoding: Encoding) -> lsp::DocumentSymbol {
    use lsp::SymbolKind as Kind;
    lsp::DocumentSymbol {
        name: if found.name.trim().is_empty() { "line".to_owned() } else { found.name },
        detail: (!found.detail.is_empty()).then_some(found.detail),
        kind: match found.kind {
            SymbolKind::Server => Kind::NAMESPACE,
            SymbolKind::Vendor => Kind::MODULE,
            SymbolKind::Feature => Kind::CLASS,
            SymbolKind::Package => Kind::PACKAGE,
            SymbolKind::Group => Kind::ARRAY,
            SymbolKind::Rule => Kind::FUNCTION,
            SymbolKind::Setting => Kind::PROPERTY,
        },
        tags: None,
        deprecated: None,
        range: range(source, found.span, encoding),
        selection_range: range(source, found.name_span, encoding),
        children: None,
    }
}

/// What turns a document into another text, line by line, so that cursors and marks stay where they are.
pub(super) fn edits(document: &Document, new: &str, encoding: Encoding) -> Vec<lsp::TextEdit> {
    let source = document.source();
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(DIFFERENCE_TIME_MAX)
        .diff_lines(source.text(), new);
    let starts = |lines: Vec<usize>| {
        let mut starts = vec![0];
        starts.extend(lines.into_iter().scan(0, |at, length| {
            *at += length;
            Some(*at)
        }));
        starts
    };
    let old_starts = starts(diff.iter_old_slices().map(str::len).collect());
    let new_starts = starts(diff.iter_new_slices().map(str::len).collect());
    let at = |starts: &[usize], index: usize| starts.get(index).or(starts.last()).copied().unwrap_or(0);
    let changes = diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    changes
        .map(|op| {
            let (old, into) = (op.old_range(), op.new_range());
            let span = Span::new(at(&old_starts, old.start), at(&old_starts, old.end));
            let text = new.get(at(&new_starts, into.start)..at(&new_starts, into.end)).unwrap_or_default();
            let (start, end) = (position(source, span.start, encoding), position(source, span.end, encoding));
            lsp::TextEdit::new(lsp::Range::new(start, end), text.to_owned())
        })
        .collect()
}
