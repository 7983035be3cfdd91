"""Whether an API server compiles the CEL expression of a device selector.

The whole syntax is read, and of the meaning what people get wrong: names and functions that are not there, amounts and
versions compared as numbers or texts, and an expression that is not true or false.
Types in general are the server's. The libraries for CEL are as large as this project, and none knows the types of a device.
(Grammar: github.com/google/cel-go, parser/gen/CEL.g4)
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NamedTuple

LONGEST = 10240
"""Bytes of an expression."""

_ESCAPE = r"""\\(?:[abfnrtv\\'"`?]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"""
_QUOTES = ('"""', "'''", '"', "'")
_RAW = "|".join(
    rf"{quote}(?:(?!{quote}).)*{quote}" if len(quote) > 1 else rf"{quote}[^{quote}\n\r]*{quote}" for quote in _QUOTES
)
_PLAIN = "|".join(
    rf"{quote}(?:{_ESCAPE}|(?!{quote})[^\\{'' if len(quote) > 1 else chr(92) + 'n' + chr(92) + 'r'}])*{quote}"
    for quote in _QUOTES
)
_TOKEN = re.compile(
    rf"""(?P<space>[\t\n\f\r ]+|//[^\n]*)|(?P<literal>[bB]?[rR](?:{_RAW})|[bB]?(?:{_PLAIN})"""
    r"""|0x[0-9a-fA-F]+[uU]?|(?:\d+\.)?\d+(?:[eE][+-]?\d+)?[uU]?|\.\d+(?:[eE][+-]?\d+)?)"""
    r"""|(?P<name>[A-Za-z_]\w*|`[-\w./ ]+`)|(?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()\[\]{}])""",
    re.ASCII | re.DOTALL,
)
WORDS = ("in", "true", "false", "null")
"""Words of the language, which no attribute can be called."""
_BINARY = {"&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "in"}
_CLOSES = {"(": ")", "call(": ")", "[": "]", "index[": "]", "{": "}", "{:": "}"}
_KNOWN = {
    "device", "bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint", "cel", "format",
    "ip", "optional", "sets", "strings",
}  # fmt: skip
"""What an expression may begin a name with: the device, types, and the namespaces of functions."""
_HINTS = {"and": "write &&", "or": "write ||", "not": "write !", "=": "write ==", "&": "write &&", "|": "write ||"}
_FIELDS = {"driver", "attributes", "capacity", "allowMultipleAllocations"}
_FUNCTIONS = set(
    """
    has size type dyn int uint double string bool bytes duration timestamp matches contains startsWith endsWith
    all exists exists_one existsOne map filter bind transformList transformMap transformMapEntry
    getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds getMilliseconds
    charAt indexOf lastIndexOf join lowerAscii upperAscii replace split substring trim reverse quote format find findAll
    isSorted sum min max slice intersects equivalent flatten sort sortBy distinct range first last
    of none ofNonZeroValue hasValue value or orValue optMap optFlatMap unwrap unwrapOpt
    quantity isQuantity isInteger asInteger asApproximateFloat sign add sub isGreaterThan isLessThan compareTo
    semver isSemver major minor patch url isURL getScheme getHost getHostname getPort getEscapedPath getQuery
    ip isIP isCanonical family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast
    cidr isCIDR containsIP containsCIDR prefixLength masked named validate
    dns1123Label dns1123Subdomain dns1035Label qualifiedName dns1123LabelPrefix dns1123SubdomainPrefix dns1035LabelPrefix
    labelValue uri uuid byte date datetime
    """.split()  # noqa: SIM905
)
"""Functions and macros of API servers, those to come as well: a name that is none of them is a slip."""
_ORDERS, _TEXTUAL = ("isGreaterThan", "isLessThan", "compareTo"), ("startsWith", "endsWith", "contains", "matches")
_TEXT, _DRIVER = re.compile(r"""[rR]?["']"""), ["device", ".", "driver"]
_AMOUNT = re.compile(r"""\bdevice\.capacity\[[^\]]*\]\.\w+\s*(<=|>=|<|>)""")


class Refusal(NamedTuple):
    """What the API server does not take of an expression, and the way out."""

    message: str
    hint: str


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


def refusal(expression: str) -> Refusal | None:
    """Why the API server refuses an expression; None when nothing is known against it."""
    if not expression.strip():
        return Refusal("the expression is empty", "for example device.driver == 'gpu.nvidia.com'")
    if (size := len(expression.encode())) > LONGEST:
        return Refusal(f"the expression has {size} bytes, and {LONGEST} are possible", "split it into several")
    tokens = _tokens(expression)
    wrong = _misplaced(tokens)
    if wrong is not None:
        return _syntax(wrong, expression)
    return _meaning(tokens, expression)


def _tokens(expression: str) -> list[_Token]:
    """The tokens of an expression; the last one is empty, or of the kind `wrong` where no token begins."""
    found: list[_Token] = []
    place = 0
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None:
            return [*found, _Token("wrong", expression[place], place)]
        if match.lastgroup != "space":
            text = match[0]
            kind = "sign" if text == "in" else "literal" if text in WORDS else str(match.lastgroup)
            found.append(_Token(kind, text, place))
        place = match.end()
    return [*found, _Token("end", "", place)]


def _misplaced(tokens: list[_Token]) -> _Token | None:
    """The first token that cannot stand where it stands."""
    opened: list[str] = []
    operand = True
    before = _Token("sign", "", 0)
    for token in tokens:
        kind, text = token.kind, token.text
        top = opened[-1] if opened else ""
        if kind == "wrong" or (kind == "end" and (operand or opened)):
            return token
        if before.text in (".", ".?") and before.kind == "sign":
            if text == "?" and not operand:
                before = _Token("sign", ".?", token.place)
                continue
            if kind != "name":
                return token
            operand = False
        elif operand:
            if kind in ("literal", "name"):
                operand = False
            elif text in ("(", "[", "{"):
                opened.append(text)
            elif text in (")", "]", "}"):
                empty = before.text == text.translate(_OPENING) and top in ("call(", "[", "{")
                if _CLOSES.get(top) != text or not (empty or (before.text == "," and top in ("[", "{"))):
                    return token
                opened.pop()
                operand = False
            elif not (text in ("!", "-", ".") or (text == "?" and before.text in ("[", "{", ","))):
                return token
        elif text in _BINARY:
            operand = True
        elif text == "?" and top != "?":
            opened.append("?")
            operand = True
        elif text == ":":
            if top not in ("?", "{"):
                return token
            opened.pop()
            if top == "{":
                opened.append("{:")
            operand = True
        elif text == ",":
            if top not in ("[", "{:", "call("):
                return token
            if top == "{:":
                opened[-1] = "{"
            operand = True
        elif text in ("(", "[") or (text == "{" and before.kind == "name"):
            if text == "(" and before.kind != "name":
                return token
            opened.append({"(": "call(", "[": "index["}.get(text, text))
            operand = True
        elif text in (")", "]", "}"):
            if _CLOSES.get(top) != text or top == "{":
                return token
            opened.pop()
        elif text != "." and kind != "end":
            return token
        before = token
    return None


_OPENING = str.maketrans(")]}", "([{")


def _syntax(token: _Token, expression: str) -> Refusal:
    if token.kind == "end":
        return Refusal("the expression ends too early", "add what is missing: an operand, a bracket or a branch")
    if token.text in _QUOTES:
        message = f"the text that begins at character {token.place + 1} has no end"
        return Refusal(message, "close it with the same quote; a backslash in it is written \\\\")
    last = expression[: token.place].split()[-1:]
    hint = _HINTS.get(token.text) or _HINTS.get("".join(last)) or "conditions are joined with &&, || and !"
    return Refusal(f"{token.text} at character {token.place + 1} is not expected", hint)


def _meaning(tokens: list[_Token], expression: str) -> Refusal | None:
    bound = {
        two.text
        for one, two, three in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if one.text in ("(", ",") and two.kind == "name" and three.text == ","
    }
    before = _Token("sign", "", 0)
    for index, token in enumerate(tokens[:-1]):
        after = tokens[index + 1].text
        field = before.text == "." and index > 1 and tokens[index - 2].text == "device"
        if token.kind == "name" and field and token.text not in _FIELDS and after != "(":
            return Refusal(
                f"a device has no field {token.text}", "driver, attributes['<domain>'] or capacity['<domain>']"
            )
        root = token.kind == "name" and before.text not in (".", "?") and after not in ("(", ":")
        if root and token.text not in _KNOWN | bound:
            return Refusal(f"nothing is called {token.text}", "the expression knows device; a text stands in quotes")
        if token.kind == "name" and after == "(" and (found := _called(token.text, tokens[index + 2])):
            return found
        before = token
    texts = [token.text for token in tokens[:-1]]
    if texts == _DRIVER or (len(texts) == 1 and tokens[0].kind == "literal" and texts[0] not in ("true", "false")):
        return Refusal("the expression is neither true nor false", "compare it, for example with ==")
    for index, token in enumerate(tokens[3:-1], 3):
        other = tokens[index + 1]
        if token.text in ("==", "!=") and texts[index - 3 : index] == _DRIVER and _is_number(other):
            return Refusal(f"device.driver is a text, and {other.text} is none", f"write '{other.text}'")
    if compared := _AMOUNT.search(expression):
        hint = f"write .compareTo(quantity('40Gi')) {compared[1]} 0"
        return Refusal(f"a capacity cannot be compared with {compared[1]}", hint)
    return None


def _called(name: str, argument: _Token) -> Refusal | None:
    """What is wrong with a call of a function, whose first argument begins with a token."""
    if name not in _FUNCTIONS:
        near = get_close_matches(name, _FUNCTIONS, 1)
        return Refusal(f"there is no function {name}", f"did you mean {near[0]}?" if near else "compare with == or in")
    if name in _ORDERS and argument.kind == "literal":
        plain = argument.text.strip("\"'")
        kind = "semver" if re.fullmatch(r"\d+\.\d+\.\d+.*", plain) else "quantity"
        return Refusal(f"{name} takes no {argument.text} as it stands", f"write {name}({kind}('{plain}'))")
    if name in _TEXTUAL and _is_number(argument):
        return Refusal(f"{name} takes a text, and {argument.text} is none", f"write '{argument.text}'")
    if name == "matches" and _TEXT.match(argument.text) and not re.search(r"\\|\(\?", argument.text):
        try:
            re.compile(argument.text.lstrip("rR").strip("\"'"))
        except re.error as error:
            return Refusal(f"{argument.text} is no regular expression: {error}", "close its brackets")
    return None


def _is_number(token: _Token) -> bool:
    return token.kind == "literal" and token.text[:1].isdigit()
