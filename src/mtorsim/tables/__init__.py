"""Tables of text that users give: cells with line numbers, rows to leave out, clock times and dates."""
