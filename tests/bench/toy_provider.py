"""A provider for OpenTofu whose resources are nothing but their value; run by the Python that has
the package `tf`, never imported."""

from __future__ import annotations

from typing import Any

from tf import runner, schema, types
from tf.iface import Provider, Resource


class Thing(Resource):
    def __init__(self, provider: Provider) -> None:
        """It needs nothing of its provider."""

    @classmethod
    def get_name(cls) -> str:
        return "thing"

    @classmethod
    def get_schema(cls) -> schema.Schema:
        return schema.Schema(
            attributes=[
                schema.Attribute("id", types.String(), computed=True),
                schema.Attribute("value", types.String(), required=True),
            ]
        )

    def create(self, context: Any, planned: dict[str, Any]) -> dict[str, Any]:
        return planned | {"id": "thing"}

    def read(self, context: Any, current: dict[str, Any]) -> dict[str, Any]:
        return current

    def update(
        self, context: Any, current: dict[str, Any], planned: dict[str, Any]
    ) -> dict[str, Any]:
        return planned | {"id": current["id"]}

    def delete(self, context: Any, current: dict[str, Any]) -> None:
        """Nothing is left of it."""


class Toy(Provider):
    def get_model_prefix(self) -> str:
        return "toy_"

    def full_name(self) -> str:
        return "local.test/homeport/toy"

    def get_provider_schema(self, diagnostics: Any) -> schema.Schema:
        return schema.Schema(attributes=[])

    def validate_config(self, diagnostics: Any, config: dict[str, Any]) -> None:
        """There is no configuration."""

    def configure_provider(self, diagnostics: Any, config: dict[str, Any]) -> None:
        """There is no configuration."""

    def get_data_sources(self) -> list[Any]:
        return []

    def get_resources(self) -> list[Any]:
        return [Thing]


if __name__ == "__main__":
    runner.run_provider(Toy())
