//! `O01xx` to `O03xx`: layout, keywords and features of options files.

use super::table;

table! {
    "O0101",
    "A quote opens on this line and nothing closes it. The line can't be told from what should follow, so it has no effect; an INCLUDE line still closes its feature.",
    ["EXCLUDE fx USER \"ann smith\n"],
    "Close the quote.",
    ["EXCLUDE fx USER \"ann smith\"\n"];

    "O0102",
    "A quote opens a word, or follows + of a path or = of a feature; it closes the word. Elsewhere it is most likely a slip.",
    ["EXCLUDE fx USER \"ann\"smith\n"],
    "Put the quotes around the whole word.",
    ["EXCLUDE fx USER \"ann smith\"\n"];

    "O0103",
    "Word processors and web pages turn the plain quote into typographic ones. They are part of the name then, and no client has that name.",
    ["EXCLUDE fx USER \u{201c}ann\u{201d}\n"],
    "Write the plain quote, or none: only names with blanks need it.",
    ["EXCLUDE fx USER ann\n"];

    "O0104",
    "A no-break space looks like a blank but separates no words, so two words have become one. It comes from web pages.",
    ["EXCLUDE fx USER ann\u{a0}smith\n"],
    "Write a plain blank.",
    ["EXCLUDE fx USER \"ann smith\"\n"];

    "O0105",
    "A backslash at the end of a line joins the next one to it. Here the next one is empty, a comment or missing.",
    ["GROUP drawing ann bob \\\n\nEXCLUDE fx GROUP drawing\n"],
    "Remove the backslash, or the empty line if the list goes on behind it.",
    ["GROUP drawing ann bob\n\nEXCLUDE fx GROUP drawing\n"];

    "O0106",
    "Behind # everything is a comment, a backslash too. The next line stands by itself.",
    ["EXCLUDE fx USER ann # and her office \\\n"],
    "Remove the backslash, or put it before the comment.",
    ["EXCLUDE fx USER ann # and her office\n"];

    "O0107",
    "Other servers read at most 4000 characters of a line, older ones 2048. Here it is read as a whole.",
    [],
    "Write several lines: GROUP lines of one name add up.",
    [];

    "O0108",
    "An editor has saved the file as UTF-16. None of its lines can be read.",
    ["\u{ff}\u{fe}E\0X\0"],
    "Save it as UTF-8 or plain text.",
    ["EXCLUDE fx USER ann\n"];

    "O0201",
    "The first word of a line is no keyword of options files, so the line has no effect. That is how a slip of the pen opens a feature to everybody.",
    ["EXCLUD fx USER ann\n"],
    "Write the keyword that is meant; the hint names the nearest one.",
    ["EXCLUDE fx USER ann\n"];

    "O0202",
    "Keywords are written in capitals. Other servers may not take this one.",
    ["exclude fx USER ann\n"],
    "Write it in capitals; lmfmt does it for you.",
    ["EXCLUDE fx USER ann\n"];

    "O0203",
    "A line lacks a word, often the type USER, HOST or GROUP. It has no effect; an INCLUDE line with its feature still closes the feature for everybody, as a mistake must not open it.",
    ["RESERVE 2 fx\n"],
    "Complete the line; the hint shows what it looks like.",
    ["RESERVE 2 fx USER ann\n"];

    "O0204",
    "More words stand on the line than its keyword takes. It has no effect, as it can't be known which of them are meant.",
    ["TIMEOUT fx 3600 seconds\n"],
    "Remove what is too much.",
    ["TIMEOUT fx 3600\n"];

    "O0205",
    "These lines take one name. Of several the first counts; on EXCLUDE lines the others are excluded too, so that a mistake lets nobody in.",
    ["EXCLUDE fx USER ann bob\n"],
    "Define a GROUP and name that, or write a line for each.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\n"];

    "O0206",
    "Behind the path a log line takes a few fixed words. Most often the path has blanks and no quotes.",
    ["DEBUGLOG +C:\\my logs\\a.log\n"],
    "Quote the path: +\"C:\\my logs\\a.log\".",
    ["DEBUGLOG +\"C:\\my logs\\a.log\"\n"];

    "O0207",
    "The keyword is known and its line is sound, but what it governs does not exist here: activation, or polling.",
    ["DAEMON_SELECT_TIMEOUT 10\n"],
    "Nothing. The line may stay for other servers.",
    [];

    "O0301",
    "The word where the feature stands is no feature's name: it is empty or too long, or it begins with a modifier.",
    ["EXCLUDE VERSION=1.0 USER ann\n"],
    "Write feature:KEYWORD=value, or \"feature KEYWORD=value\" where the name has a colon.",
    ["EXCLUDE fx:VERSION=1.0 USER ann\n"];

    "O0302",
    "Behind a feature's name stands a modifier that does not exist. The line can't be said to mean the whole feature, so it has no effect.",
    ["EXCLUDE fx:VERSON=1.0 USER ann\n"],
    "Write one of the modifiers that the hint names.",
    ["EXCLUDE fx:VERSION=1.0 USER ann\n"];

    "O0303",
    "The value of a modifier is not what it takes: a number for VERSION, a date such as 31-dec-2026 for EXPDATE.",
    ["EXCLUDE fx:EXPDATE=2026-12-31 USER ann\n"],
    "Write the value as the license line does.",
    ["EXCLUDE fx:EXPDATE=31-dec-2026 USER ann\n"];

    "O0304",
    "A star in a feature's name stands for nothing but itself. No such feature will be found.",
    ["EXCLUDE fx* USER ann\n"],
    "Write a line for each feature, or EXCLUDEALL and INCLUDEALL for all of them.",
    ["EXCLUDEALL USER ann\n"];
}
