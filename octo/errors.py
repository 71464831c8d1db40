"""The one error tree: raise the kind that the caller can act on, with the value and the remedy."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_OUTPUT = 74
EXIT_PREEMPTED = 75
EXIT_READER_LEFT = 141
"""The exit codes of every command, as README documents them: 74 and 75 are of sysexits, 141 is SIGPIPE to a shell."""


class OctoError(Exception):
    """Something octo can say in one sentence: what was given, what was expected, what to do."""

    exit_code = EXIT_FAILED


class UsageError(OctoError):
    """Bad settings or flags: the user can mend them; nothing was started."""

    exit_code = EXIT_USAGE


class PreemptedError(OctoError):
    """Stopped from outside (SIGTERM, Ctrl-C); everything committed stays and the run can be resumed."""

    exit_code = EXIT_PREEMPTED


class OutputError(OctoError):
    """Standard output, or a file that somebody named, cannot be written: it is full, or was closed."""

    exit_code = EXIT_OUTPUT


class ReaderLeftError(OutputError):
    """Nobody reads standard output any more, as under `| head`: there is nothing to say, and nobody to say it to."""

    exit_code = EXIT_READER_LEFT


class DeclinedError(OctoError):
    """Whoever was asked whether to go on said no."""


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


class SandboxError(OctoError):
    """The sandbox could not do its work; says nothing about what was to be run in it."""


class ClusterError(OctoError):
    """The cluster did not do what was asked of it."""

    reason = ""
    """What the API server said of it, without what was asked and what can be done."""


class ClusterUnreachableError(ClusterError):
    """No answer from the API server within the patience, or no way to it is known."""


class ClusterUntrustedError(ClusterUnreachableError):
    """Something answers, and no trusted connection to it comes about: a certificate is not what it should be."""


class ClusterLoginError(ClusterError):
    """The API server does not know these credentials, or no longer."""


class ClusterForbiddenError(ClusterError):
    """The API server knows who asks, and does not allow it."""


class ClusterRightsError(ClusterForbiddenError):
    """Whoever asks lacks a right."""


class ClusterWithdrawnError(ClusterRightsError):
    """A right that was there is there no more, or not yet again: a starting API server knows nobody's for a second."""


class ClusterQuotaError(ClusterForbiddenError):
    """A quota of the namespace is used up."""


class ClusterMissingError(ClusterError):
    """There is no object of that name, or no longer."""


class ClusterLacksError(ClusterError):
    """The cluster does not know that kind of object: what brings it is not installed."""


class ClusterConflictError(ClusterError):
    """Something else has that name, or somebody changed the object meanwhile."""


class ClusterRefusedError(ClusterError):
    """The object was understood and not accepted."""


class ClusterExpiredError(ClusterError):
    """The history that a watch or a list wanted to go on from is forgotten."""
