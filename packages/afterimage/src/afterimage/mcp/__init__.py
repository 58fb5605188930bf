"""The MCP server: the memory as six tools, over standard input and output or over HTTP on this machine.

It needs the extra ``mcp``; nothing else of AfterImage imports it.
"""
