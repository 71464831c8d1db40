"""The one error tree: raise the kind that the caller can act on, with the value and the remedy."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PREEMPTED = 75
"""The exit codes of every command, as README documents them."""


class OctoError(Exception):
    """Something octo can say in one sentence: what was given, what was expected, what to do."""

    exit_code = EXIT_FAILED


class UsageError(OctoError):
    """Bad settings or flags: the user can mend them; nothing was started."""

    exit_code = EXIT_USAGE


class PreemptedError(OctoError):
    """Stopped from outside (SIGTERM, Ctrl-C); everything committed stays and the run can be resumed."""

    exit_code = EXIT_PREEMPTED


class InputError(OctoError):
    """The data given cannot be used: corrupt, empty, or over the stated share of bad records."""


class InvariantError(OctoError):
    """A count that must balance does not: documents in and out, steps planned and done."""


class StageFailedError(OctoError):
    """A stage of a pipeline ended with an error of its own."""


class StorageError(OctoError):
    """The store did not do what was asked of it."""


class StoreUnreachableError(StorageError):
    """No answer from the store within the retries."""


class AccessDeniedError(StorageError):
    """The store refused the credentials, or what they may do."""


class NoSpaceError(StorageError):
    """The store or the scratch disk is full."""


class UnsupportedStoreError(StorageError):
    """The store does not honour conditional writes, so exactly-once cannot be promised on it."""


class MissingError(StorageError):
    """Nothing is stored under that key."""


class IntegrityError(StorageError):
    """Bytes read are not the bytes that were committed."""
