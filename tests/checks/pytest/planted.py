"""A plug-in for pytest that plants a stall: in the test that PLANTED names (the end of its node ID), smtplib writes the end of each line by itself."""

import os
import smtplib

import pytest


@pytest.fixture(autouse=True)
def planted(request, monkeypatch):
    planted_in = os.environ["PLANTED"]
    if not planted_in or not request.node.nodeid.endswith(planted_in):
        return

    def send_in_two(self, data):
        if isinstance(data, str):
            data = data.encode(self.command_encoding)
        self.sock.sendall(data[:-2])
        self.sock.sendall(data[-2:])

    monkeypatch.setattr(smtplib.SMTP, "send", send_in_two)
