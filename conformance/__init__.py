"""Replays what identity providers send against any SCIM 2.0 server, and says what fails, why, and what to change.

    python -m conformance --base-url URL --token TOKEN --suite entra,okta --report report.html

What is sent and what is expected is data: `suites/` has a folder for each connector and one for the RFCs, and
`scenario.schema.json` says how the files are written. The code knows no connector:

    scenario    what a scenario is; reading makes them from files, or names the file and the place of a fault
    templates   what is sent: values that were saved, put into it
    matching    what came back, held against what is expected
    player      plays the steps of one scenario
    runner      plays many, in order or side by side
    session     one server; ownership knows what there is ours, made what a request made, removal takes it away
    transport   HTTP; login and credentials sign in, patience waits after a 429, masking hides secrets
    results     what became of the scenarios: verdicts, the matrix of connector and capability
    reports/    the results on a terminal, as JSON, as JUnit XML, as a page
    recorder    takes the traffic of a connector down, as a middleware or a proxy
    recording   that traffic -> a scenario file; disguise knows where values stand, pseudonyms makes others up
    cli         the command; options says what it understands

It needs Python's standard library and nothing else, so that it can be carried to where a server is.
"""
