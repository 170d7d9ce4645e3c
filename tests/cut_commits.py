"""A socket before a PostgreSQL server that loses the answer to a COMMIT: the server has stored all, and its client cannot know."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

SOCKET: Final = ".s.PGSQL.5432"


class CutCommits:
    """Listens in ``folder`` for the server in ``behind``. ``left``: how many answers to a COMMIT are still to be lost."""

    def __init__(self, folder: Path, behind: Path) -> None:
        self.left = 0
        self._words = b""
        self._behind = behind / SOCKET
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / SOCKET))
        self._listener.listen()
        self._all: list[socket.socket] = []
        threading.Thread(target=self._accept, name="cut-commits", daemon=True).start()

    def cut_when(self, statement: str) -> None:
        """Lose the answer to the next commit of a transaction that holds a statement with these words."""
        self._words = statement.encode()
        self.left = 1

    def close(self) -> None:
        """End all connections."""
        for one in (self._listener, *self._all):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._behind))
                self._all += [client, server]
                threading.Thread(
                    target=self._pass, args=(client, server), name="cut-commits-client", daemon=True
                ).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on one connection, question by question: the protocol of a session that copies nothing is no more."""
        lost = threading.Event()
        threading.Thread(
            target=self._answer, args=(client, server, lost), name="cut-commits-server", daemon=True
        ).start()
        is_meant = False
        with suppress(OSError):
            while asked := client.recv(1 << 16):
                is_meant = is_meant or (self.left > 0 and self._words in asked)
                if b"COMMIT\0" in asked:
                    if is_meant and self.left:
                        self.left -= 1
                        lost.set()
                    is_meant = False
                server.sendall(asked)
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while (told := server.recv(1 << 16)) and not lost.is_set():
                client.sendall(told)
            client.shutdown(socket.SHUT_RDWR)
