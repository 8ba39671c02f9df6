"""placeholder while the compiler is written"""

from profguard.rules.interpret import holds, matches, process_reader


def compile_rules(event_name, rules):
    rules = tuple(rules)
    return lambda event: tuple(rule for rule in rules if matches(rule.condition, event))


def compile_process_test(node):
    return lambda process: holds(node, process_reader(process))
