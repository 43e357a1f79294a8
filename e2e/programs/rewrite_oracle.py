"""Does Prefect ever see a secret flag that was not granted, or anything else than what was sent? Python's own parsers are the judge.

Arguments: the program that rewrites, how many inputs, a seed. Prints how many were forwarded and refused, and every difference.
"""

import json
import math
import random
import subprocess
import sys
from decimal import Decimal
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError

FLAG = "include_secrets"
LAX_BOOL = TypeAdapter(bool)
NAMES = (FLAG, FLAG, FLAG, "limit", "a", "INCLUDE_SECRETS", "include-secrets", "", "é", "include_secrets ", " include_secrets", "include_secrets[]")
VALUES = ("true", "1", "on", "yes", "y", "t", "True", "ON", "YES", "tRuE", "false", "0", "off", "no", "n", "f", "", "maybe", "2", " true", "true ", "１", "true\0", "a+b", "a b", "&", "=", "%", "é")
GLUE = ("&", "&", "&", "&&", ";", "&;", "?", "#")
SCALARS = ("true", "false", "null", "1", "0", "1.0", "0.0", "-0", "2", "1e0", "10e-1", "9007199254740993", "18446744073709551615", "18446744073709551616", "-9223372036854775809", "0.10000000000000000555", "1.10", "1e400", "-1.5E309", "1e-400", "NaN", "Infinity", "-Infinity", '"t"', '"YES"', '"true"', '"no"', '"x"', '"\\ud800"', '"\\ud83d\\ude00"', '"é"', '"\\u0000"', "[]", "{}", "[true]", '{"include_secrets":true}', "01", "+1", ".5", "1.", "'a'", "TRUE", "undefined")
KEYS = ('"include_secrets"', '"include_secrets"', '"include\\u005fsecrets"', '"\\u0069nclude_secrets"', '"limit"', '"a"', '"INCLUDE_SECRETS"', '""', '"é"', '"$serde_json::private::Number"', '"$serde_json::private::RawValue"', '"__proto__"')
SPACES = ("", "", "", " ", "\n", "\t", "\r\n", "\u00a0", "\ufeff", "\0", "/**/")


def spelled(chance: random.Random, text: str) -> str:
    """A name or value as somebody might write it in a query."""
    letters = []
    for letter in text:
        raw = letter.encode()
        how = chance.random()
        if how < 0.12:
            letters.append("".join(f"%{byte:02X}" if chance.random() < 0.5 else f"%{byte:02x}" for byte in raw))
        elif letter == " ":
            letters.append(chance.choice(("+", "%20")))
        elif letter in "&=%+\0" or len(raw) > 1:
            letters.append(letter if how > 0.9 and len(raw) == 1 and letter != "\0" else "".join(f"%{byte:02X}" for byte in raw))
        else:
            letters.append(letter)
    return "".join(letters)


def query(chance: random.Random) -> bytes:
    pairs = []
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        name, value = spelled(chance, chance.choice(NAMES)), spelled(chance, chance.choice(VALUES))
        pairs.append(name if chance.random() < 0.05 else f"{name}={value}")
    text = chance.choice(GLUE[:1] * 6 + GLUE).join(pairs)
    if chance.random() < 0.03:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(("%", "%4", "%zz", "%ff", "%C3", "&", "=", "+", "%00")) + text[at:]
    return text.encode()


def value(chance: random.Random, depth: int) -> str:
    how = chance.random()
    if depth > 3 or how < 0.75:
        return chance.choice(SCALARS)
    if how < 0.77:
        levels = chance.choice((10, 60, 62, 64, 66, 130, 200))
        return "[" * levels + "]" * levels
    if how < 0.87:
        return "[" + ",".join(value(chance, depth + 1) for _ in range(chance.randrange(3))) + "]"
    return body_text(chance, depth + 1)


def body_text(chance: random.Random, depth: int = 0) -> str:
    space = lambda: chance.choice(SPACES[:4] * 8 + SPACES)  # noqa: E731
    members = [f"{space()}{chance.choice(KEYS)}{space()}:{space()}{value(chance, depth)}{space()}" for _ in range(chance.choice((0, 1, 1, 2, 3)))]
    return "{" + ",".join(members) + "}"


def body(chance: random.Random) -> bytes:
    text = body_text(chance)
    if chance.random() < 0.03:
        text += chance.choice((" ", "\n", "{}", ",", "\0", "x", "]"))
    encoding = chance.choice(("utf-8",) * 30 + ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"))
    return text.encode(encoding, "replace")


def asks(flag) -> bool | None:
    """Whether Prefect would take the flag for true; None where it answers 422."""
    try:
        return LAX_BOOL.validate_python(flag)
    except ValidationError:
        return None


def of_query(raw: bytes) -> tuple[list, bool | None]:
    """As Starlette reads it: everything but the flag, and the flag (the last one counts)."""
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    flags = [text for name, text in pairs if name == FLAG]
    return [pair for pair in pairs if pair[0] != FLAG], asks(flags[-1]) if flags else False


def of_body(raw: bytes) -> tuple[object, bool | None]:
    """As Starlette and FastAPI read it. Numbers are kept to the last digit."""
    if not raw.strip():
        return {}, False
    read = json.loads(raw, parse_float=Decimal)
    if not isinstance(read, dict):
        return read, None
    flag = asks(float(flag) if isinstance(flag := read[FLAG], Decimal) else flag) if FLAG in read else False
    return {name: each for name, each in read.items() if name != FLAG}, flag


def is_poison(value) -> bool:
    """Whether Prefect, once it has stored this, could not list it: no JSON has infinities, and none of Prefect's longer integers."""
    if isinstance(value, dict):
        return any(is_poison(each) for each in value.values())
    if isinstance(value, list):
        return any(is_poison(each) for each in value)
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not -(2**63) <= value < 2**64


def difference(kind: str, allowed: bool, sent: bytes, forwarded: bytes) -> str | None:
    read = of_query if kind == "q" else of_body
    try:
        rest, asked = read(sent)
    except (ValueError, RecursionError) as error:
        return f"Python cannot read what was let through: {error}"
    left, granted = read(forwarded)
    if kind == "b" and forwarded and is_poison(json.loads(forwarded)):
        return "a number that Python cannot write again"
    if granted not in (True, False):
        return "the flag that is forwarded is none"
    if granted and not allowed:
        return "a flag that was not granted"
    if allowed and asked is not None and granted != asked:
        return f"asked {asked}, granted {granted}"
    if not repr(rest) == repr(left):
        return "something else was changed"
    return None


def main() -> None:
    program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    inputs = []
    for _ in range(count):
        kind = chance.choice("qb")
        inputs.append((kind, chance.random() < 0.4, query(chance) if kind == "q" else body(chance)))
    lines = "".join(f"{kind} {int(allowed)} {sent.hex()}\n" for kind, allowed, sent in inputs)
    answers = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    forwarded, wrong = 0, []
    for (kind, allowed, sent), answer in zip(inputs, answers, strict=True):
        if answer == "refused":
            continue
        forwarded += 1
        if what := difference(kind, allowed, sent, bytes.fromhex(answer[1:])):
            wrong.append([what, kind, allowed, repr(sent), repr(bytes.fromhex(answer[1:]))])
    print(json.dumps({"forwarded": forwarded, "refused": count - forwarded, "wrong": wrong[:20], "wrong_in_all": len(wrong)}))


main()
