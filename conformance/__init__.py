"""Replays what identity providers send against any SCIM 2.0 server, and says what fails, why, and what to change.

    python -m conformance --base-url URL --token TOKEN --suite entra,okta --report report.html

What is sent and what is expected is data: `suites/` has a folder for each connector and one for the RFCs, and
`scenario.schema.json` says how the files are written. The code knows no connector:

    scenario    a file -> scenarios, or a fault that names the file and the place
    templates   what is sent: values that were saved, put into it
    matching    what came back, held against what is expected
    player      plays the steps of one scenario
    runner      plays many, in order or side by side, and removes what they made
    results     what became of them: verdicts, the matrix of connector and capability
    reports/    the results on a terminal, as JSON, as JUnit XML, as a page
    recorder    takes the traffic of a connector down, as a middleware or a proxy
    recording   that traffic -> a scenario file; disguise knows where values stand, pseudonyms makes others up

It needs Python's standard library and nothing else, so that it can be carried to where a server is.
"""
