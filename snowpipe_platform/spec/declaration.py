"""What a table's declaration gets wrong, before anything is done with it. Every function raises PipelineError."""

from collections.abc import Collection, Sequence

import ibis
import pandera.ibis as pa

from snowpipe_platform.errors import ContractError, PipelineError, did_you_mean
from snowpipe_platform.spec.contract import contract_schema


def refuse_contract(contract: object, *, where: str, table: str) -> None:
    """What is no contract, or has no column, or one of a type that is none."""
    if not (isinstance(contract, type) and issubclass(contract, pa.DataFrameModel)):
        msg = f"{where}: the contract of {table} is {contract!r}."
        raise PipelineError(f"{msg} Write a class of pa.DataFrameModel, after 'import pandera.ibis as pa'.")
    mend = "Write a column as 'amount: dt.Decimal(18, 2)', dt being ibis.expr.datatypes."
    try:
        columns = contract_schema(contract)
    except ContractError as error:
        raise PipelineError(f"{' '.join(str(error).split()).rstrip('.')}. {mend}") from error
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise PipelineError(f"{where}: contract {contract.__name__} cannot be read: {reason}. {mend}") from error
    if not columns:
        raise PipelineError(f"{where}: contract {contract.__name__} has no column. {mend}")


def refuse_names(contract: type[pa.DataFrameModel], taken: Collection[str], *, where: str) -> None:
    """Columns called as the platform's own; engines do not tell `Amount` from `amount`."""
    seen = set(taken)
    for name in contract_schema(contract):
        if name.startswith("_") or name.lower() in seen:
            msg = (
                f"{where}: column {name!r} of {contract.__name__} is taken: the platform uses {', '.join(taken)} and "
                "names that begin with '_', and a name stands once, in whatever case. Rename the column."
            )
            raise PipelineError(msg)
        seen.add(name.lower())


def require_tuple(role: str, names: Sequence[str], *, where: str, table: str, example: str | None) -> None:
    """Names in an argument of the table. example: of a name, where at least one is needed."""
    if isinstance(names, str):
        # A tuple of its letters to Python: the comma was forgotten.
        raise PipelineError(f"{where}: {role} of {table} is a text. Write a tuple: {role}=({names!r},).")
    if example is not None and not names:
        msg = f"{where}: {role} of {table} is empty. Name at least one, such as {role}=({example!r},)."
        raise PipelineError(msg)


def require_columns(role: str, names: Sequence[str], schema: ibis.Schema, *, where: str, contract: str) -> None:
    """Names that are no columns of the contract."""
    for name in names:
        if name not in schema:
            one = role.replace("_", " ").removesuffix("s")
            msg = f"{where}: {one} {name!r} is not a column of {contract}. {did_you_mean(name, list(schema))}"
            raise PipelineError(msg)
