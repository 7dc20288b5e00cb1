"""A call of each command of `replicortex`."""

COMMANDS = [
    ["cost"],
    ["preflight"],
    ["summary"],
    ["resources"],
    ["promote", "demo", "learning_rules"],
    ["keep", "demo", "learning_rules"],
    ["judge", "--out", "o"],
    ["new-paper", "toy"],
    ["schemas", "--check"],
    ["readme"],
    ["environments"],
    ["graph"],
    ["study-text", "--check"],
    ["site"],
    *(["audit", *words] for words in (["figure", "a"], ["verify"], ["diff", "a", "b"], ["why"])),
    *(["audit", *words] for words in (["page", "a"], ["export", "a", "b"], ["cite", "a"])),
]
