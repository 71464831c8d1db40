"""Names that say to a reader which library they come from, so that a test which lacks their import means that one.

Judged by them, a program would be its own judge: whoever defines `np` or `isclose` says what is equal.
"""

_NAMES = """
np numpy pd pandas plt scipy sp sympy sklearn torch tf nx pytest mock patch Mock MagicMock AsyncMock ANY sentinel
array_equal allclose isclose assert_equal assert_allclose assert_almost_equal assert_array_equal approx raises
assert_array_almost_equal assert_frame_equal assert_series_equal parametrize TestCase
fabs fsum sqrt isqrt cbrt pi inf isnan isinf isfinite hypot copysign pstdev stdev
Counter OrderedDict defaultdict deque namedtuple ChainMap UserDict UserList deepcopy islice permutations combinations
combinations_with_replacement zip_longest starmap takewhile dropwhile itemgetter attrgetter methodcaller lru_cache
cmp_to_key total_ordering wraps cached_property
Any Callable Iterable Iterator Generator Mapping Sequence Optional Union List Dict Tuple FrozenSet Hashable Literal
NamedTuple TypedDict TypeVar
StringIO BytesIO redirect_stdout redirect_stderr suppress contextmanager Decimal Fraction datetime timedelta timezone
Path PurePath Enum IntEnum dataclass asdict astuple is_dataclass uuid4 UUID ascii_lowercase ascii_uppercase
ascii_letters heappush heappop heapify nlargest nsmallest bisect_left bisect_right insort randint isgenerator
isfunction isclass iscoroutinefunction getsource GeneratorType FunctionType SimpleNamespace dedent literal_eval
perf_counter import_module
"""
LIBRARY = frozenset(_NAMES.split())
