//! `L01xx` and `L02xx`: layout, and the kind of a line.

use super::{served, table};

table! {
    "L0101",
    "A line goes on behind its line end without a backslash. It is joined all the same, as a quote is open or the line was not complete, but other readers take the next line for one of its own.",
    [served!("INCREMENT fx acmed 1.0 permanent 2\n  SN=7 SIGN=...\n")],
    "End the line with a backslash. lmfmt -w does it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 \\\n  SN=7 SIGN=...\n")];

    "L0102",
    "A line ends with a backslash, but an empty line, a comment or the end of the file follows. Often the rest of the line was lost when the file was copied.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... \\\n\n")],
    "Remove the backslash if the line is complete, else restore what followed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0103",
    "A value begins with a quote that is not closed before the line ends, so it can't be told where the value ends. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... NOTICE=\"for the lab\n")],
    "Close the quote. A value that goes on in the next line needs a backslash at the line end.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... NOTICE=\"for the lab\"\n")];

    "L0104",
    "A quote must open and close a whole value. Text directly behind a closing quote, or a quote inside a word, can't be read. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=\"lab\"SN=7 SIGN=...\n")],
    "Put a blank behind the closing quote.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=\"lab\" SN=7 SIGN=...\n")];

    "L0105",
    "A value begins or ends with a typographic quote. Word processors and web pages make them of plain ones. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=\u{201c}lab\u{201d} SIGN=...\n")],
    "Write the plain quote \". The signature is not harmed, as it covers the value alone.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=\"lab\" SIGN=...\n")];

    "L0106",
    "A value in double quotes contains a single quote. It is read as it stands here, but the manuals forbid it and some readers refuse the line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=\"O'Brien Ltd\" SIGN=...\n")],
    "Nothing for this server. For others ask the publisher for a line without it: the value is signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=\"OBrien Ltd\" SIGN=...\n")];

    "L0107",
    "An AUTH block begins with a brace that is not closed before the line ends. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 AUTH={ acmed=( LK=1 )\n")],
    "Restore the line as the publisher issued it; such blocks often go over several lines, each of which ends with a backslash.",
    [];

    "L0108",
    "A trailing comment ends with a backslash. Inside a comment it does not continue the line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... # renewed in spring \\\n")],
    "Put the backslash before the #, or remove it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... # renewed in spring\n")];

    "L0109",
    "A word contains a no-break space (U+00A0), which looks like a blank but does not separate words. Web pages and mail programs make them. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SN=7\u{a0}SIGN=...\n")],
    "Replace it by a plain blank.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SN=7 SIGN=...\n")];

    "L0110",
    "The file is written in UTF-16, which some Windows editors call Unicode. Nothing of it can be read. (The example shows how its first bytes look to other programs.)",
    ["\u{ff}\u{fe}SERVER srv 0011aabbccdd 27000\n"],
    "Save the file as UTF-8 or plain text.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0201",
    "A line begins with a word that is no keyword of license files. It is skipped.",
    [served!("INCREMNET fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Correct the keyword. If it is text for people, begin the line with #.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0202",
    "A line is text, such as the prose of the mail that the license came in. It is skipped and harms nothing.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\nPlease call us on Monday.\n")],
    "Remove it, or begin it with # if it is worth keeping.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n# Please call us on Monday.\n")];

    "L0203",
    "A line has attributes or quotes, but no keyword, and the line before it is complete. It is probably the rest of a line that was torn apart, and is skipped.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n\n  NOTICE=\"for the lab\" SN=4\n")],
    "Put it back behind the line that it belongs to, with a backslash at that line's end and no empty line between.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... \\\n  NOTICE=\"for the lab\" SN=4\n")];

    "L0204",
    "A keyword is not written in capitals. It is read all the same, but other readers may not.",
    [served!("Increment fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Write it in capitals. The signature is not harmed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0205",
    "A line has more words than its kind takes; USE_SERVER stands alone. The line is not used.",
    [served!("USE_SERVER always\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Remove what follows the keyword.",
    [served!("USE_SERVER\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0213",
    "FEATURESET once bound all FEATURE lines of a vendor together. It has been obsolete for decades and is ignored.",
    [served!("FEATURESET acmed 0123456789AB\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Remove the line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0214",
    "A license in decimal format is one word of digits in groups. It encodes the publisher's own key and can't be read here.",
    [served!("acmed-f1-12345-67890-1234\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Ask the publisher for the readable form of the license.",
    [];
}
