"""The service of accounts.thrift, for the stack file thrift-json.yaml: `python stacks/thrift_accounts.py [PORT]`."""

import sys
from pathlib import Path

import thriftpy2
from thriftpy2.rpc import make_server

accounts = thriftpy2.load(str(Path(__file__).with_name("accounts.thrift")), "accounts_thrift")


class Accounts:
    """Keeps accounts in memory."""

    def __init__(self) -> None:
        self._accounts = {1: accounts.Account(id=1, name="Ada", role=accounts.Role.WRITER, labels={"since": "1843"})}

    def get(self, id):  # noqa: A002  the definition's name
        """Return an account."""
        if id not in self._accounts:
            raise accounts.NotFound(id=id)
        return self._accounts[id]

    def add(self, account):
        """Keep an account, and return its number."""
        if not account.name:
            raise accounts.Invalid(why="an account has a name")
        self._accounts[account.id] = account
        return account.id

    def all(self):
        """Return all accounts."""
        return list(self._accounts.values())

    def remove(self, id):  # noqa: A002  the definition's name
        """Forget an account."""
        self.get(id)
        del self._accounts[id]

    def visited(self, id):  # noqa: A002  the definition's name
        """Take note of a visit."""
        sys.stdout.write(f"{id} was here\n")


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9091
    sys.stdout.write(f"accounts on 127.0.0.1:{port}\n")
    sys.stdout.flush()
    make_server(accounts.Accounts, Accounts(), "127.0.0.1", port).serve()
