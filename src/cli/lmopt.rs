//! `lmopt -O FILE group|reserve|max|include|exclude… …`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;

use super::terminal::Output;
use super::{Call, print, print_error, servers};
use crate::client::Limits;
use crate::ident::VendorName;
use crate::lmutil::ask::Failure;
use crate::lmutil::lmdown::candidates;
use crate::lmutil::lmopt::{
    Outcome, Refusal, Versions, Wanted, edit, list, listed_as_json, read, refused_as_json, show,
    show_as_json, undo,
};
use crate::lmutil::lmreread::{Reread, reread};
use crate::options::Keyword;
use crate::options::edit::{Edit, GroupKind, Rule};

/// Exit status when the edit is refused.
const REFUSED: u8 = 1;
/// Exit status when something could not be read or written, and of a wrong call.
pub(super) const TROUBLE: u8 = 2;
/// Exit status when the file is written, but the server did not take everything over.
const NOT_REREAD: u8 = 3;

/// Edit options files by command: one line changes, the rest stays byte for byte
///
/// What would add an error is refused, as lmlint judges it. The file is replaced in one step and keeps its owner and permissions. The
/// last ten versions are kept in .NAME.versions beside it: "log" lists them, "undo" takes the last change back, and again
/// brings it back; "undo 12" goes back to the file before change 12. Ends with 0 when done, or if the file says so
/// already; 1 if the edit is refused; 2 if something could not be read or written; 3 if the file is written, but the server did
/// not take all of it over.
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true)]
#[command(after_help = "Examples:\n  \
    lmopt -O LGS.opt group add TEAM ann bob          the GROUP line is made if there is none\n  \
    lmopt -O LGS.opt group remove TEAM bob\n  \
    lmopt -O LGS.opt group remove TEAM ann --drop    the last one: the group goes, and what names it\n  \
    lmopt -O LGS.opt host-group add LAB pc1 10.1.2.*\n  \
    lmopt -O LGS.opt reserve set 3 fx GROUP TEAM     3 instead of what was reserved\n  \
    lmopt -O LGS.opt reserve set 1 fx:VERSION=2.0 USER ann\n  \
    lmopt -O LGS.opt reserve remove fx GROUP TEAM\n  \
    lmopt -O LGS.opt max set 2 fx USER ALL_USERS\n  \
    lmopt -O LGS.opt include add fx USER ann --dry-run\n  \
    lmopt -O LGS.opt exclude-all add HOST pc9 --reread -c 27000@lic1\n  \
    lmopt -O LGS.opt list TEAM                       what is said of a group, feature or user\n  \
    lmopt -O LGS.opt undo")]
pub(super) struct Args {
    /// The options file; the only *.opt of this directory if left out
    #[arg(short = 'O', long = "options", value_name = "FILE", global = true)]
    options: Option<PathBuf>,
    /// License file or directory to judge it with; those beside it that lead to it if left out (can be repeated)
    #[arg(short = 'L', long = "license", value_name = "LICENSE", global = true)]
    licenses: Vec<PathBuf>,
    /// Show the unified diff and write nothing
    #[arg(long = "dry-run", global = true)]
    dry_run: bool,
    /// Remove the last INCLUDE line of a feature, which opens it to everybody
    #[arg(long = "open", global = true)]
    open: bool,
    /// Have the server read its files again
    #[arg(long = "reread", global = true)]
    reread: bool,
    /// License path of that server [default: SEATKEEPER_LICENSE_FILE and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST", global = true)]
    path: Vec<String>,
    /// The vendor whose daemon reads the file, and which rereads
    #[arg(long = "vendor", value_name = "VENDOR", global = true)]
    vendor: Option<VendorName>,
    /// File with the administrator's key, for a server on another machine
    #[arg(long = "admin-key", value_name = "FILE", global = true)]
    admin_key: Option<PathBuf>,
    /// Where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long = "vendor-dir", value_name = "DIR", global = true)]
    vendor_dir: Vec<PathBuf>,
    /// How it is shown
    #[arg(long = "format", value_name = "FORMAT", default_value = "human", global = true)]
    format: FormatName,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormatName {
    /// For people
    Human,
    /// One JSON object
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Members of a GROUP
    #[command(subcommand)]
    Group(OfGroup),
    /// Members of a HOST_GROUP
    #[command(subcommand)]
    HostGroup(OfGroup),
    /// Licenses that are set aside: RESERVE
    #[command(subcommand)]
    Reserve(OfNumber),
    /// Limits: MAX
    #[command(subcommand)]
    Max(OfNumber),
    /// Who waits ahead of others, an extension: PRIORITY
    #[command(subcommand)]
    Priority(OfNumber),
    /// Who may use a feature: INCLUDE
    #[command(subcommand)]
    Include(OfFeature),
    /// Who may use every feature: INCLUDEALL
    #[command(subcommand)]
    IncludeAll(OfAll),
    /// Who may borrow a feature: INCLUDE_BORROW
    #[command(subcommand)]
    IncludeBorrow(OfFeature),
    /// Who may not use a feature: EXCLUDE
    #[command(subcommand)]
    Exclude(OfFeature),
    /// Who may use nothing: EXCLUDEALL
    #[command(subcommand)]
    ExcludeAll(OfAll),
    /// Who may not borrow a feature: EXCLUDE_BORROW
    #[command(subcommand)]
    ExcludeBorrow(OfFeature),
    /// Show all lines, or those about a group, feature, user or host
    List {
        /// The name
        name: Option<String>,
    },
    /// Take the last change back, or all since the one with a number
    Undo {
        /// The number, as log shows it
        number: Option<u32>,
    },
    /// List the changes that can be undone
    Log,
}

#[derive(Debug, Subcommand)]
enum OfGroup {
    /// Put members into a group
    Add {
        /// The group
        group: String,
        /// Who
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Take members out of a group
    Remove {
        /// The group
        group: String,
        /// Who
        #[arg(required = true)]
        members: Vec<String>,
        /// With the last member remove the group and all lines that name it
        #[arg(long = "drop")]
        drop: bool,
    },
}

#[derive(Debug, Subcommand)]
enum OfNumber {
    /// Set the number, whatever it was
    Set {
        /// How many
        count: u32,
        #[command(flatten)]
        whom: Whom,
    },
    /// Remove the line
    Remove {
        #[command(flatten)]
        whom: Whom,
    },
}

/// A feature and somebody.
#[derive(Debug, clap::Args)]
struct Whom {
    /// The feature, with modifiers as in fx:VERSION=2.0
    feature: String,
    /// USER, HOST, DISPLAY, INTERNET, PROJECT, GROUP or HOST_GROUP
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Who
    name: String,
}

#[derive(Debug, Subcommand)]
enum OfFeature {
    /// Write the line
    Add {
        #[command(flatten)]
        whom: Whom,
    },
    /// Remove the line
    Remove {
        #[command(flatten)]
        whom: Whom,
    },
}

#[derive(Debug, Subcommand)]
enum OfAll {
    /// Write the line
    Add {
        /// USER, HOST, DISPLAY, INTERNET, PROJECT, GROUP or HOST_GROUP
        #[arg(value_name = "TYPE")]
        kind: String,
        /// Who
        name: String,
    },
    /// Remove the line
    Remove {
        /// USER, HOST, DISPLAY, INTERNET, PROJECT, GROUP or HOST_GROUP
        #[arg(value_name = "TYPE")]
        kind: String,
        /// Who
        name: String,
    },
}

impl OfGroup {
    fn edit(self, kind: GroupKind) -> Edit {
        match self {
            Self::Add { group, members } => Edit::AddMembers { kind, group, members },
            Self::Remove { group, members, drop } => Edit::RemoveMembers { kind, group, members, drop },
        }
    }
}

impl Whom {
    fn rule(self, keyword: Keyword) -> Rule {
        let Self { feature, kind, name } = self;
        Rule { keyword, count: None, feature: Some(feature), kind, name }
    }
}

impl OfNumber {
    fn edit(self, keyword: Keyword) -> Edit {
        match self {
            Self::Set { count, whom } => Edit::Put(Rule { count: Some(count), ..whom.rule(keyword) }),
            Self::Remove { whom } => Edit::Remove(whom.rule(keyword)),
        }
    }
}

impl OfFeature {
    fn edit(self, keyword: Keyword) -> Edit {
        match self {
            Self::Add { whom } => Edit::Put(whom.rule(keyword)),
            Self::Remove { whom } => Edit::Remove(whom.rule(keyword)),
        }
    }
}

impl OfAll {
    fn edit(self, keyword: Keyword) -> Edit {
        match self {
            Self::Add { kind, name } => Edit::Put(Rule { keyword, count: None, feature: None, kind, name }),
            Self::Remove { kind, name } => {
                Edit::Remove(Rule { keyword, count: None, feature: None, kind, name })
            }
        }
    }
}

/// What is shared by all commands.
struct Session<'c> {
    file: PathBuf,
    format: FormatName,
    wanted: Wanted,
    server: Option<Server>,
    call: &'c Call,
}

/// The server that is to read its files again.
struct Server {
    path: Vec<String>,
    vendor: Option<VendorName>,
    admin_key: Option<PathBuf>,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let file = match args.options.map_or_else(only_options_file, Ok) {
        Ok(file) => file,
        Err(why) => {
            print_error(&format!("{}: {why}\n", call.name));
            return TROUBLE;
        }
    };
    let server = args.reread.then_some(Server {
        path: args.path,
        vendor: args.vendor.clone(),
        admin_key: args.admin_key,
    });
    let session = Session {
        file,
        format: args.format,
        wanted: Wanted {
            licenses: args.licenses,
            vendor: args.vendor,
            vendor_dirs: args.vendor_dir,
            open: args.open,
            dry_run: args.dry_run,
        },
        server,
        call,
    };
    let wanted = match args.command {
        Command::List { name } => return session.list(name.as_deref()),
        Command::Log => return session.log(),
        Command::Undo { number } => return session.finish(undo(&session.file, number, &session.wanted)),
        Command::Group(command) => command.edit(GroupKind::Users),
        Command::HostGroup(command) => command.edit(GroupKind::Hosts),
        Command::Reserve(command) => command.edit(Keyword::Reserve),
        Command::Max(command) => command.edit(Keyword::Max),
        Command::Priority(command) => command.edit(Keyword::Priority),
        Command::Include(command) => command.edit(Keyword::Include),
        Command::IncludeAll(command) => command.edit(Keyword::IncludeAll),
        Command::IncludeBorrow(command) => command.edit(Keyword::IncludeBorrow),
        Command::Exclude(command) => command.edit(Keyword::Exclude),
        Command::ExcludeAll(command) => command.edit(Keyword::ExcludeAll),
        Command::ExcludeBorrow(command) => command.edit(Keyword::ExcludeBorrow),
    };
    session.finish(edit(&session.file, &wanted, &session.wanted, &said(&wanted)))
}

/// An edit as the log tells it.
fn said(edit: &Edit) -> String {
    match edit {
        Edit::AddMembers { kind, group, members } => {
            format!("{} {group}: add {}", kind.as_str(), members.join(" "))
        }
        Edit::RemoveMembers { kind, group, members, .. } => {
            format!("{} {group}: remove {}", kind.as_str(), members.join(" "))
        }
        Edit::Put(rule) => match rule.count {
            Some(count) => format!("set {count}: {rule}"),
            None => format!("add: {rule}"),
        },
        Edit::Remove(rule) => format!("remove: {rule}"),
    }
}

/// The `*.opt` of the working directory, if there is one alone.
fn only_options_file() -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(".").map_err(|error| format!("this directory: {error}"))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| PathBuf::from(entry.file_name())))
        .filter(|path| path.extension().is_some_and(|extension| extension == "opt") && path.is_file())
        .collect();
    found.sort();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err("there is no *.opt in this directory; name the options file with -O".to_owned()),
        more => {
            let names: Vec<String> = more.iter().map(|path| path.display().to_string()).collect();
            Err(format!("there are {}; name one with -O", names.join(", ")))
        }
    }
}

impl Session<'_> {
    fn complain(&self, what: &str) {
        print_error(&format!("{}: {what}\n", self.call.name));
    }

    fn list(&self, name: Option<&str>) -> u8 {
        let file = match read(&self.file) {
            Ok(file) => file,
            Err(refusal) => return self.refused(&refusal),
        };
        let lines = list(&file, name);
        if self.format == FormatName::Json {
            print(&listed_as_json(&file, &lines));
            return 0;
        }
        for listed in &lines {
            print(&format!("{}:{}: {}\n", file.source.name(), listed.line, listed.text));
        }
        match name {
            Some(name) if lines.is_empty() => {
                self.complain(&format!("no line of {} is about {name}", file.source.name()));
                REFUSED
            }
            _ => 0,
        }
    }

    fn log(&self) -> u8 {
        let log = match Versions::beside(&self.file).and_then(|versions| versions.log()) {
            Ok(log) => log,
            Err(error) => return self.refused(&Refusal::from(error)),
        };
        if self.format == FormatName::Json {
            let log: Vec<_> = log.iter().map(|version| version.as_json()).collect();
            print(&format!("{:#}\n", serde_json::Value::from(log)));
            return 0;
        }
        for version in &log {
            print(&format!("{:>4}  {}  {}  {}\n", version.number, version.at, version.user, version.command));
        }
        0
    }

    fn refused(&self, refusal: &Refusal) -> u8 {
        if self.format == FormatName::Json {
            print(&refused_as_json(refusal));
        } else {
            self.complain(&refusal.to_string());
            if let Refusal::Errors { found, file } = refusal {
                found.iter().for_each(|found| print_error(&format!("{}\n", found.line(&file.source))));
            }
        }
        if let Refusal::Edit(crate::options::edit::EditError::NotWritable { help: Some(help), .. }) = refusal
        {
            self.complain(help);
        }
        if refusal.is_trouble() { TROUBLE } else { REFUSED }
    }

    fn finish(&self, outcome: Result<Outcome, Refusal>) -> u8 {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(refusal) => return self.refused(&refusal),
        };
        let answer = self.server.as_ref().filter(|_| !outcome.dry_run).map(Server::reread);
        if self.format == FormatName::Json {
            print(&show_as_json(&outcome, answer.as_ref()));
        } else {
            if outcome.dry_run || outcome.changes.is_empty() {
                let mut out = Output;
                // What can't be written is told by the output itself.
                let _ = out.write_all(&outcome.diff);
            }
            if outcome.dry_run {
                outcome.effects.iter().for_each(|effect| print_error(&format!("{effect}\n")));
                for found in &outcome.findings {
                    print_error(&format!("{}\n", found.line(&outcome.file.source)));
                }
            } else {
                print(&show(&outcome));
            }
            if let Some(answer) = &answer {
                print(&told(answer));
            } else if outcome.version.is_some() {
                print("a running server goes on with what it read until lmreread, or --reread\n");
            }
        }
        match answer {
            None | Some(Ok(Reread { refused: None, .. })) => 0,
            Some(_) => NOT_REREAD,
        }
    }
}

impl Server {
    fn reread(&self) -> Result<Reread, Failure> {
        let path = servers::path(&self.path);
        let limits = Limits::from_environment();
        let key = servers::key(self.admin_key.clone());
        let mut whole = Reread { lines: Vec::new(), refused: None };
        for candidate in candidates(&path, limits)? {
            let Reread { lines, refused } = reread(&candidate, self.vendor.as_ref(), false, &key, limits)?;
            whole.lines.extend(lines);
            whole.refused = whole.refused.or(refused);
        }
        Ok(whole)
    }
}

/// What a server said, as lmreread prints it.
fn told(answer: &Result<Reread, Failure>) -> String {
    match answer {
        Err(failure) => format!("lmreread failed: {failure}\n"),
        Ok(Reread { lines, refused }) => {
            let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            match refused {
                None => text.push_str("lmreread successful\n"),
                Some(refused) => {
                    text.push_str(&format!("lmreread incomplete: {}\n", Failure::from(refused.clone())));
                }
            }
            text
        }
    }
}
