"""A client of the application on a store of the test's own."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.settings import Settings
from app.web.app import create_app


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()
