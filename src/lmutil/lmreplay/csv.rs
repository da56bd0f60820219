//! One line for each difference, for spreadsheets (RFC 4180).

use super::Shown;
use crate::event::Denial;
use crate::replay::{Difference, Verdict};

/// The names of the columns.
pub(super) const HEAD: &str = "time,change,user,host,feature,version,count,recorded_pool,recorded_number,replayed_pool,\
                               replayed_number,replayed_minor,replayed_text,rule,note,borrow_until\r\n";

pub(super) fn row(found: &Difference, shown: &Shown) -> String {
    let (recorded_pool, recorded_denial) = parts(&found.recorded);
    let (replayed_pool, denial) = parts(&found.replayed);
    let number = |denial: Option<&Denial>| {
        denial.map_or_else(|| "0".to_owned(), |denial| denial.code.number().to_string())
    };
    let fields = [
        shown.instant(found.at),
        found.kind.name().to_owned(),
        found.identity.user.to_string(),
        found.identity.host.to_string(),
        found.feature.to_string(),
        found.version.to_string(),
        found.count.to_string(),
        recorded_pool,
        number(recorded_denial),
        replayed_pool,
        number(denial),
        denial.map_or_else(String::new, |denial| denial.minor.to_string()),
        denial.map_or_else(String::new, |denial| denial.text().to_owned()),
        denial.and_then(Denial::rule).unwrap_or_default().to_owned(),
        denial.map_or_else(String::new, |denial| denial.note.to_string()),
        found.borrow_ends.map_or_else(String::new, |ends| shown.instant(ends)),
    ];
    let mut line = fields.map(|field| quoted(&field)).join(",");
    line.push_str("\r\n");
    line
}

fn parts(verdict: &Verdict) -> (String, Option<&Denial>) {
    match verdict {
        Verdict::Granted(pool) => (pool.as_ref().map(ToString::to_string).unwrap_or_default(), None),
        Verdict::Denied(denial) | Verdict::Refused(denial) => (String::new(), Some(denial)),
        Verdict::Ended => (String::new(), None),
    }
}

fn quoted(field: &str) -> String {
    // What begins like a formula is not to be one in a spreadsheet: names come from clients.
    let guard = if field.starts_with(['=', '+', '@']) { "'" } else { "" };
    if guard.is_empty() && !field.contains([',', '"', '\r', '\n']) {
        return field.to_owned();
    }
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("ann"), "ann");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("the \"x\""), "\"the \"\"x\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("-4"), "-4");
    }
}
