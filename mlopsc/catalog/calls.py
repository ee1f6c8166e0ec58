"""The functions of the vocabulary, by set: what may stand as the value of a setting of kind `call:SET`.

Names and meaning are those of language.md, part 5; positional arguments bind in the order given here.
"""

from __future__ import annotations

from mlopsc.catalog.schema import Argument, CallSpec

_ZONE = Argument("timezone", "zone", "Zone of timestamps whose text has no offset; UTC without it.")
_LAKE = Argument("connection", "ref:connection", "The object store that the path is in.")
_CONNECTION = Argument("connection", "ref:connection", "The database.", required=True)
_PATH = Argument("path", "string", "A file, or a glob, relative to the spec file that names it.", required=True, lo=1)


def _table(*specs: CallSpec) -> dict[str, CallSpec]:
    return {spec.name: spec for spec in specs}


SOURCES = _table(
    CallSpec(
        "csv",
        "Comma-separated text; `.gz` is read by its suffix.",
        (
            _PATH,
            Argument("delimiter", "delimiter", "What separates fields; may be several characters.", ",", lo=1),
            Argument("encoding", "encoding", "Encoding of the text.", "utf-8"),
            Argument("header", "bool", "Whether the first line names the columns.", True),
            _ZONE,
            _LAKE,
        ),
    ),
    CallSpec("parquet", "Parquet files.", (_PATH, _ZONE, _LAKE)),
    CallSpec("json_lines", "One JSON object a line; `.gz` is read by its suffix.", (_PATH, _ZONE, _LAKE)),
    CallSpec(
        "table",
        "A table or view of a database.",
        (_CONNECTION, Argument("name", "string", "Its name, with its schema if need be.", required=True, lo=1), _ZONE),
    ),
    CallSpec(
        "sql",
        "The rows of a query.",
        (_CONNECTION, Argument("query", "string", "A select statement.", required=True, lo=1), _ZONE),
    ),
    CallSpec(
        "python",
        "A function without required arguments that returns a pandas, Arrow or polars table.",
        (Argument("ref", "module", "`package.module:function`, found beside the spec.", required=True), _ZONE),
    ),
)

SCHEDULES = _table(
    CallSpec(
        "cron",
        "At the times of a cron text of five fields.",
        (
            Argument("cron", "cron", "Minute, hour, day of month, month, day of week.", required=True),
            Argument("timezone", "zone", "The zone that the fields are read in.", "UTC"),
        ),
    ),
    CallSpec(
        "every",
        "At a fixed distance.",
        (Argument("every", "duration", "The distance.", required=True, lo=1),),
    ),
)

SPLITS = _table(
    CallSpec(
        "random",
        "Rows that come first by a hash of seed and key are the test rows.",
        (
            Argument("test", "share!", "Share of the rows to test on.", 0.2, lo=0.0001, hi=0.9999),
            Argument("stratify", "row", "Keep the shares of this column's values in both parts."),
        ),
    ),
    CallSpec(
        "time",
        "The latest rows by the data's `time` are the test rows.",
        (
            Argument("test", "share!", "Share of the rows to test on.", lo=0.0001, hi=0.9999),
            Argument("after", "date", "Rows at or after this date or timestamp are the test rows."),
        ),
    ),
    CallSpec(
        "group",
        "Rows with the same value of a column stay together.",
        (
            Argument("column", "column", "The column.", required=True),
            Argument(
                "test",
                "share! or literals",
                "Share of the rows, in whole groups: by their hash, each that begins within it. Or a list of the groups.",
                0.2,
            ),
        ),
    ),
)

APPROVALS = _table(
    CallSpec(
        "manual",
        "A person decides.",
        (
            Argument("by", "strings", "Who may decide.", required=True),
            Argument("within", "duration", "How long to wait before the gate fails.", lo=1),
        ),
    ),
)

SERVING = _table(
    CallSpec("rest", "An HTTP server.", (Argument("port", "int", "Its port.", 8080, lo=1, hi=65535),)),
    CallSpec(
        "batch",
        "Scores a data block into a file.",
        (
            Argument("input", "ref:data", "The rows to score.", required=True),
            Argument("output", "call:sinks", "Where predictions go.", required=True),
            Argument("schedule", "call:schedules", "When; on demand without it."),
        ),
    ),
)

SINKS = _table(
    CallSpec("parquet", "A Parquet file.", (Argument("path", "string", "The file.", required=True, lo=1),)),
    CallSpec("csv", "A CSV file.", (Argument("path", "string", "The file.", required=True, lo=1),)),
)

ROLLOUTS = _table(
    CallSpec("immediate", "All traffic at once."),
    CallSpec(
        "canary",
        "A growing share of the traffic.",
        (
            Argument("shares", "shares", "Ascending shares; the last one is 100%.", required=True),
            Argument("every", "duration", "Time between two shares.", required=True, lo=1),
        ),
    ),
    CallSpec("blue_green", "The new version beside the old one, then all traffic in one move."),
    CallSpec(
        "shadow",
        "The new version answers unheard for a while.",
        (Argument("duration", "duration", "How long.", required=True, lo=1),),
    ),
)

RUNS = _table(
    CallSpec(
        "python",
        "A function of a local module.",
        (Argument("ref", "module", "`module:function`, found beside the spec.", required=True),),
    ),
)


def _server(port: int) -> tuple[Argument, ...]:
    return (
        Argument("host", "string$", "Host name or address.", "localhost"),
        Argument("port", "int$", "Port.", port, lo=1, hi=65535),
        Argument("database", "string$", "Name of the database.", required=True),
        Argument("user", "string$", "User name."),
        Argument("password", "secret", 'Password, as `secret("NAME")`.'),
        Argument("sslmode", "string$", "The driver's own mode for encrypted connections."),
    )


_FILE = (Argument("path", "string$", "The database file, relative to the spec file.", required=True),)

CONNECTIONS = _table(
    CallSpec("postgres", "PostgreSQL.", _server(5432)),
    CallSpec("mysql", "MySQL or MariaDB.", _server(3306)),
    CallSpec("sqlite", "A SQLite file.", _FILE),
    CallSpec("duckdb", "A DuckDB file.", _FILE),
    CallSpec(
        "s3",
        "An S3 bucket.",
        (
            Argument("bucket", "string$", "Its name.", required=True),
            Argument("prefix", "string$", "Path inside it."),
            Argument("endpoint", "string$", "URL of a store other than Amazon's."),
            Argument("region", "string$", "Region."),
            Argument("access_key", "string$", "Access key id."),
            Argument("secret_key", "secret", 'Secret access key, as `secret("NAME")`.'),
        ),
    ),
    CallSpec(
        "gcs",
        "A Google Cloud Storage bucket.",
        (
            Argument("bucket", "string$", "Its name.", required=True),
            Argument("prefix", "string$", "Path inside it."),
            Argument("credentials", "secret", 'Service account key, as `secret("NAME")`.'),
        ),
    ),
)

# Connections to files; the others are to databases.
STORES = ("s3", "gcs")

CHANNELS = _table(
    CallSpec(
        "webhook",
        "Posts a JSON object to a URL.",
        (
            Argument("url", "string$", "The URL.", required=True),
            Argument("token", "secret", 'Bearer token, as `secret("NAME")`.'),
        ),
    ),
    CallSpec(
        "slack",
        "Posts to an incoming webhook of Slack.",
        (
            Argument("url", "secret", 'The webhook\'s URL, as `secret("NAME")`.', required=True),
            Argument("channel", "string$", "Another channel than the webhook's own."),
        ),
    ),
    CallSpec(
        "email",
        "Sends mail.",
        (
            Argument("to", "strings$", "Recipients.", required=True),
            Argument("host", "string$", "SMTP server.", "localhost"),
            Argument("port", "int$", "Its port.", 25, lo=1, hi=65535),
            Argument("sender", "string$", "From address."),
            Argument("user", "string$", "User name."),
            Argument("password", "secret", 'Password, as `secret("NAME")`.'),
        ),
    ),
    CallSpec(
        "pagerduty",
        "Opens an incident.",
        (
            Argument("routing_key", "secret", 'Integration key, as `secret("NAME")`.', required=True),
            Argument("severity", "choice:critical|error|warning|info", "Severity of the incident.", "error"),
            Argument("url", "string$", "Where events go.", "https://events.pagerduty.com/v2/enqueue"),
        ),
    ),
)

ACTIONS = _table(
    CallSpec("alert", "Tells a channel.", (Argument("channel", "ref:channel", "The channel.", required=True),)),
    CallSpec(
        "retrain",
        "Starts the training pipeline; its model passes the gates as ever.",
        (Argument("cooldown", "duration", "No second retrain within this time.", 0.0),),
    ),
    CallSpec("rollback", "Restores the version before."),
    CallSpec("run", "Starts the pipeline."),
)

TRIGGERS = _table(
    CallSpec("new_data", "The data block's source has changed.", (Argument("data", "ref:data", "", required=True),)),
)

SETS: dict[str, dict[str, CallSpec]] = {
    "sources": SOURCES,
    "schedules": SCHEDULES,
    "splits": SPLITS,
    "approvals": APPROVALS,
    "serving": SERVING,
    "sinks": SINKS,
    "rollouts": ROLLOUTS,
    "runs": RUNS,
    "connections": CONNECTIONS,
    "channels": CHANNELS,
    "actions": ACTIONS,
    "triggers": TRIGGERS,
}
