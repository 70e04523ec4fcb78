"""All bad calls, table by table: what test_bad_input.py runs."""
import bad_input_files  # noqa: F401
import bad_input_functions  # noqa: F401
import bad_input_layers  # noqa: F401
import bad_input_models  # noqa: F401
import bad_input_options  # noqa: F401
import bad_input_sequences  # noqa: F401
import bad_input_settings  # noqa: F401
import bad_input_training  # noqa: F401
from bad_input_rows import rows  # noqa: F401
