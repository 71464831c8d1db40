"""Whether an S3 service answers at all, asked before a person begins to wait for what it says."""

from contextlib import closing
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from octo.errors import StoreUnreachableError
from octo.settings.base import S3Settings
from octo.storage.client import is_loopback
from octo.storage.service import service_of


def greet(s3: S3Settings) -> None:
    """Return when the endpoint has answered anything at all; one request without a signature, 2 ms.

    What else is wrong with it is told better by whoever asks it for something.

    Raises:
        StoreUnreachableError: it takes connections, and is silent for as long as the settings let it.
    """
    if not s3.endpoint:
        # The cloud's own is not misspelt.
        return
    proxies = {} if is_loopback(s3.endpoint) else get_environ_proxies(s3.endpoint)
    # botocore asks for whole seconds and takes any.
    limits: Any = (s3.answer_seconds, s3.answer_seconds)
    session = URLLib3Session(proxies=proxies, timeout=limits)
    try:
        with closing(session):
            session.send(AWSRequest("GET", s3.endpoint, stream_output=True).prepare()).raw.close()
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        service = service_of(s3)
        raise StoreUnreachableError(
            f"{service.name} has not answered in {s3.answer_seconds:g} s: is it an S3 service, and up? "
            f"{service.remedy} another address, or let it take longer by --s3.answer-seconds"
        ) from error
    except (BotoCoreError, ValueError):
        return
