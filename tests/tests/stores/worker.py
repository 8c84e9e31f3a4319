# Runs statements for a test: one line of JSON in, one line out. Bytes are hexadecimal, in {"hex": …}.
import json
import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)


def taken(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def given(value):
    return {"hex": value.hex()} if isinstance(value, bytes) else value


for line in sys.stdin:
    request = json.loads(line)
    try:
        if "script" in request:
            connection.executescript(request["script"])
            rows = []
        else:
            values = {name: taken(value) for name, value in request["values"].items()}
            rows = connection.execute(request["statement"], values).fetchall()
        reply = {"rows": [[given(value) for value in row] for row in rows]}
    except sqlite3.Error as error:
        reply = {"error": str(error)}
    print(json.dumps(reply), flush=True)
