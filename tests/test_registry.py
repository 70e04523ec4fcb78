import numpy as np
import pytest

from pydl import registry
from pydl.errors import FormatError


class Scale:
    def __init__(self, factor=1.0, inner=None):
        if factor < 0:
            raise ValueError(f"Scale: factor must be >= 0, got {factor}")
        self.factor, self.inner = factor, inner

    def get_config(self):
        return {"factor": self.factor, "inner": registry.serialize(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(config.pop("factor"), registry.deserialize(config.pop("inner"), kind=Scale), **config)


class Other:
    def get_config(self):
        return {}


def double(x):
    return 2 * x


@pytest.fixture(autouse=True)
def own_table(monkeypatch):
    monkeypatch.setattr(registry, "_by_name", {})
    monkeypatch.setattr(registry, "_custom", {})
    monkeypatch.setattr(registry, "_name_of", {})


def test_round_trip_by_registered_name_nested():
    registry.register("layers", Scale)
    data = registry.serialize(Scale(2.0, Scale(3.0)))
    assert data["class_name"] == "layers.Scale"
    got = registry.deserialize(data, kind=Scale)
    assert (got.factor, got.inner.factor, got.inner.inner) == (2.0, 3.0, None)


def test_custom_objects_reach_nested_objects_and_the_scope_ends():
    data = registry.serialize(Scale(2.0, Scale(3.0)))
    assert data["class_name"] == "Scale"
    with pytest.raises(FormatError, match=r"custom_objects=\{'Scale': Scale\}.*register_serializable"):
        registry.deserialize(data)
    assert registry.deserialize(data, {"Scale": Scale}).inner.factor == 3.0
    with registry.custom_object_scope({"Scale": Scale}):
        assert registry.deserialize(data).factor == 2.0
    with pytest.raises(FormatError):
        registry.deserialize(data)


def test_register_serializable_and_a_bare_custom_name_for_a_packaged_one():
    assert registry.register_serializable("Mine")(Scale) is Scale
    data = registry.serialize(Scale(4.0))
    assert data["class_name"] == "Mine>Scale"
    assert registry.deserialize(data).factor == 4.0
    registry.get_custom_objects().clear()
    assert registry.deserialize(data, {"Scale": Scale}).factor == 4.0


def test_functions_go_by_name_and_lambdas_are_refused():
    registry.register_serializable(name="twice")(double)
    assert registry.serialize(double) == {"function": "Custom>twice"}
    assert registry.deserialize({"function": "Custom>twice"})(4) == 8
    with pytest.raises(ValueError, match="lambda"):
        registry.serialize(lambda x: x)


def test_a_name_belongs_to_one_class_but_may_be_defined_anew():
    registry.register_serializable(name="A")(Scale)
    with pytest.raises(ValueError, match="already"):
        registry.register_serializable(name="A")(Other)
    again = type("Scale", (Scale,), {"__module__": Scale.__module__, "__qualname__": Scale.__qualname__})
    registry.register_serializable(name="A")(again)
    assert registry.registered_object("Custom>A") is again


@pytest.mark.parametrize("evil", [
    {"class_name": "os.system", "config": {"command": "true"}},
    {"class_name": "builtins.eval", "config": {}},
    {"class_name": "__import__", "config": {}},
    {"class_name": "subprocess>Popen", "config": {"args": ["true"]}},
    {"module": "os", "class_name": "system", "registered_name": "os>system", "config": {}},
    {"function": "eval"},
    {"function": "layers.Scale.__init__"},
])
def test_nothing_is_imported_by_name(evil):
    registry.register("layers", Scale)
    with pytest.raises(FormatError, match="unknown class or function"):
        registry.deserialize(evil)


@pytest.mark.parametrize("bad", [3, [], "layers.Scale", {}, {"class_name": 3, "config": {}}, {"class_name": "layers.Scale"},
                                 {"class_name": "layers.Scale", "config": []}, {"class_name": "layers.Scale", "config": {}},
                                 {"class_name": "layers.Scale", "config": {"factor": -1, "inner": None}},
                                 {"class_name": "layers.Scale", "config": {"factor": "x", "inner": None}},
                                 {"class_name": "layers.Scale", "config": {"factor": 1, "inner": None, "more": 1}},
                                 {"class_name": "layers.Scale", "config": {"factor": 1, "inner": 5}},
                                 {"class_name": "other.Other", "config": {}}, {"function": None}, {"function": "f.double"},
                                 {"class_name": "f.double", "config": {}}])
def test_malformed_configs_are_format_errors(bad):
    registry.register("layers", Scale)
    registry.register("other", Other)
    registry.register("f", double)
    assert registry.deserialize({"function": "f.double"}) is double
    with pytest.raises(FormatError, match="^config"):
        registry.deserialize(bad, kind=Scale)


def test_misuse_by_the_programmer():
    with pytest.raises(TypeError, match="a class or a function"):
        registry.register_serializable()(3)
    with pytest.raises(ValueError, match="get_config"):
        registry.register_serializable()(type("Bare", (), {}))
    with pytest.raises(TypeError, match="package must be a string"):
        registry.register_serializable(3)
    with pytest.raises(TypeError, match="custom_objects must be a dict"):
        registry.deserialize(None, [Scale])
    with pytest.raises(TypeError, match="names to classes"):
        registry.deserialize(None, {"Scale": 3})
    with pytest.raises(TypeError, match="get_config"):
        registry.serialize(np.zeros(3))
    with pytest.raises(TypeError, match="must return a dict"):
        registry.serialize(type("Odd", (), {"get_config": lambda self: 3})())
    assert registry.serialize(None) is None and registry.deserialize(None) is None


def test_the_table_of_ones_own_objects():
    table = registry.get_custom_objects()
    assert table == {} and registry.get_custom_objects() is table
    registry.register("layers", Scale)
    assert table == {}                                              # ours are not in it
    registry.register_serializable("Mine")(Other)
    assert table == {"Mine>Other": Other}
    with registry.custom_object_scope({"double": double}):
        assert "double" not in table
    data = {"function": "double"}
    with pytest.raises(FormatError):
        registry.deserialize(data)
    table["double"] = double
    assert registry.deserialize(data) is double and registry.deserialize({"function": "Other>double"}) is double
    table.clear()
    with pytest.raises(FormatError):
        registry.deserialize({"class_name": "Mine>Other", "config": {}})


def test_what_is_gathered_for_a_copy_has_a_name_of_its_own():
    registry.register("layers", Scale)
    twin = type("Other", (Other,), {})
    with registry.gathered() as own:
        written = [registry.serialize(thing) for thing in (Scale(), Other(), twin(), Other(), double, lambda x: x, lambda x: -x)]
    names = [data.get("class_name", data.get("function")) for data in written]
    assert names == ["layers.Scale", "Other", "Other 1", "Other", "double", "<lambda>", "<lambda> 1"]
    assert [registry.deserialize(data, own) for data in written[4:]] == [own[name] for name in ("double", "<lambda>", "<lambda> 1")]
    assert type(registry.deserialize(written[2], own)) is twin
    with pytest.raises(ValueError, match="lambda"):
        registry.serialize(lambda x: x)
