"""Inclusion of policies, decided once more by an SMT solver (Z3), over random pairs.

The pairs, and what `tencent::cam::new_access` finds, are those that the test
`pairs_are_written_for_another_solver` leaves below target/. A third reading of the language is
here: an access is a set of unknowns, policies are formulas about it, and the solver decides
whether one satisfies "allowed by the new policy, not by the old one".

# Guarantees
Where nothing is new, no such access exists with at most two values of each condition key. Where
something is new, the access that was found is one. A pair without an answer in time is counted, and
few may be.

# Not covered
Actions of STS and roles; pairs that are refused as too large or inexact.
"""

import ipaddress
import json
import re
import sys
import urllib.parse
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import z3

from world import ROOT, fail

PAIRS = ROOT / "target/tmp/inclusion-pairs.jsonl"
VALUES = 2
MILLISECONDS = 20_000
# Compared percent-encoded.
PARAMETERS = {"cos:prefix", "cos:response-content-type", "cos:versionid"}
OPERATIONS = re.search(r'OPERATIONS: &str = "(.*?)"', (ROOT / "oracle/src/cam.rs").read_text(), re.S)[1].split()

ANY = z3.Full(z3.ReSort(z3.StringSort()))


def main(_binary=None):
    if not PAIRS.exists():
        fail(f"{PAIRS} is missing: run `cargo test -p tencent --test cam_inclusion`")
    same = more = refused = slow = 0
    for line in PAIRS.read_text().splitlines():
        pair = json.loads(line)
        found = pair["found"]
        if found == "refused" or found != "nothing" and not found["action"].startswith("name/cos:"):
            refused += 1
            continue
        witness = None if found == "nothing" else found
        answer = solved(pair["old"], pair["new"], witness)
        if answer == z3.unknown:
            slow += 1
        elif answer == z3.sat and witness:
            more += 1
        elif answer == z3.unsat and not witness:
            same += 1
        else:
            fail(f"the solver answers {answer} to:\n{line}")
    if min(same, more) < 10 or slow > (same + more) // 5:
        fail(f"{same} included, {more} not, {refused} refused, {slow} without an answer: too one-sided")
    print(f"inclusion: the solver agrees on {same} included and {more} other pairs; {refused} refused, {slow} without an answer in time")


def solved(old, new, witness):
    """Whether an access is newly allowed: any one, or the witness."""
    solver = z3.Solver()
    solver.set("timeout", MILLISECONDS)
    access = Access(solver, [old, new])
    if witness:
        access.fix(solver, witness)
    solver.add(access.allowed(new), z3.Not(access.allowed(old)))
    return solver.check()


class Access:
    """An access of unknown action, place and context."""

    def __init__(self, solver, policies):
        statements = [statement for policy in policies for statement in policy["statement"]]
        self.statements = statements
        self.actions = actions(statements)
        self.action = z3.Int("action")
        solver.add(self.action >= 0, self.action < len(self.actions))
        text = {name: z3.String(name) for name in ("region", "name", "appid", "owner", "creator", "key")}
        self.text = text
        solver.add(z3.InRe(text["region"], joined(times("a-z", 2, 2), z3.Re("-"), z3.Plus(chars("a-z")), z3.Option(joined(z3.Re("-"), z3.Union(z3.Plus(chars("a-z")), z3.Plus(chars("0-9"))))))))
        inner = chars("a-z", "0-9")
        solver.add(z3.InRe(text["name"], joined(inner, z3.Option(joined(z3.Star(chars("a-z", "0-9", "-")), inner)))))
        for name in ("appid", "creator"):
            solver.add(z3.InRe(text[name], z3.Loop(chars("0-9"), 5, 0)))
        solver.add(z3.InRe(text["owner"], z3.Plus(chars("0-9"))))
        self.path = z3.Concat(text["name"], z3.StringVal("-"), text["appid"], z3.StringVal("/"), text["key"])
        self.old_path = z3.Concat(z3.StringVal("prefix//"), text["appid"], z3.StringVal("/"), text["name"], z3.StringVal("/"), text["key"])
        self.context = {}
        for name, literals in literals_by_key(statements).items():
            self.context[name] = Values(solver, name, literals)

    def fix(self, solver, witness):
        """Leaves only this access."""
        operation = witness["action"].removeprefix("name/cos:")
        covered = (covering(self.statements, operation), operation == "GetService")
        solver.add(self.action == self.actions.index(covered))
        if witness["bucket"]:
            bucket, owner = witness["bucket"]
            name, _, appid = bucket.rpartition("-")
            values = {"name": name, "appid": appid, "owner": owner, "region": witness["region"], "key": witness["key"]}
            for part, value in values.items():
                solver.add(self.text[part] == z3.StringVal(value))
        solver.add(self.text["creator"] == z3.StringVal(witness["creator"]))
        for key, values in self.context.items():
            values.fix(solver, witness["context"].get(key, []))

    def allowed(self, policy):
        says = {effect: [self.applies(each) for each in policy["statement"] if each["effect"] == effect] for effect in ("allow", "deny")}
        return z3.And(z3.Or(says["allow"]), z3.Not(z3.Or(says["deny"])))

    def applies(self, statement):
        of_actions = [self.action == index for index, (covered, _) in enumerate(self.actions) if id(statement) in covered]
        resources = [self.covers(pattern) for pattern in many(statement["resource"])]
        conditions = [
            self.context[key].meet(operator, many(values))
            for operator, keys in statement.get("condition", {}).items()
            for key, values in keys.items()
        ]
        return z3.And(z3.Or(of_actions), z3.Or(resources), *conditions)

    def covers(self, pattern):
        if pattern == "*":
            return z3.BoolVal(True)
        _, _, service, region, account, path = pattern.split(":", 5)
        about_none = [self.action == index for index, (_, is_service) in enumerate(self.actions) if is_service]
        if service not in ("cos", "*", ""):
            return z3.BoolVal(False)
        kind, _, number = account.partition("/")
        is_account = {
            "": self.text["appid"] == self.text["creator"],
            "uid": self.text["appid"] == z3.StringVal(number),
            "uin": self.text["owner"] == z3.StringVal(number),
        }[kind]
        is_region = z3.BoolVal(True) if region == "" else z3.InRe(self.text["region"], glob(region))
        written = self.old_path if path.startswith("prefix//") else self.path
        return z3.And(z3.Not(z3.Or(about_none)), is_account, is_region, z3.InRe(written, glob(path)))


class Values:
    """The values of a condition key: none, or up to `VALUES`."""

    def __init__(self, solver, name, literals):
        self.name, self.count = name, z3.Int(f"{name} count")
        solver.add(self.count >= 0, self.count <= VALUES)
        self.values = [Value(solver, f"{name} {index}", name, literals) for index in range(VALUES)]

    def fix(self, solver, texts):
        if self.name in PARAMETERS:
            texts = [urllib.parse.quote(text, safe="-._~") for text in texts]
        if self.name == "cos:versionid":
            texts = [text for text in texts if text]
        solver.add(self.count == len(texts))
        for value, text in zip(self.values, texts):
            value.fix(solver, text)

    def meet(self, operator, literals):
        literals = [literal if isinstance(literal, str) else str(literal) for literal in literals]
        there = [(self.count > index, value) for index, value in enumerate(self.values)]
        if operator == "null_equal":
            null = z3.And([z3.Implies(is_there, value.text == z3.StringVal("")) for is_there, value in there])
            return z3.Or([null if literal != "false" else z3.Not(null) for literal in literals])
        quantifier, _, bare = operator.rpartition(":")
        optional, bare = bare.endswith("_if_exist"), bare.removesuffix("_if_exist")
        is_all = quantifier == "for_all_value" or ("_not_" in bare and quantifier != "for_any_value")
        meets = [(is_there, value.meets(bare, literals)) for is_there, value in there]
        every = z3.And([z3.Implies(is_there, met) for is_there, met in meets])
        some = z3.Or([z3.And(is_there, met) for is_there, met in meets])
        return z3.If(self.count == 0, z3.BoolVal(optional), every if is_all else some)


class Value:
    """A text, and what it is as a number, a date and an address, if it is one."""

    def __init__(self, solver, label, key, literals):
        self.text = z3.String(label)
        self.is_number, self.number = z3.Bool(f"{label} is number"), z3.Real(f"{label} number")
        self.is_date, self.date = z3.Bool(f"{label} is date"), z3.Int(f"{label} date")
        self.is_address, self.address = z3.Bool(f"{label} is address"), z3.BitVec(f"{label} address", 128)
        self.is_four = z3.Bool(f"{label} is IPv4")
        kinds = [self.is_number, self.is_date, self.is_address, self.text == z3.StringVal("true"), self.text == z3.StringVal("false"), self.text == z3.StringVal("")]
        solver.add(z3.AtMost(*kinds, 1))
        solver.add(self.date >= seconds("0000-01-01T00:00:00Z"), self.date <= seconds("9999-12-31T23:59:59Z"))
        solver.add(self.is_four == (z3.Extract(127, 32, self.address) == 0xFFFF))
        if key in PARAMETERS:
            encoded = z3.Union(chars("a-z", "A-Z", "0-9", "-", ".", "_", "~"), joined(z3.Re("%"), times("0-9A-F", 2, 2)))
            solver.add(z3.InRe(self.text, z3.Star(encoded)))
            # With a colon, both would be encoded.
            solver.add(z3.Not(self.is_date), z3.Implies(self.is_address, self.is_four))
        if key == "cos:versionid":
            solver.add(self.text != z3.StringVal(""))
        for literal in literals:
            is_it = self.text == z3.StringVal(literal)
            number, date, address = as_number(literal), as_date(literal), as_address(literal)
            solver.add(z3.Implies(is_it, self.is_number if number is not None else z3.Not(self.is_number)))
            solver.add(z3.Implies(is_it, self.is_date if date is not None else z3.Not(self.is_date)))
            solver.add(z3.Implies(is_it, self.is_address if address is not None else z3.Not(self.is_address)))
            if number is not None:
                solver.add(z3.Implies(is_it, self.number == z3.RealVal(number)))
            if date is not None:
                # A moment has one spelling.
                solver.add(z3.Implies(self.is_date, is_it == (self.date == date)))
            if address is not None:
                solver.add(z3.Implies(is_it, self.address == address))
                if key in PARAMETERS:
                    solver.add(z3.Implies(z3.And(self.is_address, self.address == address), is_it))

    def fix(self, solver, text):
        solver.add(self.text == z3.StringVal(text))
        number, date, address = as_number(text), as_date(text), as_address(text)
        solver.add(self.is_number == (number is not None), self.is_date == (date is not None), self.is_address == (address is not None))
        if number is not None:
            solver.add(self.number == z3.RealVal(number))
        if date is not None:
            solver.add(self.date == date)
        if address is not None:
            solver.add(self.address == address)

    def meets(self, bare, literals):
        is_typed = {"numeric": self.is_number, "date": self.is_date, "ip": self.is_address}.get(bare.split("_")[0], z3.BoolVal(True))
        positive = bare.replace("_not_", "_")
        if bare.startswith("bool"):
            is_typed = z3.Or(self.text == z3.StringVal("true"), self.text == z3.StringVal("false"))
        some = z3.Or([self.holds(positive, literal) for literal in literals])
        return z3.And(is_typed, z3.Not(some) if "_not_" in bare else some)

    def holds(self, bare, literal):
        if bare in ("string_equal", "binary_equal", "bool_equal"):
            return self.text == z3.StringVal(literal)
        if bare == "string_equal_ignore_case":
            return z3.InRe(self.text, sequence([either(letter) for letter in literal]))
        if bare == "string_like":
            return z3.InRe(self.text, glob(literal))
        if bare == "ip_equal":
            network, length, is_four = as_network(literal)
            same = z3.BoolVal(True) if length == 0 else z3.Extract(127, 128 - length, self.address) == network >> (128 - length)
            return z3.And(self.is_four == is_four, same)
        ours, theirs = (self.number, z3.RealVal(as_number(literal))) if bare.startswith("numeric") else (self.date, as_date(literal))
        return {
            "equal": ours == theirs,
            "less_than": ours < theirs,
            "less_than_equal": ours <= theirs,
            "greater_than": ours > theirs,
            "greater_than_equal": ours >= theirs,
        }[bare.split("_", 1)[1]]


def actions(statements):
    """The statements that cover an action, for each set of them; and whether it has no resource."""
    classes = []
    for operation in OPERATIONS:
        found = (covering(statements, operation), operation == "GetService")
        if found not in classes:
            classes.append(found)
    return classes


def covering(statements, operation):
    """Those whose action patterns cover it."""
    def covers(pattern):
        parts = pattern.replace("name/", "").split("*")
        return re.fullmatch(".*".join(map(re.escape, parts)), f"cos:{operation}")

    return {id(statement) for statement in statements if any(covers(pattern) for pattern in many(statement["action"]))}


def literals_by_key(statements):
    found = {}
    for statement in statements:
        for keys in statement.get("condition", {}).values():
            for key, values in keys.items():
                found.setdefault(key, set()).update(value if isinstance(value, str) else str(value) for value in many(values))
    return {key: sorted(literals) for key, literals in sorted(found.items())}


def as_number(text):
    return str(Fraction(text)) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else None


def seconds(text):
    """Since the year 0, in a calendar without a year 0 in Python."""
    moved = datetime.strptime(f"{int(text[:4]) + 400:04}{text[4:]}" if int(text[:4]) < 9600 else f"{int(text[:4]) - 9200:04}{text[4:]}", "%Y-%m-%dT%H:%M:%SZ")
    cycles = -1 if int(text[:4]) < 9600 else 23
    days = moved.toordinal() + cycles * 146_097
    return days * 86_400 + moved.hour * 3600 + moved.minute * 60 + moved.second


def as_date(text):
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text, re.A):
        return None
    try:
        return seconds(text)
    except ValueError:
        return None


def mapped(address):
    """128 bits, an IPv4 address as it is mapped into IPv6."""
    return int(address) if address.version == 6 else 0xFFFF << 32 | int(address)


def as_address(text):
    try:
        return mapped(ipaddress.ip_address(text))
    except ValueError:
        return None


def as_network(text):
    """Bits, their number, and whether it is one of IPv4."""
    address, _, length = text.partition("/")
    address = ipaddress.ip_address(address)
    if address.version == 4:
        length = 96 + min(int(length or 32), 32)
    else:
        length = min(int(length or 128), 128)
    bits = mapped(address)
    return bits, length, bits >> 32 == 0xFFFF and length >= 96


def many(value):
    return value if isinstance(value, list) else [value]


def glob(pattern):
    parts = [z3.Re(z3.StringVal(part)) if part else None for part in pattern.split("*")]
    found = []
    for index, part in enumerate(parts):
        if index:
            found.append(ANY)
        if part is not None:
            found.append(part)
    return sequence(found)


def either(letter):
    cases = {letter.lower(), letter.upper()}
    found = [z3.Re(z3.StringVal(case)) for case in sorted(cases)]
    return found[0] if len(found) == 1 else z3.Union(*found)


def sequence(parts):
    if not parts:
        return z3.Re("")
    return parts[0] if len(parts) == 1 else z3.Concat(*parts)


def joined(*parts):
    return sequence(list(parts))


def chars(*ranges):
    found = [z3.Range(text[0], text[2]) if len(text) == 3 else z3.Re(text) for text in ranges]
    return found[0] if len(found) == 1 else z3.Union(*found)


def times(ranges, least, most):
    """A class as `a-z` or `0-9A-F`, so often."""
    return z3.Loop(chars(*[ranges[start : start + 3] for start in range(0, len(ranges), 3)]), least, most)


if __name__ == "__main__":
    main(*sys.argv[1:])
