"""What a product asks of its users and groups: rules as data, decided without any I/O.

    targets      the attribute that a rule is about, in a resource
    tests        what can be asked of a value: a pattern, a range, a list, a telephone number
    rules        constraint, required, fixed, condition: each says how a write violates it
    decisions    all rules of a resource type, and what becomes of a write that violates one

`catalog` makes them from profile.toml, with every path bound to its attribute; a resource type carries them
(`ResourceType.rules`). No rule knows HTTP, SQL, or the name of an attribute.
"""
