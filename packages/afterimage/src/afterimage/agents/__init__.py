"""Puts AfterImage into the settings of coding agents, and takes it out again."""

from afterimage.agents.clients import CLIENTS, Client
from afterimage.agents.install import Change, Plan, apply, plan_setup, plan_uninstall
from afterimage.agents.switches import switched_off, switched_off_here

__all__ = [
    "CLIENTS",
    "Change",
    "Client",
    "Plan",
    "apply",
    "plan_setup",
    "plan_uninstall",
    "switched_off",
    "switched_off_here",
]
