"""What every store promises, as tests that anybody can bind to a database of their own.

    from capsa.testing import contract

    class TestMyDatabase(contract.RecordsContract, contract.SearchContract):
        @pytest.fixture(scope="class")
        @classmethod
        def store(cls) -> Iterator[Store]:
            with Store.open("postgresql://…") as store:
                yield store

The same tests run on SQLite and PostgreSQL, so whatever one can do, the other can. Needs pytest and hypothesis.
"""

from capsa.testing._contract_base import Contract
from capsa.testing._contract_owners import OwnersContract
from capsa.testing._contract_records import RecordsContract, TransactionsContract
from capsa.testing._contract_search import AnyTextContract, SearchContract
from capsa.testing._contract_vectors import ReembedContract, VectorsContract

__all__ = [
    "AnyTextContract",
    "Contract",
    "OwnersContract",
    "RecordsContract",
    "ReembedContract",
    "SearchContract",
    "TransactionsContract",
    "VectorsContract",
]
