"""The API: all of it under ``/api``, JSON, and every error as ``{"detail": …}``."""

from __future__ import annotations

from fastapi import APIRouter

from stoic_emperor.web.routes import chat, health, helping, library, memory, operator, sessions, uploads, user

__all__ = ["router"]

router = APIRouter()
router.include_router(user.open_to_all)
for part in (health, helping, user, chat, sessions, memory, library, uploads, operator):
    router.include_router(part.router)
