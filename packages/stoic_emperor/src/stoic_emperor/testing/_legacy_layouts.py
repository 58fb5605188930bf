"""The tables of the predecessor's versions, as they were published."""

from __future__ import annotations

V1 = """
CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE users (id TEXT PRIMARY KEY, created_at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, user_id TEXT REFERENCES users(id), created_at TEXT DEFAULT CURRENT_TIMESTAMP, metadata TEXT
);
CREATE TABLE messages (
    id TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions(id), role TEXT, content TEXT, psych_update TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP, semantic_processed_at TEXT
);
CREATE TABLE profiles (
    id TEXT PRIMARY KEY, user_id TEXT REFERENCES users(id), version INTEGER, content TEXT, consensus_log TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE semantic_insights (
    id TEXT PRIMARY KEY, user_id TEXT REFERENCES users(id), source_message_id TEXT REFERENCES messages(id),
    assertion TEXT, confidence REAL, created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_messages_session ON messages(session_id);
"""

V2 = """
CREATE TABLE condensed_summaries (
    id TEXT PRIMARY KEY, user_id TEXT REFERENCES users(id), level INTEGER, content TEXT, period_start TEXT,
    period_end TEXT, source_message_count INTEGER, source_word_count INTEGER, source_summary_ids TEXT,
    consensus_log TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
"""

VECTORS = """
CREATE TABLE IF NOT EXISTS {table} (
    id TEXT PRIMARY KEY, document TEXT NOT NULL, embedding TEXT, metadata TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
"""
VECTOR_TABLES = ("vector_episodic", "vector_semantic", "vector_stoic_wisdom", "vector_psychoanalysis")

ORM = """
CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER NOT NULL, applied_at DATETIME NOT NULL, PRIMARY KEY (version)
);
CREATE TABLE IF NOT EXISTS users (
    id VARCHAR NOT NULL, created_at DATETIME NOT NULL, name VARCHAR, PRIMARY KEY (id)
);
CREATE TABLE IF NOT EXISTS sessions (
    id VARCHAR NOT NULL, user_id VARCHAR NOT NULL, created_at DATETIME NOT NULL, metadata JSON NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE IF NOT EXISTS messages (
    id VARCHAR NOT NULL, session_id VARCHAR NOT NULL, role VARCHAR NOT NULL, content TEXT NOT NULL, psych_update JSON,
    created_at DATETIME NOT NULL, semantic_processed_at DATETIME,
    PRIMARY KEY (id), FOREIGN KEY(session_id) REFERENCES sessions (id)
);
CREATE TABLE IF NOT EXISTS profiles (
    id VARCHAR NOT NULL, user_id VARCHAR NOT NULL, version INTEGER NOT NULL, content TEXT NOT NULL, consensus_log JSON,
    created_at DATETIME NOT NULL, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE IF NOT EXISTS semantic_insights (
    id VARCHAR NOT NULL, user_id VARCHAR NOT NULL, source_message_id VARCHAR NOT NULL, assertion TEXT NOT NULL,
    confidence FLOAT NOT NULL, created_at DATETIME NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE IF NOT EXISTS condensed_summaries (
    id VARCHAR NOT NULL, user_id VARCHAR NOT NULL, level INTEGER NOT NULL, content TEXT NOT NULL,
    period_start DATETIME NOT NULL, period_end DATETIME NOT NULL, source_message_count INTEGER NOT NULL,
    source_word_count INTEGER NOT NULL, source_summary_ids JSON NOT NULL, consensus_log JSON,
    created_at DATETIME NOT NULL, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id)
);
"""
