"""Print the JSON schema of the configuration, for `make schemas`."""

from foldcp.config import json_schema

print(json_schema(), end="")
