"""Puts AfterImage into the settings of coding agents, and takes it out again."""

from afterimage.agents.clients import CLIENTS, Client
from afterimage.agents.install import Change, apply, plan_setup, plan_uninstall
from afterimage.agents.switches import switched_off

__all__ = ["CLIENTS", "Change", "Client", "apply", "plan_setup", "plan_uninstall", "switched_off"]
