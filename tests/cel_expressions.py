# ruff: noqa: E501
"""CEL expressions for devices: what an API server compiles, and what it refuses. One table for two tests."""

from __future__ import annotations

TAKEN = [
    *r"""
[1].sum() == 1 || [1, 2].min() < [1, 2].max() || [1].isSorted()
'ab'.find('a') == 'a' && 'ab'.findAll('a').size() == 1 && 'a'.charAt(0) == 'a' && 'ab'.substring(1) == 'b'
quantity('1Gi').add(quantity('1')).isGreaterThan(quantity('1')) || quantity('1').asApproximateFloat() > 0.5 || quantity('1').asInteger() == 1
semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && isSemver('1.2.3')
cidr('10.0.0.0/8').containsIP('10.1.1.1') && isCIDR('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8
url('https://a:1').getPort() == '1' && isURL('https://a') && isIP('1.2.3.4')
[1].first().hasValue() && format.dns1123Label().validate('a').hasValue() && [1].transformList(i, v, v) == [1]
sets.equivalent([1], [1]) && sets.intersects([1], [1])
optional.of(1).optMap(x, x + 1).orValue(0) == 2 || [1].exists_one(x, x == 1)
duration('1s') < duration('2s') && timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026
device.driver.matches('H[12]00|(A|B)') && 'a,b'.replace(',', ';') == 'a;b' && strings.quote('a') != 'a'
device.driver == 'gpu.nvidia.com'
device.attributes["gpu.nvidia.com"].productName.matches('H100.*') && device.capacity["gpu.nvidia.com"].memory.compareTo(quantity("40Gi")) >= 0
device.attributes['gpu.nvidia.com'].architecture in ['Hopper', 'Blackwell',]
'gpu.nvidia.com' in device.attributes
has(device.attributes['gpu.nvidia.com'].mig)
device.attributes['gpu.nvidia.com'].?mig.orValue(false) == true
device.attributes[?'x'].hasValue()
!(device.driver == 'a') || true ? true : false
-1 < 2 && - 1 < 2.5e3 && 1u == 1u && 0x1F > 1 && .5 < 1.0
device.driver == r'\d' || b'a' == b"b"
device.driver == '\x41\u0041\101\n\'' // comment
[1, 2].exists(x, x > 1)
[1, 2].all(i, v, i < 5 && v > 0)
cel.bind(d, device.driver, d == 'x')
semver('1.2.3').isLessThan(device.attributes['a'].v)
device.driver.startsWith("x") && size(device.driver) > 3
[].size() == 0 && {}.size() == 0
true
device.attributes["a"]["b"] == "c"
optional.none().hasValue()
[1,2,3].map(n, n * 2).filter(q, q > 1).size() > 0
( ( true ) )
sets.contains([1], [1])
[?optional.of(1)].size() == 1
{?'a': optional.of(1)}.size() == 1
!!true
--1 == 1
device.driver.lowerAscii() == 'é'
'a' + 'b' == 'ab'
isQuantity('3') && quantity('3').isInteger()
url('https://a').getHost() == 'a'
ip('1.2.3.4').family() == 4
ip.isCanonical('1.2.3.4')
[1][0] == 1
'x' .size() == 1
device.capacity['a'].m == quantity('4')
1 == 1 == true
dyn(1) == 1
'%s'.format([1]) == '1'
'a b'.split(' ').size() == 2
true ? (false ? true : false) : true
true ? false : true ? true : false
""".strip().splitlines(),
    "device.driver == 'a'\n  && true",
    "device.driver == '''a\nb'''",
    "device.driver == 'a' // why",
]

REFUSED = [
    *r"""
nosuchfn(device.driver)
device.driver.hasPrefix('x')
device.driver == 5
device.driver != 1.5
device.driver
'gpu'
5
device.driver.startsWith(1)
device.driver.contains(5)
device.driver.matches('[')
device.driver.matches("a(b")
device.capacity['d.x'].memory.isGreaterThan('40Gi')
device.capacity['d.x'].memory.compareTo(40) >= 0
device.attributes['d.x'].v.isLessThan('1.2.3')
semver('1.2.3').compareTo('1.2.4') == 0
)
(true
device.driver == 'x
device.driver = 'x'
device.driver == 'x' and true
device.driver == x
foo
device.name == 'x'
device == 
== 1
1 +
a ? b
[1, 2
[1 2]
(1, 2)
{1, 2}
{'a' 1}
device..driver == 'a'
device.attributes['a'].in == 1
device.driver == '\q'
device.driver == "a
device.capacity['a'].memory >= 40
device.capacity["a"].memory < '40Gi'
,
()
[,]
f(,)
f(1,)
1 2
true true
'a' 'b'
device.driver == 'x'; true
device.driver === 'x'
device.driver == 'x' & true
device.driver == 'x' | true
#
$x
1 ? 2 : 
! 
device.
device.attributes['a']b == 1
"a"b
device.attributes[] == 1
true ? : false
{'a':} == 1
{:1} == 1
device.driver <> 'x'
not true
device.driver == ‘x’
(]
'a'('b')
`a`
device.driver == 'x' ? true
{{ .Values.x }}
true : false
@
\
gpu.memory > 5
true ? false ? true : false : true
""".strip().splitlines(),
    "",
    "  ",
    "device.driver == 'a\nb'",
    "\x00",
    f"device.driver == '{'a' * 10240}'",
]
