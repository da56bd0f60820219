//! The attributes behind the positional fields (`flexnet-files.md` 1.5.1 and 1.5.2).

use std::borrow::Cow;

use super::attribute::{Form, KNOWN, ON_PACKAGE, is_dup_group, known};
use super::doubtful::report_doubtful;
use super::feature::Attribute;
use super::finding;
use super::hostid::HostId;
use super::keyword::Keyword;
use super::lexis::{attribute, is_blank};
use super::meant;
use super::parse::{Reader, Token};
use super::parse_server::one_hostid;
use crate::text::{Span, nearest, shown};
use crate::time::CivilDate;

/// The attributes of one line, and what the typed ones say.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) list: Vec<Attribute>,
    pub(super) hostids: Vec<HostId>,
    pub(super) start: Option<CivilDate>,
    pub(super) issued: Option<CivilDate>,
    /// Whether they stand on a PACKAGE line.
    of_package: bool,
}

impl Attributes {
    pub(super) fn get(&self, name: &str) -> Option<&Attribute> {
        self.list.iter().find(|attribute| attribute.name == name)
    }
}

/// Productions `attribute`, `package-attribute` and `own`, as many as there are.
pub(super) fn read_attributes<'a>(
    reader: &mut Reader<'a>,
    words: &[Token<'a>],
    of_package: bool,
) -> Attributes {
    let list = Vec::with_capacity(words.len());
    let mut attributes = Attributes { list, of_package, ..Attributes::default() };
    for token in words {
        read_attribute(reader, &mut attributes, *token);
        if Keyword::of(token.raw).is_some() {
            // Another line has been joined to this one; its words are no attributes, and one finding is enough.
            break;
        }
    }
    report_doubtful(reader, words);
    report_twice(reader, &attributes.list);
    attributes
}

fn read_attribute<'a>(reader: &mut Reader<'a>, attributes: &mut Attributes, token: Token<'a>) {
    let folded;
    let parts = match attribute(token.raw) {
        Some(parts) => Some(parts),
        // A name may be wrapped too; its value keeps its raw text so that places stay right.
        None => {
            folded = super::lexis::text(token.raw).unwrap_or(Cow::Borrowed(""));
            match &folded {
                Cow::Owned(text) => {
                    read_folded(reader, attributes, text, token.span);
                    return;
                }
                Cow::Borrowed(_) => None,
            }
        }
    };
    let Some((name, raw)) = parts else {
        if reader.word(token).is_some() {
            not_an_attribute(reader, token.raw, token.span);
        }
        return;
    };
    let value = match raw {
        None => None,
        Some(raw) => match reader.value(token, raw) {
            Some(value) => Some(value),
            None => return,
        },
    };
    keep_attribute(reader, attributes, name, value, token.span);
}

/// A word without quotes that a backslash has cut in two.
fn read_folded(reader: &mut Reader<'_>, attributes: &mut Attributes, text: &str, span: Span) {
    match attribute(text) {
        Some((name, value)) => keep_attribute(reader, attributes, name, value.map(Cow::Borrowed), span),
        None => not_an_attribute(reader, text, span),
    }
}

fn not_an_attribute(reader: &mut Reader<'_>, text: &str, span: Span) {
    let found =
        reader.report(finding::NOT_AN_ATTRIBUTE, span, format!("{} is not an attribute", shown(text)));
    let is_name = |name: &str| known(name).is_some();
    found.help(match text.split_once([':', ';']) {
        Some((name, value)) if is_name(name) => format!("write {name}={value}"),
        _ if text == "=" => "write NAME=value without blanks about the equals sign".to_owned(),
        _ if text == "/" => "a line is continued with a backslash, not with a slash".to_owned(),
        _ if text.starts_with('\\') => "remove the backslash, or end the line behind it".to_owned(),
        _ if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            "several hostids stand in quotes, as in HOSTID=\"one other\"".to_owned()
        }
        _ if text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            "a license key is one word of at least 12 characters; it may have been cut".to_owned()
        }
        _ => "attributes are NAME or NAME=value; a value with blanks needs quotes".to_owned(),
    });
}

fn keep_attribute(
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
    name: &str,
    value: Option<Cow<'_, str>>,
    span: Span,
) {
    let mut kept: Cow<'static, str> = Cow::Borrowed("");
    if let Some((name, form)) = known(name) {
        if attributes.of_package && !ON_PACKAGE.contains(&name) {
            reader
                .report(finding::ATTRIBUTE_IGNORED, span, format!("{name} has no effect on a PACKAGE line"))
                .help("it belongs on the feature line that enables the package");
        }
        check_value(reader, attributes, name, form, value.as_deref(), span);
        kept = Cow::Borrowed(name);
    } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let found =
            reader.report(finding::UNKNOWN_ATTRIBUTE, span, format!("unknown attribute {}", shown(name)));
        found.help(match nearest(name, KNOWN.iter().map(|(known, _)| *known)) {
            _ if Keyword::of(name).is_some() => {
                "it begins a line of its own: end the line before it, without a backslash".to_owned()
            }
            Some(meant) => format!("did you mean {meant}?"),
            None if value.is_none() => "a value with blanks needs quotes".to_owned(),
            None => "publishers name their attributes in capitals; a remark of your own takes small letters"
                .to_owned(),
        });
    } else {
        let is_order =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u8>().is_ok();
        if name == "sort" && !value.as_deref().is_some_and(is_order) {
            reader
                .report(finding::SORT, span, "sort= takes a number from 0 to 255")
                .help("lines with lower numbers come first; 100 is where a line without sort= stands");
        }
        if let Some((publishers, _)) = known(&name.to_ascii_uppercase()) {
            reader
                .report(
                    finding::SMALL_LETTERS,
                    span,
                    format!("{name} in small letters is a remark: it has not the effect of {publishers}"),
                )
                .help("publishers write attributes in capitals and sign them; give a remark of your own another name");
        }
        kept = Cow::Owned(name.to_owned());
    }
    attributes.list.push(Attribute { name: kept, value: value.map(Cow::into_owned), span });
}

/// Productions `flag`, `text`, `counted-flag`, `counted-text`, `dated`, `sharing` and `hostids`.
fn check_value(
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
    name: &'static str,
    form: Form,
    value: Option<&str>,
    span: Span,
) {
    let is_number = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok()
    };
    let Some(value) = value else {
        if matches!(
            form,
            Form::Text | Form::Number | Form::Date | Form::DupGroup | Form::HostIds | Form::OfPackage
        ) {
            reader
                .report(finding::VALUE_MISSING, span, format!("{name} needs a value"))
                .help(format!("write {name}=value"));
        } else if form == Form::Ignored {
            reader
                .report(finding::ATTRIBUTE_IGNORED, span, format!("{name} has no effect here"))
                .help(MAY_STAY);
        }
        return;
    };
    match form {
        Form::OfPackage if !attributes.of_package => {
            reader
                .report(finding::UNKNOWN_ATTRIBUTE, span, format!("{name} stands on another kind of line"))
                .help("write it on the PACKAGE line");
        }
        Form::Flag => {
            reader
                .report(finding::VALUE_UNWANTED, span, format!("{name} takes no value"))
                .help(format!("write {name} alone"));
        }
        Form::Number | Form::FlagOrNumber if !is_number(value) => {
            reader
                .report(finding::VALUE, span, format!("{} is not a number for {name}", shown(value)))
                .help(format!("write {name}=number, with digits only"));
        }
        Form::DupGroup if !is_dup_group(value) => {
            reader.report(finding::VALUE, span, format!("{} is not a value of {name}", shown(value))).help(
                match sharing(value) {
                    Some(meant) => format!("did you mean {name}={meant}?"),
                    None => "write NONE, SITE or letters out of UHDV".to_owned(),
                },
            );
        }
        Form::Date => match CivilDate::parse(value) {
            Ok(day) if name == "START" => attributes.start = Some(day),
            Ok(day) => attributes.issued = Some(day),
            Err(error) => {
                reader
                    .report(finding::ATTRIBUTE_DATE, span, error.to_string())
                    .help(meant::attribute_date(value));
            }
        },
        Form::HostIds => {
            let before = attributes.hostids.len();
            let mut at = span.start + name.len();
            for word in value.split(is_blank).filter(|word| !word.is_empty()) {
                let place = reader.find(word, Span::new(at, span.end)).unwrap_or(span);
                at = place.end;
                attributes.hostids.extend(one_hostid(reader, word, place));
            }
            if attributes.hostids.len() == before && value.trim().is_empty() {
                reader
                    .report(finding::VALUE_MISSING, span, format!("{name} names no hostid"))
                    .help("write what lmhostid prints on the machine that the line is for");
            }
        }
        Form::Text if SIGNATURES.contains(&name) && value.trim().is_empty() => {
            reader
                .report(finding::SIGN_EMPTY, span, format!("{name} has no value, so the line is not signed"))
                .help(
                    "restore the line as the publisher issued it; who is the publisher signs it with lmcrypt",
                );
        }
        Form::Ignored => {
            reader
                .report(finding::ATTRIBUTE_IGNORED, span, format!("{name} has no effect here"))
                .help(MAY_STAY);
        }
        Form::FlagOrText if name == "SUPERSEDE" => report_commas(reader, value, span),
        _ => {}
    }
}

/// Names in the list of SUPERSEDE are separated by blanks; one with a comma would replace nothing, without a word.
fn report_commas(reader: &mut Reader<'_>, list: &str, span: Span) {
    let Some(name) = list.split(is_blank).find(|name| name.contains([',', ';'])) else { return };
    let names: Vec<&str> =
        list.split(|c| is_blank(c) || matches!(c, ',' | ';')).filter(|name| !name.is_empty()).collect();
    let found = reader.report(
        finding::SUPERSEDE_COMMA,
        span,
        format!("the comma in {} belongs to the name that SUPERSEDE replaces", shown(name)),
    );
    // What ends with a comma may have been cut.
    found.help(if names.is_empty() || list.ends_with([',', ';']) {
        "blanks separate the names, not commas".to_owned()
    } else {
        format!("blanks separate the names, not commas: write SUPERSEDE=\"{}\"", names.join(" "))
    });
}

/// Attributes that hold signatures.
const SIGNATURES: [&str; 3] = ["AUTH", "SIGN", "SIGN2"];

/// What to do with an attribute that changes nothing.
const MAY_STAY: &str = "it may stay: the line is served as if it were not there";

/// The letters of a sharing value that is written in another way.
fn sharing(value: &str) -> Option<String> {
    let mut letters = String::new();
    for letter in value.to_ascii_uppercase().chars().filter(|c| !matches!(c, ',' | '+' | '|' | '=')) {
        if !letters.contains(letter) || letters.len() > 8 {
            letters.push(letter);
        }
    }
    (letters != value && is_dup_group(&letters)).then_some(letters)
}

/// A name that stands twice: an error for the publisher's, for nobody could say which of them is signed.
fn report_twice(reader: &mut Reader<'_>, list: &[Attribute]) {
    // A few names are compared with one another; more are sorted, as time is to be in proportion to the text.
    let is_twice = |(index, attribute): (usize, &Attribute)| {
        list.iter().take(index).any(|before| before.name == attribute.name)
    };
    if list.len() <= FEW && !list.iter().enumerate().any(is_twice) {
        return;
    }
    let mut sorted: Vec<&Attribute> = list.iter().filter(|attribute| !attribute.name.is_empty()).collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in sorted.windows(2) {
        let [one, other] = pair else { continue };
        if one.name == other.name {
            let finding =
                if other.is_publishers() { finding::ATTRIBUTE_TWICE } else { finding::OWN_ATTRIBUTE_TWICE };
            reader
                .report(finding, other.span, format!("{} stands twice on this line", other.name))
                .help("remove one of them");
        }
    }
}

/// Up to so many attributes are compared pair by pair.
const FEW: usize = 16;
