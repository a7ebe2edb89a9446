"""A report, rendered: each module has `render(report) -> str`, which reads the report and nothing else of the run.

    terminal    a summary for the person who waits for it
    as_json     all of it in a stable form, for programs
    junit       for what shows test results: a suite per connector, a case per scenario
    html        one page for administrators and engineers, complete in itself

What is shown was said by a server that nobody vouches for. Control characters and the like are spelt out
(`characters`), and what goes into the page is escaped unless it was built as markup (`markup`).
"""
