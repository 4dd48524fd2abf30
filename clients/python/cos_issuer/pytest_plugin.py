"""Fixtures for pytest: a local cloud for the whole run, and the same one reset before a test.

pytest finds them by itself once the package is installed.
"""

import pytest

from cos_issuer import LocalCloud


@pytest.fixture(scope="session")
def local_cloud_arguments():
    """The arguments of `cos-issuer run`. Define a fixture of this name to add some."""
    return []


@pytest.fixture(scope="session")
def local_cloud(local_cloud_arguments):
    """A local cloud that all tests share."""
    with LocalCloud(*local_cloud_arguments) as cloud:
        yield cloud


@pytest.fixture
def fresh_local_cloud(local_cloud):
    """The same local cloud, with the objects and the clock of its start."""
    local_cloud.reset()
    return local_cloud
